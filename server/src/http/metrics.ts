/** `/metrics`, and the line and the numbers that every request leaves behind. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import { mcpPath } from './mcp-endpoint.ts';

export function serveMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await metrics.text();
    return reply.header('content-type', contentType).send(body);
  });
}

/**
 * Numbers for every request, and a log line: the route (never the query), the status, the time. At level info only what was
 * refused or failed; of what went well the audit log tells.
 */
export function recordRequests(app: FastifyInstance, metrics: Metrics, logger: Logger): void {
  const record = (request: FastifyRequest, reply: FastifyReply, status: number, what: string): void => {
    const route = request.routeOptions.url;
    const durationSeconds = reply.elapsedTime / 1000;
    metrics.serverRequest({
      method: request.method,
      ...(route !== undefined && { route }),
      status,
      durationSeconds,
    });
    const level = status >= 400 && route === mcpPath ? 'info' : 'debug';
    if (logger.isLevelEnabled(level)) {
      const line = {
        requestId: request.id,
        method: request.method,
        route: route ?? 'none',
        status,
        durationSeconds: Math.round(durationSeconds * 1e6) / 1e6,
      };
      logger[level](line, what);
    }
  };
  // Not Fastify's onResponse, which tells of complete answers only: most streams end because their client leaves.
  app.addHook('onRequest', (request, reply, next) => {
    const { raw } = reply;
    const left = (): void => {
      raw.off('finish', answered);
      const status = raw.headersSent ? reply.statusCode : clientLeft;
      record(request, reply, status, 'A client left before its answer was complete.');
    };
    const answered = (): void => {
      raw.off('close', left);
      record(request, reply, reply.statusCode, 'Answered a request.');
    };
    raw.once('close', left).once('finish', answered);
    next();
  });
}

/** As nginx has it: the client has closed the connection before there was an answer. */
const clientLeft = 499;
