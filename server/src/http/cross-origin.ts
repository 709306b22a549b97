/** CORS on the MCP routes, for web pages of origins that are allowed. The check of Origin has been made before. */
import type { FastifyInstance } from 'fastify';
import { readOnlyHeader } from './authenticate.ts';

const requestHeaders = [
  'authorization',
  'content-type',
  'accept',
  'mcp-session-id',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'last-event-id',
  'x-request-id',
  'traceparent',
  readOnlyHeader,
].join(', ');
const responseHeaders = ['mcp-session-id', 'mcp-protocol-version', 'www-authenticate', 'retry-after'].join(
  ', ',
);

/** Lets a page read every answer of this scope, also refusals, and answers preflights, which carry no credentials. */
export function allowCrossOrigin(scope: FastifyInstance): void {
  scope.addHook('onRequest', (request, reply, next) => {
    const { origin } = request.headers;
    reply.header('vary', 'Origin');
    if (origin === undefined) {
      next();
      return;
    }
    reply.header('access-control-allow-origin', origin);
    reply.header('access-control-expose-headers', responseHeaders);
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      next();
      return;
    }
    reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'POST, GET, DELETE, OPTIONS',
        'access-control-allow-headers': requestHeaders,
        'access-control-max-age': '7200',
      })
      .send();
  });
}
