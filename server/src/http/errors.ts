/** Every refusal of the HTTP layer has a JSON-RPC body, so that a client shows the sentence and not just a status. */
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { errorBody, JsonRpcError, jsonRpcCodes, type RequestId } from '../mcp/json-rpc.ts';

/** Sends a JSON-RPC error; without an `id` it belongs to no request. `data` is for programs: a stable code of ours. */
export function refuse(
  reply: FastifyReply,
  status: number,
  code: number,
  message: string,
  id: RequestId | null = null,
  data?: Record<string, unknown>,
): FastifyReply {
  return reply
    .code(status)
    .type('application/json')
    .send(errorBody(code, message, id, data));
}

/** Statuses that Fastify itself refuses with, and what they mean to a client. */
const byStatus: Readonly<Record<number, [code: number, message: string]>> = {
  408: [jsonRpcCodes.invalidRequest, 'The request did not arrive in time.'],
  413: [jsonRpcCodes.invalidRequest, 'The request is too large.'],
  414: [jsonRpcCodes.invalidRequest, 'The address is too long.'],
  415: [jsonRpcCodes.invalidRequest, 'The Content-Type must be application/json.'],
  431: [jsonRpcCodes.invalidRequest, 'The headers are too large.'],
  503: [jsonRpcCodes.serverError, 'The server is stopping. Try again in a moment.'],
};

/** For addresses that cannot be decoded: they reach neither a route nor an error handler. */
export function refuseBadAddress(error: FastifyError, reply: FastifyReply): FastifyReply {
  return refuse(reply, error.statusCode ?? 400, jsonRpcCodes.invalidRequest, 'The address is not valid.');
}

/** What cannot be read as HTTP, by the code of Node's parser. */
const statusOfUnread: Readonly<Record<string, [status: number, reason: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
};

/** For what never became a request (too slow, too large, no HTTP at all): there is a socket only, and it is closed. */
export function refuseUnread({ code: problem }: ConnectionError, socket: Socket): void {
  if (problem === 'ECONNRESET' || !socket.writable) return;
  const [status, reason] = statusOfUnread[problem] ?? [400, 'Bad Request'];
  const [code, message] = byStatus[status] ?? [
    jsonRpcCodes.invalidRequest,
    'This is not a valid HTTP request.',
  ];
  const body = errorBody(code, message);
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

/** Refuses addresses that nothing here needs. */
export function limitUrls(scope: FastifyInstance, longest: number): void {
  scope.addHook('onRequest', (request, reply, next) => {
    if ((request.raw.url?.length ?? 0) <= longest) next();
    else refuse(reply, 414, ...(byStatus[414] as [number, string]));
  });
}

/** Answers what no route answers, and every error: never a stack, and 500 only for a defect (which is logged). */
export function installErrorHandlers(app: FastifyInstance, notFound: string): void {
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, jsonRpcCodes.serverError, notFound));
  app.setErrorHandler((error: FastifyError | Error, request, reply) => {
    if (error instanceof JsonRpcError) return refuse(reply, 400, error.code, error.message, error.id);
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    const known = byStatus[status];
    // A connection that is closed while the client still sends is reset, and the client never sees why. Left open, Node
    // throws the rest of the body away, for as long as a request may take to arrive.
    if (status === 413) reply.removeHeader('connection');
    if (known) return refuse(reply, status, ...known);
    if (status >= 400 && status < 500) {
      return refuse(reply, status, jsonRpcCodes.invalidRequest, 'The request is not valid.');
    }
    request.log.error({ requestId: request.id, err: error }, 'A request failed with an internal error.');
    return refuse(reply, 500, jsonRpcCodes.internalError, 'The server failed; its log has the request id.');
  });
}
