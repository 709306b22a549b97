/** The Kubernetes gateway over @kubernetes/client-node (configuration and credentials) and undici (connections). */
import type { KubeGateway } from '../gateway.ts';
import { type ClusterConfiguration, type ConfigurationOptions, readConfiguration } from './configuration.ts';
import { Connection } from './connection.ts';
import { Discovery } from './discovery.ts';
import { ClientNodeGateway } from './gateway.ts';
import { Requester, type RequestReport } from './requester.ts';

export type { RequestReport } from './requester.ts';

export interface GatewayOptions extends ConfigurationOptions {
  /** Namespace for callers that name none; before the service account's and the context's. */
  defaultNamespace?: string | undefined;
  /** Called after every exchange with the API server, repetitions included. */
  onRequest?: ((report: RequestReport) => void) | undefined;
  /** `cnpg-mcp` when omitted; the API server's audit log shows it. */
  userAgent?: string | undefined;
}

/** How long {@link KubeGateway.defaultNamespace} and {@link KubeGateway.describe} answer without reading files again. */
const keepConfigurationMs = 10_000;

/**
 * Makes a gateway. Nothing is read, loaded or connected before the first use, and nothing that fails is remembered: it works
 * as soon as there is a configuration and a cluster.
 */
export function createGateway(options: GatewayOptions = {}): KubeGateway {
  const connection = new Connection(() => readConfiguration(options));
  const discovery = new Discovery(() => requester);
  const requester: Requester = new Requester(connection, {
    onRequest: options.onRequest,
    userAgent: options.userAgent ?? 'cnpg-mcp',
    servedKinds: (deadline) => discovery.cnpgKinds(deadline).catch(() => undefined),
  });
  let kept: { value: ClusterConfiguration; readAt: number } | undefined;
  const configuration = (): ClusterConfiguration => {
    if (!kept || performance.now() - kept.readAt > keepConfigurationMs) {
      kept = { value: readConfiguration(options), readAt: performance.now() };
    }
    return kept.value;
  };
  return new ClientNodeGateway(
    { connection, discovery, configuration, defaultNamespace: options.defaultNamespace },
    requester,
  );
}
