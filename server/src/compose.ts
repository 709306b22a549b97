/**
 * Puts the server together, without a transport: gateway, policy, tools, and the surface that protocol adapters serve.
 * Commands and the HTTP application share it.
 */
import { confirmationKeyOf, policyOf, toolSettingsOf } from './config/checks.ts';
import type { Config } from './config/schema.ts';
import { createGateway, type GatewayOptions } from './kube/client-node/index.ts';
import type { KubeGateway } from './kube/gateway.ts';
import { createProductSurface } from './mcp/product-surface.ts';
import { clusterResources } from './mcp/resources/index.ts';
import type { McpSurface } from './mcp/surface.ts';
import { ConfirmationSealer } from './policy/confirmation.ts';
import { createAuditEvents } from './tools/audit-events.ts';
import { catalogue } from './tools/catalog/index.ts';
import type { PipelineParts } from './tools/pipeline.ts';
import { createToolRegistry, type ToolRegistry } from './tools/registry.ts';
import { version } from './version.ts';

export interface ComposeOptions {
  /** Told of every call of a tool. */
  audit: PipelineParts['audit'];
  /** Told of what went wrong beside the calls. */
  onProblem?: (message: string) => void;
  /** A kubeconfig as text, instead of the one that the configuration names. */
  kubeconfigText?: string;
  /** Told of every exchange with the API server. */
  onKubernetesRequest?: GatewayOptions['onRequest'];
}

export interface Composition {
  kube: KubeGateway;
  registry: ToolRegistry;
  surface: McpSurface;
  /** Ends what watches the cluster, and closes the connections to Kubernetes. */
  close(): Promise<void>;
}

/** Builds everything from a configuration. Nothing is asked of the cluster yet, so it need not be there. */
export async function compose(config: Config, options: ComposeOptions): Promise<Composition> {
  const key = await confirmationKeyOf(config);
  const { audit, onProblem = () => undefined } = options;
  const kube = createGateway({
    kubeconfigText: options.kubeconfigText,
    kubeconfigPath: config.kubeconfig,
    context: config.context,
    defaultNamespace: config.namespace,
    onRequest: options.onKubernetesRequest,
    userAgent: `cnpg-mcp/${version}`,
  });
  const leaveEvent = config.audit.events ? createAuditEvents(kube, onProblem) : undefined;
  const parts: PipelineParts = {
    kube,
    settings: toolSettingsOf(config),
    policy: policyOf(config),
    sealer: key ? new ConfirmationSealer(key) : new ConfirmationSealer(),
    confirmation: config.confirmation,
    audit(record) {
      audit(record);
      leaveEvent?.(record);
    },
  };
  const registry = createToolRegistry(catalogue, parts, { stepUp: config.auth.stepUp === 'challenge' });
  const { resources, complete, close } = clusterResources({ kube, registry, policy: parts.policy });
  return {
    kube,
    registry,
    surface: { ...createProductSurface(registry, version), resources, complete },
    async close() {
      close();
      await kube.close();
    },
  };
}
