/** 2025-11-25 and older over HTTP without sessions: every POST has its own server, made from shared parts. */
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import type { McpAnswer, McpEndpoint, McpExchange } from '../endpoint.ts';
import { errorBody, jsonRpcCodes, type RequestId } from '../json-rpc.ts';
import { readEnvelope } from './envelope.ts';
import { PostTransport } from './post-transport.ts';
import { createConnection, type LegacyOptions } from './server.ts';
import { Stopwatch } from './stopwatch.ts';

export interface LegacyEndpointOptions extends LegacyOptions {
  /** A JSON answer that takes longer becomes a stream, in seconds. */
  streamAfterSeconds: number;
}

/** What the specification assumes of a request without the header. */
const versionWithoutHeader = '2025-03-26';

export function createLegacyEndpoint(options: LegacyEndpointOptions): McpEndpoint {
  const streamAfterMilliseconds = options.streamAfterSeconds * 1000;
  return {
    async handle({ message, headers, caller, signal }: McpExchange): Promise<McpAnswer> {
      const envelope = readEnvelope(message);
      if (envelope.kind === 'bad') return refusal(envelope.error.code, envelope.error.message, envelope.id);
      const version = headers['mcp-protocol-version'] ?? versionWithoutHeader;
      const isHandshake = envelope.kind === 'request' && envelope.message.method === 'initialize';
      if (!isHandshake && !SUPPORTED_PROTOCOL_VERSIONS.includes(String(version))) {
        const text = `This protocol version is not served. Served are ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}.`;
        return refusal(jsonRpcCodes.serverError, text, null);
      }
      // Without a session there is nothing that a notification or a response could belong to.
      if (envelope.kind !== 'request') return { status: 202 };

      const stopwatch = new Stopwatch(options.observe, 'http');
      stopwatch.protocolVersion = isHandshake ? undefined : String(version);
      const { server } = createConnection(options, { twoWay: false, callerOf: () => caller });
      const transport = new PostTransport(envelope.message, { stopwatch, streamAfterMilliseconds });
      await server.connect(transport);
      signal.addEventListener('abort', () => void transport.close(), { once: true });
      transport.deliver();
      if (signal.aborted) await transport.close();
      return transport.answer;
    },
  };
}

function refusal(code: number, message: string, id: RequestId | null): McpAnswer {
  return { status: 400, body: errorBody(code, message, id) };
}
