/** `/mcp`: reads one message, finds the generation that it speaks, and sends what that one answers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { McpAnswer, McpEndpoints, McpExchange } from '../mcp/endpoint.ts';
import { JsonRpcError, jsonRpcCodes, parseMessage } from '../mcp/json-rpc.ts';
import { refuse } from './errors.ts';

export const mcpPath = '/mcp';

/**
 * Serves both generations on one path. The scope must have set `identity` and `goneSignal` on the request. GET and DELETE
 * belong to sessions, which a stateless server does not have: 405, as the specification wants it.
 */
export function serveMcp(scope: FastifyInstance, endpoints: McpEndpoints): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => parseMessage(body),
  );
  scope.post(mcpPath, { onRequest: refuseUnacceptable }, async (request, reply) => {
    if (request.body === undefined) {
      throw new JsonRpcError(jsonRpcCodes.parseError, 'The request has no body.');
    }
    const exchange = exchangeOf(request);
    const modern = endpoints.modern?.claims(exchange) ? endpoints.modern : undefined;
    return send(reply, await (modern ?? endpoints.legacy).handle(exchange));
  });
  scope.route({
    method: ['GET', 'HEAD', 'DELETE', 'PUT', 'PATCH', 'OPTIONS'],
    url: mcpPath,
    handler: (_request, reply) =>
      refuse(
        reply.header('allow', 'POST'),
        405,
        jsonRpcCodes.serverError,
        'This server keeps no sessions: use POST.',
      ),
  });
}

/** A client must be ready for both kinds of answer, because the server decides which it gives. */
function refuseUnacceptable(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  const accept = request.headers.accept ?? '';
  if (
    accept.includes('*/*') ||
    (accept.includes('application/json') && accept.includes('text/event-stream'))
  ) {
    next();
    return;
  }
  const message = 'The Accept header must name application/json and text/event-stream.';
  refuse(reply, 406, jsonRpcCodes.serverError, message);
}

function exchangeOf(request: FastifyRequest): McpExchange {
  const { traceparent } = request.headers;
  return {
    message: request.body as Record<string, unknown>,
    headers: request.headers,
    signal: request.goneSignal,
    caller: {
      principal: request.identity.principal,
      ...(request.identity.tightening && { tightening: request.identity.tightening }),
      requestId: request.id,
      ...(typeof traceparent === 'string' && w3cTraceparent.test(traceparent) && { traceparent }),
    },
  };
}

/** W3C Trace Context, section 3.2, any version. */
const w3cTraceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  // Asks nginx not to collect the stream before it passes it on.
  'x-accel-buffering': 'no',
};

function send(reply: FastifyReply, { status, headers, body }: McpAnswer): FastifyReply {
  reply.code(status);
  if (body !== undefined) {
    if (typeof body === 'string') reply.header('content-type', 'application/json');
    else reply.headers(streamHeaders);
  }
  if (headers) reply.headers(headers);
  return reply.send(body);
}
