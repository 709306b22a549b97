/**
 * A connection on which both sides speak, on the SDK's low-level `Server`: it does the handshake, tells answers to our
 * questions apart and keeps track of cancellation. Every connection gets its own; a shared one leaks answers across clients
 * (GHSA-345p-7cg4-v4c7).
 *
 * Our handlers hang behind `fallbackRequestHandler`, where requests arrive as they were sent. The SDK's registered handlers
 * parse parameters and results once more and answer a malformed parameter with -32603 instead of -32602.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  ResultSchema,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import type { Caller, Watched } from '../surface.ts';
import type { Connection, LegacyOptions, Wire } from './call.ts';
import { handleRequest } from './handle.ts';
import { capabilitiesOf } from './handshake.ts';

export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** Building one costs 0.2 ms and it keeps no state between uses. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/** Who sent a request, and what else than the SDK may say that nobody waits for its answer any more. */
export interface RequestOrigin {
  caller: Omit<Caller, 'canAsk'>;
  signal?: AbortSignal;
}

/** The server of one connection, and the resources that its client is subscribed to, by URI. */
export interface DuplexServer {
  server: Server;
  subscriptions: Map<string, Watched>;
}

/** Makes the server of one connection; connect a transport to it. */
export function createDuplexServer(
  options: LegacyOptions,
  originOf: (extra: Extra) => RequestOrigin,
): DuplexServer {
  const { surface, onDefect } = options;
  const server = new Server(surface.info, {
    capabilities: capabilitiesOf(surface, true),
    instructions: surface.instructions,
    jsonSchemaValidator,
  });
  // The SDK's own handler parses strictly and answers a bad level with -32603.
  server.removeRequestHandler('logging/setLevel');
  const subscriptions: DuplexServer['subscriptions'] = new Map();
  const connection: Connection = {
    options,
    logLevel: 'info',
    duplex: {
      capabilities: () => server.getClientCapabilities(),
      resourceUpdated: (uri) => void server.sendResourceUpdated({ uri }).catch(onDefect),
      subscriptions,
    },
  };
  server.fallbackRequestHandler = ({ method, params }, extra) => {
    const { caller, signal } = originOf(extra);
    const wire = wireOf(extra, () => originOf(extra).caller, signal);
    return handleRequest(connection, { method, params: params ?? {}, caller, wire }) as Promise<never>;
  };
  server.onclose = () => {
    for (const watched of subscriptions.values()) watched.end();
    subscriptions.clear();
  };
  return { server, subscriptions };
}

function wireOf(extra: Extra, callerNow: Wire['callerNow'], gone?: AbortSignal): Wire {
  const signal = withoutReason(gone ? AbortSignal.any([extra.signal, gone]) : extra.signal);
  return {
    signal,
    callerNow,
    notify(method, params) {
      // The client may be gone; then there is nobody to tell.
      extra.sendNotification({ method, params } as ServerNotification).catch(() => undefined);
    },
    ask: (method, params, timeout) =>
      extra.sendRequest({ method, params } as ServerRequest, ResultSchema, { signal, timeout }),
  };
}

/** `notifications/cancelled` carries a reason: text of the client, which whoever throws the signal's reason would throw. */
function withoutReason(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  if (signal.aborted) controller.abort();
  signal.addEventListener('abort', () => controller.abort(), { once: true });
  return controller.signal;
}
