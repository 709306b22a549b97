/** The production application around the small surface. */
import type { LightMyRequestResponse } from 'fastify';
import { type App, type AppOptions, createApp } from '../src/app.ts';
import { localAuthenticator } from '../src/http/authenticator.ts';
import { ReadinessProbe } from '../src/http/health.ts';
import { createLogger } from '../src/observability/logger.ts';
import { createMetrics } from '../src/observability/metrics.ts';
import { createSmallSurface, type SmallSurface } from './small-surface.ts';

export interface SmallApp extends SmallSurface {
  app: App;
  /** Everything that was logged, line by line. */
  log: string[];
  /** Posts a body (an object, or text as it is) with the headers of a well-behaved client and those given. */
  post(body: unknown, headers?: Record<string, string | undefined>): Promise<LightMyRequestResponse>;
  /** Listens on loopback and returns the URL of `/mcp`. */
  listen(): Promise<URL>;
}

export async function startSmallApp(options: Partial<AppOptions> = {}): Promise<SmallApp> {
  const small = createSmallSurface();
  const log: string[] = [];
  const app = await createApp({
    host: '127.0.0.1',
    surface: small.surface,
    authenticator: localAuthenticator,
    readiness: new ReadinessProbe(async () => [{ name: 'kubernetes', ok: true }]),
    metrics: createMetrics({ version: '0.0.0-test', tools: small.toolNames }),
    logger: createLogger({ level: 'debug', stream: { write: (line) => void log.push(line) } }),
    ...options,
  });
  return {
    ...small,
    app,
    log,
    post(body, headers = {}) {
      const all: Record<string, string | undefined> = {
        host: 'localhost:3000',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        ...headers,
      };
      const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      return app.main.inject({
        method: 'POST',
        url: '/mcp',
        headers: sent as Record<string, string>,
        payload,
      });
    },
    async listen() {
      return new URL('/mcp', await app.main.listen({ host: '127.0.0.1', port: 0 }));
    },
  };
}

/** A request as a client sends it. */
export function request(method: string, params?: unknown, id: unknown = 1): Record<string, unknown> {
  return { jsonrpc: '2.0', id, method, ...(params !== undefined && { params }) };
}

/** A call of a tool as a client sends it. */
export function toolCall(name: string, args: Record<string, unknown>, meta?: Record<string, unknown>) {
  return request('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) });
}
