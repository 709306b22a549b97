/** `/mcp`: reads one message, finds the generation that it speaks, and sends what that one answers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isObject } from '../is-object.ts';
import type { McpAnswer, McpEndpoints, McpExchange } from '../mcp/endpoint.ts';
import { isRequestId, JsonRpcError, jsonRpcCodes, parseMessage } from '../mcp/json-rpc.ts';
import { isToolCall, toolOf } from '../mcp/refused-call.ts';
import type { StepUpCheck } from '../mcp/surface.ts';
import type { Authenticator } from './authenticator.ts';
import { refuse } from './errors.ts';
import { turnAway } from './refusals.ts';

export const mcpPath = '/mcp';

export interface McpRouteOptions {
  endpoints: McpEndpoints;
  stepUp?: StepUpCheck | undefined;
  /** The `WWW-Authenticate` header that names scopes; without it nobody can get others. */
  challenge?: Authenticator['challenge'] | undefined;
}

/**
 * Serves both generations on one path. The scope must have set `identity` and `goneSignal` on the request. GET and DELETE
 * belong to sessions: without one they are answered 405, as the specification wants it.
 */
export function serveMcp(scope: FastifyInstance, options: McpRouteOptions): void {
  const { endpoints } = options;
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => (body.length > 0 ? parseMessage(body) : undefined),
  );
  scope.post(mcpPath, { onRequest: refuseUnacceptable }, async (request, reply) => {
    if (request.body === undefined) {
      throw new JsonRpcError(jsonRpcCodes.parseError, 'The request has no body.');
    }
    request.isRead = true;
    const exchange = exchangeOf(request);
    if (isShortOfScopes(request, reply, exchange, options)) return reply;
    const modern = endpoints.modern?.claims(exchange) ? endpoints.modern : undefined;
    return send(request, reply, await (modern ?? endpoints.legacy).handle(exchange));
  });
  const { sessions } = endpoints;
  const notAllowed = (reply: FastifyReply): FastifyReply => {
    const message = 'Without a session only POST is served here.';
    const allow = sessions ? 'GET, POST, DELETE' : 'POST';
    return refuse(reply.header('allow', allow), 405, jsonRpcCodes.serverError, message);
  };
  scope.route({
    method: ['GET', 'HEAD', 'DELETE'],
    url: mcpPath,
    async handler(request, reply) {
      const inSession = request.headers['mcp-session-id'] !== undefined && request.method !== 'HEAD';
      if (!sessions || !inSession) return notAllowed(reply);
      const exchange = exchangeOf(request);
      if (request.method === 'DELETE') return send(request, reply, await sessions.end(exchange));
      if (!(request.headers.accept ?? '').match(/text\/event-stream|\*\/\*/)) {
        const message = 'The Accept header must name text/event-stream.';
        return refuse(reply, 406, jsonRpcCodes.serverError, message);
      }
      return send(request, reply, sessions.listen(exchange));
    },
  });
  scope.route({
    method: ['PUT', 'PATCH', 'OPTIONS'],
    url: mcpPath,
    handler: (_request, reply) => notAllowed(reply),
  });
}

/**
 * True when the request was refused because it needs other scopes. Before anything else is done with it, so that a client
 * can ask for them and repeat it (authorization, Scope Challenge Handling).
 */
function isShortOfScopes(
  request: FastifyRequest,
  reply: FastifyReply,
  { message, caller }: McpExchange,
  { stepUp, challenge }: McpRouteOptions,
): boolean {
  const { method, params, id } = message;
  if (!stepUp || !challenge || typeof method !== 'string' || !isObject(params)) return false;
  const short = stepUp(method, params, caller);
  if (!short) return false;
  turnAway(request, reply, {
    status: 403,
    rule: 'insufficient_scope',
    message: short.reason,
    headers: { 'www-authenticate': challenge(short.scopes, short.reason) },
    id: isRequestId(id) ? id : null,
    ...(method === 'tools/call' && typeof params.name === 'string' && { tool: params.name }),
  });
  return true;
}

/**
 * A client must be ready for both kinds of answer, because the server decides which it gives; and what it sends is read as it
 * is: unpacked, a few bytes could be more than any limit.
 */
function refuseUnacceptable(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  const { accept = '', 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding.trim().toLowerCase() !== 'identity') {
    const message = 'The body must be sent without Content-Encoding.';
    refuse(reply.header('accept-encoding', 'identity'), 415, jsonRpcCodes.invalidRequest, message);
    return;
  }
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
  const { principal, credential, tightening } = request.identity;
  return {
    message: request.body as Record<string, unknown>,
    headers: request.headers,
    signal: request.goneSignal,
    caller: {
      principal,
      ...(credential && { credential }),
      ...(tightening && { tightening }),
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

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, headers, body, refusal }: McpAnswer,
): FastifyReply {
  if (refusal) {
    const message = (request.body ?? {}) as Record<string, unknown>;
    const tool = isToolCall(message) ? toolOf(message) : undefined;
    request.refusal = { rule: refusal, ...(tool !== undefined && { tool }) };
  }
  reply.code(status);
  if (body !== undefined) {
    if (typeof body === 'string') reply.header('content-type', 'application/json');
    else reply.headers(streamHeaders);
  }
  if (headers) reply.headers(headers);
  return reply.send(body);
}
