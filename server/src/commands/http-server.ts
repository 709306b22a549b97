/** The server on HTTP, listening. Shared by `serve` and `demo`. */
import type { AddressInfo } from 'node:net';
import { type App, createApp } from '../app.ts';
import { compose } from '../compose.ts';
import { assertMayListen } from '../config/checks.ts';
import type { Config } from '../config/schema.ts';
import { allowedHostsOf } from '../config/sign-in.ts';
import { createLogger } from '../observability/logger.ts';
import { createMetrics } from '../observability/metrics.ts';
import { catalogue } from '../tools/catalog/index.ts';
import { version } from '../version.ts';
import { openAuditLog } from './audit-log.ts';
import { openReadinessLog } from './readiness-log.ts';
import { openSignIn } from './sign-in.ts';

export interface HttpServer {
  /** Where MCP is served: `http://127.0.0.1:3000/mcp`. */
  url: string;
  /** Health, readiness and metrics: `http://127.0.0.1:9464`. */
  managementUrl: string;
  /** Stops without losing an answer. With `delay` it goes on serving for a while first: see shutdownDelaySeconds. */
  stop(options: { delay: boolean }): Promise<void>;
}

/**
 * Starts the server. `kubeconfigText` takes the place of the configured kubeconfig. Throws {@link UsageError} when the
 * configuration must not be served, and what `listen` throws when a port is taken.
 */
export async function startHttpServer(
  config: Config,
  options: { kubeconfigText?: string; warnings?: readonly string[] } = {},
): Promise<HttpServer> {
  assertMayListen(config);
  const logger = createLogger({ level: config.logLevel });
  for (const warning of options.warnings ?? []) logger.warn(warning);
  const signIn = await openSignIn(config, logger);
  const metrics = createMetrics({ version, tools: catalogue.map(({ name }) => name) });
  if (signIn.tokensFileUsable) metrics.watchTokensFile(signIn.tokensFileUsable);
  const { audit, close: closeAudit } = openAuditLog(config.audit, logger, process.stdout);
  const composition = await compose(config, {
    ...(options.kubeconfigText !== undefined && { kubeconfigText: options.kubeconfigText }),
    audit(record) {
      audit.toolCall(record);
      metrics.toolCall(record);
      readiness.called(record);
    },
    onProblem: (message) => logger.warn(message),
    onKubernetesRequest: metrics.kubernetesRequest,
  });
  const readiness = openReadinessLog(composition.kube, logger, signIn.checks);
  const app = await createApp({
    surface: composition.surface,
    authenticator: signIn.authenticator,
    protectedResource: signIn.protectedResource,
    auditRefusal: audit.refusal,
    auditStreamEnd: audit.streamEnd,
    trustProxy: config.trustProxy,
    ...(config.sessions.enabled && { sessions: config.sessions }),
    readiness: readiness.probe,
    metrics,
    logger,
    limits: config.limits,
    host: config.host,
    allowedHosts: allowedHostsOf(config),
    allowedOrigins: config.allowedOrigins,
  });
  const stop: HttpServer['stop'] = async ({ delay }) => {
    await app.drain({
      propagationMilliseconds: delay ? config.shutdownDelaySeconds * 1000 : 0,
      graceMilliseconds: config.shutdownGraceSeconds * 1000,
    });
    await composition.close();
    await signIn.close();
    closeAudit();
  };
  try {
    await app.management.listen({ host: config.host, port: config.managementPort });
    await app.main.listen({ host: config.host, port: config.port });
  } catch (thrown) {
    await stop({ delay: false });
    throw thrown;
  }
  const [url, managementUrl] = [`${urlOf(app.main)}/mcp`, urlOf(app.management)];
  logger.info({ url, managementUrl }, `MCP is served at ${url}.`);
  return { url, managementUrl, stop };
}

function urlOf(app: App['main']): string {
  const { address, port, family } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
