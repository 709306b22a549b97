/** Clusters for tests and for the bench. */

import { defaultCluster, majorOf } from '../admission/defaults.ts';
import type { Simulator } from '../index.ts';
import { copy } from '../json.ts';
import { settle } from '../operator/operator.ts';
import { phases } from '../operator/phases.ts';
import { worldOf } from '../operator/world.ts';
import { clusterSchema } from '../schemas/cluster.ts';
import { applyDefaults } from '../schemas/schema.ts';
import type { Fields, KubeObject } from '../types.ts';

export interface ClusterFixture {
  name: string;
  /** 'default' unless told. */
  namespace?: string;
  /** 3 unless told. */
  instances?: number;
  /** Merged over the specification: one level deep. */
  spec?: Fields;
  /** Merged over the status of a healthy cluster: one level deep. */
  status?: Fields;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** A Cluster as the operator's webhook stores it: with every default. It has no status. */
function newCluster({
  name,
  namespace = 'default',
  instances = 3,
  spec,
  labels,
  annotations,
}: ClusterFixture): KubeObject {
  const cluster: KubeObject = {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    metadata: {
      name,
      namespace,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: { instances, storage: { size: '10Gi' }, ...copy(spec ?? {}) },
  };
  applyDefaults(clusterSchema(true), cluster);
  defaultCluster(cluster, '1.30.0');
  return cluster;
}

/** A Cluster with the status of a healthy one, on its own: no pods, volumes or Secrets come with it. */
export function clusterFixture(fixture: ClusterFixture): KubeObject {
  const cluster = newCluster(fixture);
  const { name } = cluster.metadata;
  const image: string = cluster.spec?.imageName;
  const instances: number = cluster.spec?.instances;
  const names = Array.from({ length: instances }, (_, index) => `${name}-${index + 1}`);
  const at = '2026-11-01T10:00:00Z';
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: at,
  });
  cluster.status = {
    phase: phases.healthy,
    instances,
    readyInstances: instances,
    instanceNames: names,
    instancesStatus: { healthy: names },
    currentPrimary: names[0],
    currentPrimaryTimestamp: '2026-11-01T10:00:00.000000Z',
    targetPrimary: names[0],
    targetPrimaryTimestamp: '2026-11-01T10:00:00.000000Z',
    timelineID: 1,
    systemID: '7440000000000000001',
    image,
    pgDataImageInfo: { image, majorVersion: majorOf(image) },
    healthyPVC: names,
    pvcCount: instances,
    writeService: `${name}-rw`,
    readService: `${name}-r`,
    selector: `cnpg.io/cluster=${name},cnpg.io/podRole=instance`,
    topology: { successfullyExtracted: true, nodesUsed: Math.min(3, instances) },
    managedRolesStatus: {},
    conditions: [
      condition('Initialized', 'BootstrapCompleted', 'Cluster has been bootstrapped'),
      condition(
        'ConsistentSystemID',
        'Unique',
        'A single, unique system ID was found across reporting instances.',
      ),
      condition('Ready', 'ClusterIsReady', 'Cluster is Ready'),
      condition('ContinuousArchiving', 'ContinuousArchivingSuccess', 'Continuous archiving is working'),
    ],
    ...copy(fixture.status ?? {}),
  };
  return cluster;
}

/**
 * Puts a whole healthy cluster into the simulator, at once and also where no operator runs: pods, claims, volumes,
 * services, Secrets, Lease, events. `at` is the time it bears. Returns the Cluster as stored.
 */
export function putHealthyCluster(simulator: Simulator, fixture: ClusterFixture, at?: Date): KubeObject {
  const world = worldOf(simulator, at);
  const cluster = newCluster(fixture);
  const { namespace = 'default', name } = cluster.metadata;
  const creationTimestamp = world.timestamp;
  settle(world, () => {
    simulator.state.put({ ...cluster, metadata: { ...cluster.metadata, creationTimestamp } });
  });
  const stored = simulator.state.get('clusters', namespace, name);
  if (stored?.status?.phase !== phases.healthy) {
    throw new Error(
      `cluster ${namespace}/${name} does not become healthy: ${JSON.stringify(stored?.status?.phase)}`,
    );
  }
  return stored;
}

/**
 * Puts many healthy Clusters, and nothing that belongs to them, into the simulator, spread over namespaces
 * `team-0001` and so on. For a simulator without operator: one that runs would create all their instances.
 */
export function populateMany(simulator: Simulator, count: number, namespaces = 20): void {
  const number = (value: number) => String(value).padStart(4, '0');
  for (let index = 0; index < count; index += 1) {
    const namespace = `team-${number((index % namespaces) + 1)}`;
    simulator.state.put(
      clusterFixture({ name: `db-${number(index + 1)}`, namespace, labels: { team: namespace } }),
    );
  }
}
