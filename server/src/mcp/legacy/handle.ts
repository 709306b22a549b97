/** From a request to its result: finds the handler, gives it its context, and turns what it throws into an error of JSON-RPC. */
import { ToolError } from '../../errors.ts';
import { JsonRpcError, jsonRpcCodes } from '../json-rpc.ts';
import { Progress } from '../progress.ts';
import type { RequestContext } from '../surface.ts';
import type { Connection, Handler, IncomingRequest } from './call.ts';
import { completionHandlers } from './completion.ts';
import { handshakeHandlers } from './handshake.ts';
import { loggingHandlers, sendLog } from './logging.ts';
import { methodNotFound } from './params.ts';
import { promptHandlers } from './prompts.ts';
import { canAsk } from './questions.ts';
import { resourceHandlers } from './resources.ts';
import { toolHandlers } from './tools.ts';

const handlers: ReadonlyMap<string, Handler> = new Map(
  Object.entries({
    ...handshakeHandlers,
    ...toolHandlers,
    ...resourceHandlers,
    ...promptHandlers,
    ...completionHandlers,
    ...loggingHandlers,
  }),
);

/** Works on one request. Rejects with JsonRpcError only. */
export async function handleRequest(connection: Connection, request: IncomingRequest): Promise<object> {
  const { method, params, caller, wire } = request;
  const { surface } = connection.options;
  const handler = handlers.get(method);
  if (!handler) throw methodNotFound();
  const progress = progressOf(request);
  const context: RequestContext = {
    ...caller,
    canAsk: canAsk(connection),
    signal: wire.signal,
    log: (level, data) => sendLog(connection, wire, level, data),
    ...(progress && { progress: (message, done, total) => progress.report(message, done, total) }),
  };
  try {
    return await handler({ connection, surface, params, context, wire });
  } catch (error) {
    throw asProtocolError(error, connection);
  } finally {
    progress?.end();
  }
}

/** Present when the request carries a token for it. */
function progressOf({ params, wire }: IncomingRequest): Progress | undefined {
  const { progressToken } = (params._meta ?? {}) as { progressToken?: unknown };
  if (progressToken === undefined) return undefined;
  return new Progress((note) => wire.notify('notifications/progress', { ...note, progressToken }));
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
