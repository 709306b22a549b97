/** Five clusters in two namespaces of a simulated API server, and the resources of this server in front of them. */
import { type Simulator, startSimulator } from '../../e2e/simulator/index.ts';
import { createGateway } from '../src/kube/client-node/index.ts';
import { createProductSurface } from '../src/mcp/product-surface.ts';
import {
  type ClusterResourceParts,
  type ClusterResources,
  clusterResources,
} from '../src/mcp/resources/index.ts';
import type { McpSurface, RequestContext } from '../src/mcp/surface.ts';
import { ConfirmationSealer } from '../src/policy/confirmation.ts';
import type { Policy } from '../src/policy/decide.ts';
import { localPrincipal, type Principal } from '../src/policy/principal.ts';
import { catalogue } from '../src/tools/catalog/index.ts';
import type { AuditRecord } from '../src/tools/pipeline.ts';
import { createToolRegistry } from '../src/tools/registry.ts';
import { defaultToolSettings } from '../src/tools/settings.ts';
import { putCluster } from './clusters.ts';

export interface ResourceWorld {
  simulator: Simulator;
  audits: AuditRecord[];
  /** The resources, with other parts or another policy where a test wants them. */
  resourcesWith(parts?: Partial<ClusterResourceParts>, policy?: Partial<Policy>): ClusterResources;
  /** What the server serves, with those resources, and callers who are told of the scope that they lack. */
  surface(): McpSurface;
  /** Changes the status of a cluster in `shop`, as its operator would. */
  setPhase(name: string, phase: string): void;
  /** The watches on clusters that the API server has seen. */
  watchRequests(): unknown[];
  close(): Promise<void>;
}

export async function startResourceWorld(defaultNamespace?: string): Promise<ResourceWorld> {
  const simulator = await startSimulator({ operator: false });
  const kube = createGateway({ kubeconfigText: simulator.kubeconfig, defaultNamespace });
  const audits: AuditRecord[] = [];
  const opened: ClusterResources[] = [];
  for (const name of ['orders', 'invoices']) putCluster(simulator, name, 'shop', 3);
  for (const name of ['ledger', 'audit', 'archive']) putCluster(simulator, name, 'bank', 3);
  const registryWith = (policy: Policy) =>
    createToolRegistry(
      catalogue,
      {
        kube,
        settings: defaultToolSettings,
        policy,
        sealer: new ConfirmationSealer(),
        confirmation: 'token',
        audit: (record) => audits.push(record),
      },
      { stepUp: true },
    );
  const openPolicy = { readOnly: false, noDestroy: false };
  return {
    simulator,
    audits,
    surface() {
      const registry = registryWith(openPolicy);
      const made = clusterResources({ kube, registry, policy: openPolicy });
      opened.push(made);
      const { resources, complete } = made;
      return { ...createProductSurface(registry, '0.0.0-test'), resources, complete };
    },
    resourcesWith(parts = {}, policy = {}) {
      const rules = { ...openPolicy, ...policy };
      const registry = registryWith(rules);
      const made = clusterResources({ kube, registry, policy: rules, ...parts });
      opened.push(made);
      return made;
    },
    setPhase(name, phase) {
      putCluster(simulator, name, 'shop', 3, ({ status }) => {
        if (status) status.phase = phase;
      });
    },
    watchRequests: () =>
      simulator.requests.filter(({ verb, resource }) => verb === 'watch' && resource === 'clusters'),
    async close() {
      for (const { close } of opened) close();
      await kube.close();
      await simulator.close();
    },
  };
}

/** A request of a caller. */
export const as = (principal: Principal = localPrincipal): RequestContext => ({
  principal,
  canAsk: false,
  requestId: 'r1',
  signal: AbortSignal.timeout(10_000),
});

/** Somebody who may read in these namespaces only. */
export const reader = (...namespaces: string[]): Principal => ({
  id: 'reader',
  displayName: 'reader',
  kind: 'token',
  grants: [{ effect: 'read', namespaces, from: 'test' }],
});

/** Somebody in whose name the API server is asked. */
export const person = (user: string): Principal => ({
  ...localPrincipal,
  id: user,
  impersonate: { user, groups: ['developers'] },
});
