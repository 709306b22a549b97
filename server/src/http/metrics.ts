/** `/metrics`, and the line and the numbers that every request leaves behind. */
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../observability/metrics.ts';

export function serveMetrics(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await metrics.text();
    return reply.header('content-type', contentType).send(body);
  });
}

/** One log line a request: the route (never the query), the status, the time. Probes only at level debug. */
export function recordRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url;
    const durationSeconds = reply.elapsedTime / 1000;
    metrics.serverRequest({
      method: request.method,
      ...(route !== undefined && { route }),
      status: reply.statusCode,
      durationSeconds,
    });
    const line = {
      method: request.method,
      route: route ?? 'none',
      status: reply.statusCode,
      durationSeconds: Math.round(durationSeconds * 1e6) / 1e6,
    };
    if (route === '/mcp') request.log.info(line, 'Answered a request.');
    else request.log.debug(line, 'Answered a request.');
  });
}
