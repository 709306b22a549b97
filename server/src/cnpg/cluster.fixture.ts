/** Objects of a real cluster (operator 1.30.0, Kubernetes 1.36.4, PostgreSQL 17), trimmed; for tests. */
import type { Cluster, PersistentVolumeClaim, Pod } from './types.ts';

/** A healthy single instance; `change` gets a deep copy to make something else of it. */
export function clusterFixture(change: (cluster: Cluster) => void = () => undefined): Cluster {
  const cluster: Cluster = {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    metadata: {
      name: 'pg',
      namespace: 't-roles',
      uid: 'c708fb80-f307-42d3-9640-3656c9e809b1',
      resourceVersion: '2164',
      generation: 5,
      creationTimestamp: '2026-11-24T15:44:29Z',
    },
    spec: {
      bootstrap: { initdb: { database: 'shop', owner: 'shop' } },
      enablePDB: true,
      imageName: 'localhost/postgresql:17',
      instances: 1,
      managed: {
        roles: [
          { ensure: 'present', inherit: true, login: true, name: 'a', passwordSecret: { name: 's-a' } },
          { ensure: 'absent', inherit: true, name: 'cnpg-mcp-marker' },
        ],
      },
      maxSyncReplicas: 0,
      minSyncReplicas: 0,
      postgresGID: 26,
      postgresUID: 26,
      postgresql: { parameters: { archive_mode: 'on', max_wal_size: '128MB', wal_level: 'logical' } },
      storage: { resizeInUseVolumes: true, size: '400Mi', storageClass: 'lab' },
    },
    status: {
      conditions: [
        {
          lastTransitionTime: '2026-11-24T15:44:39Z',
          message: 'A single, unique system ID was found across reporting instances.',
          reason: 'Unique',
          status: 'True',
          type: 'ConsistentSystemID',
        },
        {
          lastTransitionTime: '2026-11-24T15:44:47Z',
          message: 'Cluster is Ready',
          reason: 'ClusterIsReady',
          status: 'True',
          type: 'Ready',
        },
        {
          lastTransitionTime: '2026-11-24T15:44:38Z',
          message: 'Continuous archiving is working',
          reason: 'ContinuousArchivingSuccess',
          status: 'True',
          type: 'ContinuousArchiving',
        },
      ],
      currentPrimary: 'pg-1',
      healthyPVC: ['pg-1'],
      image: 'localhost/postgresql:17',
      instanceNames: ['pg-1'],
      instances: 1,
      pgDataImageInfo: { image: 'localhost/postgresql:17', majorVersion: 17 },
      phase: 'Cluster in healthy state',
      readyInstances: 1,
      targetPrimary: 'pg-1',
    },
  };
  change(cluster);
  return cluster;
}

/** The same cluster with several instances, the first of them the primary. */
export function clusterOf(instances: number, change: (cluster: Cluster) => void = () => undefined): Cluster {
  return clusterFixture((cluster) => {
    cluster.spec.instances = instances;
    cluster.status = {
      ...cluster.status,
      instances,
      readyInstances: instances,
      instanceNames: Array.from({ length: instances }, (_, index) => `pg-${index + 1}`),
    };
    change(cluster);
  });
}

/** The pod of one instance. */
export function podFixture(serial: number, options: { primary?: boolean; ready?: boolean } = {}): Pod {
  const { primary = serial === 1, ready = true } = options;
  return {
    metadata: {
      name: `pg-${serial}`,
      namespace: 't-roles',
      labels: {
        'cnpg.io/cluster': 'pg',
        'cnpg.io/instanceName': `pg-${serial}`,
        'cnpg.io/instanceRole': primary ? 'primary' : 'replica',
        'cnpg.io/podRole': 'instance',
      },
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'postgres', ready, restartCount: 0 }],
    },
  };
}

/** The data claim of one instance. */
export function claimFixture(serial: number, cluster = clusterFixture()): PersistentVolumeClaim {
  return {
    metadata: {
      name: `pg-${serial}`,
      namespace: 't-roles',
      labels: {
        'cnpg.io/cluster': 'pg',
        'cnpg.io/instanceName': `pg-${serial}`,
        'cnpg.io/pvcRole': 'PG_DATA',
      },
      ownerReferences: [
        {
          apiVersion: 'postgresql.cnpg.io/v1',
          kind: 'Cluster',
          name: 'pg',
          uid: cluster.metadata.uid ?? '',
          controller: true,
        },
      ],
    },
    spec: {
      resources: { requests: { storage: '400Mi' } },
      storageClassName: 'lab',
      volumeName: `pvc-5ba42f09-f230-4a82-ae09-90bdd61cbfa${serial}`,
    },
    status: { phase: 'Bound', capacity: { storage: '400Mi' } },
  };
}
