/** Reading a Cluster together with the Database objects that belong to it. */
import { databasesOf } from '../../cnpg/databases.ts';
import type { Cluster, Database } from '../../cnpg/types.ts';
import type { ToolContext } from '../define-tool.ts';
import { permission } from '../permission.ts';
import { readCluster, readClusterPermissions } from '../read-cluster.ts';

/** What {@link readDatabases} needs. */
export const readDatabasesPermissions = [
  ...readClusterPermissions,
  permission('databases', ['list'], 'Database objects are found by their spec, not by their name'),
];

export interface ClusterDatabases {
  cluster: Cluster;
  /** Those of this cluster. */
  databases: Database[];
  /** Names of all Database objects in the namespace, also those of other clusters. */
  takenNames: ReadonlySet<string>;
}

/** The Cluster and its Database objects. */
export async function readDatabases(context: ToolContext, clusterName: string): Promise<ClusterDatabases> {
  const cluster = await readCluster(context, clusterName);
  const { items } = await context.kube.list<Database>('databases', { namespace: context.namespace.name });
  return {
    cluster,
    databases: databasesOf(cluster, items),
    takenNames: new Set(items.map(({ metadata }) => metadata.name)),
  };
}
