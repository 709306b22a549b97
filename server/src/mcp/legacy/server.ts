/**
 * One protocol server of 2025-11-25 (and what the SDK negotiates down to), on the SDK's low-level `Server`. A connection, or
 * a single POST, gets its own: a shared one leaks answers across clients (GHSA-345p-7cg4-v4c7).
 *
 * Our handlers hang behind `fallbackRequestHandler`, where requests arrive as they were sent. The SDK's registered handlers
 * parse parameters and results once more and answer a malformed parameter with -32603 instead of -32602.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type {
  JSONRPCRequest,
  ServerCapabilities,
  ServerNotification,
  ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { ToolError } from '../../errors.ts';
import type { McpObserver } from '../endpoint.ts';
import { JsonRpcError, jsonRpcCodes } from '../json-rpc.ts';
import { Progress } from '../progress.ts';
import type { Caller, McpSurface, RequestContext } from '../surface.ts';
import { completionHandlers } from './completion.ts';
import { loggingHandlers, sendLog } from './logging.ts';
import { methodNotFound } from './params.ts';
import { promptHandlers } from './prompts.ts';
import { canAsk } from './questions.ts';
import { resourceHandlers } from './resources.ts';
import { toolHandlers } from './tools.ts';

export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** What all connections share. */
export interface LegacyOptions {
  surface: McpSurface;
  observe: McpObserver;
  /** Told of every error that is a defect of the server; the caller only learns that there was one. */
  onDefect(error: unknown): void;
}

/** One connection: a session, a stdio pipe, or just one POST. */
export interface Connection {
  options: LegacyOptions;
  server: Server;
  /** The server can send requests and notifications of its own: everything but a single POST. */
  twoWay: boolean;
  /** Who sent this request. */
  callerOf(extra: Extra): Omit<Caller, 'canAsk'>;
  /** Functions that end the subscriptions to resources, by URI. */
  subscriptions: Map<string, () => void>;
  /** Least level of log messages that the client wants. */
  logLevel: string;
}

/** One request, as its handler sees it. */
export interface LegacyCall {
  connection: Connection;
  surface: McpSurface;
  params: Record<string, unknown>;
  context: RequestContext;
  extra: Extra;
}

export type Handler = (call: LegacyCall) => Promise<object>;

const handlers: Readonly<Record<string, Handler>> = {
  ...toolHandlers,
  ...resourceHandlers,
  ...promptHandlers,
  ...completionHandlers,
  ...loggingHandlers,
};

/** Building one costs 0.2 ms and it keeps no state between uses. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/** Makes the server of one connection; the caller connects a transport to it. */
export function createConnection(
  options: LegacyOptions,
  { twoWay, callerOf }: Pick<Connection, 'twoWay' | 'callerOf'>,
): Connection {
  const { surface } = options;
  const server = new Server(surface.info, {
    capabilities: capabilitiesOf(surface, twoWay),
    instructions: surface.instructions,
    jsonSchemaValidator,
  });
  // The SDK's own handler parses strictly and answers a bad level with -32603.
  server.removeRequestHandler('logging/setLevel');
  const subscriptions = new Map<string, () => void>();
  const connection: Connection = { options, server, twoWay, callerOf, subscriptions, logLevel: 'info' };
  server.fallbackRequestHandler = (request, extra) =>
    handle(connection, request as JSONRPCRequest, extra) as never;
  server.onclose = () => {
    for (const end of subscriptions.values()) end();
    subscriptions.clear();
  };
  return connection;
}

function capabilitiesOf({ resources, prompts, complete }: McpSurface, twoWay: boolean): ServerCapabilities {
  return {
    tools: {},
    logging: {},
    ...(resources && { resources: twoWay && resources.subscribe ? { subscribe: true } : {} }),
    ...(prompts && { prompts: {} }),
    ...(complete && { completions: {} }),
  };
}

async function handle(connection: Connection, request: JSONRPCRequest, extra: Extra): Promise<object> {
  const handler = Object.hasOwn(handlers, request.method) ? handlers[request.method] : undefined;
  if (!handler) throw methodNotFound();
  const token = request.params?._meta?.progressToken;
  const progress =
    token === undefined
      ? undefined
      : new Progress((note) => {
          extra
            .sendNotification({ method: 'notifications/progress', params: { ...note, progressToken: token } })
            .catch(() => undefined);
        });
  const context: RequestContext = {
    ...connection.callerOf(extra),
    canAsk: canAsk(connection),
    signal: connection.twoWay ? withoutReason(extra.signal) : extra.signal,
    log: (level, data) => sendLog(connection, extra, level, data),
    ...(progress && { progress: (message, done, total) => progress.report(message, done, total) }),
  };
  try {
    const { surface } = connection.options;
    return await handler({ connection, surface, params: request.params ?? {}, context, extra });
  } catch (error) {
    throw asProtocolError(error, connection);
  } finally {
    progress?.end();
  }
}

/** `notifications/cancelled` carries a reason: text of the client, which whoever throws the signal's reason would throw. */
function withoutReason(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  signal.addEventListener('abort', () => controller.abort(), { once: true });
  return controller.signal;
}

/** What a failed request that is not a tool's business looks like to the client. */
function asProtocolError(error: unknown, { options }: Connection): JsonRpcError {
  if (error instanceof JsonRpcError) return error;
  if (error instanceof ToolError && error.code !== 'internal') {
    const { code, message, hint } = error;
    const badParams = code === 'unknown_tool' || code === 'invalid_arguments' || code === 'not_found';
    return new JsonRpcError(badParams ? jsonRpcCodes.invalidParams : jsonRpcCodes.serverError, message, {
      code,
      hint,
    });
  }
  options.onDefect(error);
  return new JsonRpcError(jsonRpcCodes.internalError, 'The server failed while it worked on this request.');
}
