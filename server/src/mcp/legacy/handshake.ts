/** `initialize` and `ping` of a single POST. Where there is a connection, the SDK's server answers them itself. */
import {
  LATEST_PROTOCOL_VERSION,
  type ServerCapabilities,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import type { McpSurface } from '../surface.ts';
import type { Handler } from './call.ts';

/** What is declared to clients. Where the server cannot speak first, nobody can subscribe. */
export function capabilitiesOf(
  { resources, prompts, complete }: McpSurface,
  duplex: boolean,
): ServerCapabilities {
  return {
    tools: {},
    logging: {},
    ...(resources && { resources: duplex && resources.subscribe ? { subscribe: true } : {} }),
    ...(prompts && { prompts: {} }),
    ...(complete && { completions: {} }),
  };
}

const initialize: Handler = async ({ surface, params, connection }) => {
  const wanted = String(params.protocolVersion);
  return {
    protocolVersion: SUPPORTED_PROTOCOL_VERSIONS.includes(wanted) ? wanted : LATEST_PROTOCOL_VERSION,
    capabilities: capabilitiesOf(surface, connection.duplex !== undefined),
    serverInfo: surface.info,
    instructions: surface.instructions,
  };
};

export const handshakeHandlers: Readonly<Record<string, Handler>> = { initialize, ping: async () => ({}) };
