/** A PostgreSQL cluster that runs in the simulator, for tests that need the operator and what is inside PostgreSQL. */
import type { KubeObject } from '../../e2e/simulator/index.ts';
import type { ClusterSpec } from '../src/cnpg/types.ts';
import type { Harness } from './harness.ts';

export const demo = 'demo';

/** Starts the cluster `orders` in the namespace `demo` (application database `shop`, owner `shop`) and waits until it is healthy. */
export async function startOrders(
  { simulator, kube }: Harness,
  spec: Partial<ClusterSpec> = {},
): Promise<void> {
  simulator.state.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: demo } });
  await kube.create('clusters', {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    metadata: { name: 'orders', namespace: demo },
    spec: {
      instances: 1,
      storage: { size: '1Gi' },
      bootstrap: { initdb: { database: 'shop', owner: 'shop' } },
      ...spec,
    },
  });
  await simulator.state.until('clusters', demo, 'orders', (cluster) => cluster?.status?.readyInstances === 1);
  simulator.clearRequests();
}

/** The Cluster as it is stored. */
export function orders({ simulator }: Harness): KubeObject {
  const cluster = simulator.state.get('clusters', demo, 'orders');
  if (!cluster) throw new Error('The cluster orders is gone.');
  return cluster;
}

/** The entries of spec.managed.roles. */
export function managedRoles(harness: Harness): Record<string, unknown>[] {
  return orders(harness).spec?.managed?.roles ?? [];
}

/** A DatabaseRole of the cluster, made by somebody else; resolves when the operator has applied it. */
export async function putDatabaseRole(
  { kube, simulator }: Harness,
  name: string,
  spec: object,
): Promise<void> {
  await kube.create('databaseroles', {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'DatabaseRole',
    metadata: { name, namespace: demo },
    spec: { cluster: { name: 'orders' }, ...spec },
  });
  await simulator.state.until('databaseroles', demo, name, (object) => object?.status?.applied === true);
}

/** From now on the operator does nothing with PostgreSQL: the only instance is not ready. */
export async function primaryNotReady({ simulator }: Harness): Promise<void> {
  simulator.postgres.behave(demo, 'orders-1', { ready: false });
  await simulator.state.until('pods', demo, 'orders-1', (pod) =>
    pod?.status?.conditions?.some(
      ({ type, status }: { type: string; status: string }) => type === 'Ready' && status === 'False',
    ),
  );
}

/** The password in a Secret. */
export function passwordIn({ simulator }: Harness, secret: string): string {
  const data = simulator.state.get('secrets', demo, secret)?.data as Record<string, string> | undefined;
  return Buffer.from(data?.password ?? '', 'base64').toString();
}

/** The requests so far that wrote something. */
export function writes({ simulator }: Harness): string[] {
  return simulator.requests
    .filter(({ verb, dryRun }) => !dryRun && ['create', 'patch', 'update', 'delete'].includes(verb))
    .filter(({ resource }) => !resource.endsWith('reviews'))
    .map(({ verb, resource, name }) => [verb, resource, name].filter(Boolean).join(' '));
}
