/** The PostgreSQL cluster that `make up` puts on a Kubernetes. */
import { setTimeout as delay } from 'node:timers/promises';
import { output, runOrThrow } from './command.ts';
import { Failure } from './failure.ts';
import type { TestCluster } from './test-cluster.ts';

export const demo = { namespace: 'demo', name: 'demo', instances: 3 } as const;

const healthySeconds = 600;

/** Creates the namespace and the Cluster, or leaves them as they are. */
export async function applyDemo(cluster: TestCluster): Promise<void> {
  const major = Object.keys(cluster.postgresImages).sort((a, b) => Number(b) - Number(a))[0];
  if (major === undefined) throw new Failure('The provider names no PostgreSQL image.');
  const objects = {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: demo.namespace } },
      {
        apiVersion: 'postgresql.cnpg.io/v1',
        kind: 'Cluster',
        metadata: { name: demo.name, namespace: demo.namespace },
        spec: {
          instances: demo.instances,
          imageName: cluster.postgresImages[major],
          storage: { size: '1Gi', storageClass: cluster.storageClass },
        },
      },
    ],
  };
  const present = await get(cluster, '{.metadata.name}').catch(() => '');
  // Somebody may have changed it meanwhile, through this server for example: that stays.
  if (present === demo.name) return;
  await runOrThrow(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, 'apply', '-f', '-'], {
    input: JSON.stringify(objects),
  });
}

/**
 * Waits until every replica streams from the primary, as PostgreSQL itself reports it. The Cluster's status alone
 * would do for a new one, but after a restart of Kubernetes it is still that of before.
 * @throws with the phase when that takes longer than ten minutes
 */
export async function untilReplicating(cluster: TestCluster): Promise<void> {
  const end = Date.now() + healthySeconds * 1000;
  while (!(await replicating(cluster))) {
    if (Date.now() > end) {
      const phase = await get(cluster, '{.status.phase}: {.status.phaseReason}');
      throw new Failure(`The PostgreSQL cluster is not healthy after ${healthySeconds} s. It says: ${phase}`);
    }
    await delay(1000);
  }
}

/** Whether as many instances stream as the Cluster wants replicas. An instance that cannot be asked is an answer too: not yet. */
async function replicating(cluster: TestCluster): Promise<boolean> {
  try {
    const [primary = '', instances] = (
      await get(cluster, '{.status.currentPrimary} {.spec.instances}')
    ).split(' ');
    if (primary === '') return false;
    const streaming = await kubectl(cluster, [
      ...['exec', primary, '-c', 'postgres', '--', 'psql', '-XAtc'],
      "select count(*) from pg_stat_replication where state = 'streaming'",
    ]);
    return Number(streaming) >= Number(instances) - 1;
  } catch {
    return false;
  }
}

function get(cluster: TestCluster, jsonpath: string): Promise<string> {
  return kubectl(cluster, ['get', 'cluster.postgresql.cnpg.io', demo.name, '-o', `jsonpath=${jsonpath}`]);
}

function kubectl(cluster: TestCluster, args: readonly string[]): Promise<string> {
  return output(cluster.kubectl, [
    '--kubeconfig',
    cluster.kubeconfig,
    '--namespace',
    demo.namespace,
    ...args,
  ]);
}
