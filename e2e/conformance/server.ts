/** The production application on a free port of this machine, serving a surface. */
import type { AddressInfo } from 'node:net';
import { createApp } from '../../server/src/app.ts';
import { configSchema } from '../../server/src/config/schema.ts';
import { localAuthenticator } from '../../server/src/http/authenticator.ts';
import { ReadinessProbe } from '../../server/src/http/health.ts';
import type { McpSurface } from '../../server/src/mcp/surface.ts';
import { createLogger } from '../../server/src/observability/logger.ts';
import { createMetrics } from '../../server/src/observability/metrics.ts';

export interface RunningServer {
  /** Of the MCP endpoint. */
  url: string;
  close(): Promise<void>;
}

/** Starts it, with sessions or without. Errors go to stderr as JSON lines. */
export async function serve(
  surface: McpSurface,
  { sessions = false }: { sessions?: boolean } = {},
): Promise<RunningServer> {
  const app = await createApp({
    surface,
    ...(sessions && { sessions: configSchema.parse({}).sessions }),
    host: '127.0.0.1',
    authenticator: localAuthenticator,
    readiness: new ReadinessProbe(async () => []),
    metrics: createMetrics({ version: surface.info.version, tools: [] }),
    logger: createLogger({ level: 'warn' }),
  });
  await app.main.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.main.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    close: () => app.drain({ propagationMilliseconds: 0, graceMilliseconds: 2_000 }),
  };
}
