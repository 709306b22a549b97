/** The Cluster that create_postgres_cluster makes. Whatever is not said here is left to the operator's defaults. */
import { apiVersionOf, resources } from '../kube/resources.ts';
import { managedByLabel, managedByValue } from './names.ts';
import type { Cluster, ClusterSpec } from './types.ts';

export interface ClusterWish {
  name: string;
  namespace: string;
  instances: number;
  image: string;
  storageSize: string;
  storageClass?: string | undefined;
  database?: string | undefined;
  owner?: string | undefined;
  parameters?: Readonly<Record<string, string>> | undefined;
}

/** What the reference system sets; a caller's own parameters win. */
const defaultParameters: Readonly<Record<string, string>> = {
  max_connections: '100',
  shared_buffers: '256MB',
};

/** Application database and owner when a caller names neither: the operator's defaults. */
const defaultDatabase = 'app';

/**
 * The database that is made at the start, and its owner. They belong together: the operator names an owner that is left
 * out after the database, and a database that is left out `app` (defaultInitDB, 1.30).
 */
export function applicationDatabase(wish: Pick<ClusterWish, 'database' | 'owner'>): {
  database: string;
  owner: string;
} {
  const database = wish.database ?? defaultDatabase;
  return { database, owner: wish.owner ?? database };
}

/** The manifest, without anything that the API server or the operator fills in. */
export function clusterManifest(wish: ClusterWish): Cluster {
  const spec: ClusterSpec = {
    instances: wish.instances,
    imageName: wish.image,
    storage: {
      size: wish.storageSize,
      ...(wish.storageClass !== undefined && { storageClass: wish.storageClass }),
    },
    postgresql: { parameters: { ...defaultParameters, ...wish.parameters } },
    ...((wish.database !== undefined || wish.owner !== undefined) && {
      bootstrap: { initdb: applicationDatabase(wish) },
    }),
  };
  return {
    apiVersion: apiVersionOf(resources.clusters),
    kind: resources.clusters.kind,
    metadata: {
      name: wish.name,
      namespace: wish.namespace,
      labels: { [managedByLabel]: managedByValue },
    },
    spec,
  };
}
