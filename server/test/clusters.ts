/** Puts the cluster fixture, and what belongs to it, into the simulated cluster. */
import type { Simulator } from '../../e2e/simulator/index.ts';
import { claimFixture, clusterOf, podFixture } from '../src/cnpg/cluster.fixture.ts';
import type { Cluster } from '../src/cnpg/types.ts';

/** A Cluster of that name with its status, as an operator would have left it. No pods, no claims. */
export function putCluster(
  { state }: Simulator,
  name: string,
  namespace: string,
  instances = 1,
  change: (cluster: Cluster) => void = () => undefined,
): Cluster {
  const cluster = clusterOf(instances, ({ metadata, status }) => {
    metadata.name = name;
    metadata.namespace = namespace;
    delete metadata.uid;
    delete metadata.resourceVersion;
    const rename = (instance: string): string => instance.replace(/^pg-/, `${name}-`);
    Object.assign(status ?? {}, {
      currentPrimary: `${name}-1`,
      targetPrimary: `${name}-1`,
      instanceNames: status?.instanceNames?.map(rename),
    });
  });
  change(cluster);
  return state.put(cluster as never) as unknown as Cluster;
}

/** The pods and volume claims of its instances, owned by it. */
export function putInstances({ state }: Simulator, cluster: Cluster, notReady: number[] = []): void {
  const { name, namespace } = cluster.metadata;
  for (const instance of cluster.status?.instanceNames ?? []) {
    const serial = Number(instance.split('-').at(-1));
    const pod = podFixture(serial, { ready: !notReady.includes(serial) });
    const claim = claimFixture(serial, cluster);
    for (const [kind, { metadata }] of [
      ['Pod', pod],
      ['PersistentVolumeClaim', claim],
    ] as const) {
      Object.assign(metadata, { name: instance, namespace });
      Object.assign(metadata.labels ?? {}, { 'cnpg.io/cluster': name, 'cnpg.io/instanceName': instance });
      metadata.ownerReferences = [
        {
          apiVersion: 'postgresql.cnpg.io/v1',
          kind: 'Cluster',
          name,
          uid: cluster.metadata.uid ?? '',
          controller: true,
        },
      ];
      state.put({ apiVersion: 'v1', kind, ...(kind === 'Pod' ? pod : claim) } as never);
    }
  }
}
