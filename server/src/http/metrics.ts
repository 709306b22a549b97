/** `/metrics`, and the line and the numbers that every request leaves behind. */
import type { FastifyInstance } from 'fastify';
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
  app.addHook('onResponse', (request, reply, next) => {
    const route = request.routeOptions.url;
    const durationSeconds = reply.elapsedTime / 1000;
    const { statusCode: status } = reply;
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
      logger[level](line, 'Answered a request.');
    }
    next();
  });
}
