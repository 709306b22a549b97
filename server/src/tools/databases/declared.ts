/** Reading a Cluster together with the Database objects that belong to it. */
import { databasesOf } from '../../cnpg/databases.ts';
import { applicationDatabase } from '../../cnpg/role-names.ts';
import type { Cluster, Database } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import type { ToolContext } from '../define-tool.ts';
import { namespacePhrase } from '../namespace.ts';
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

/** The one object that declares a database. Throws `not_found`, and `refused` when several objects claim it. */
export function oneDatabase(
  context: ToolContext,
  { cluster, databases }: ClusterDatabases,
  name: string,
): Database {
  const [found, ...others] = databases.filter(({ spec }) => spec.name === name);
  const clusterName = cluster.metadata.name;
  if (!found) {
    const application = applicationDatabase(cluster)?.database === name;
    throw new ToolError(
      'not_found',
      `The cluster ${clusterName} in ${namespacePhrase(context.namespace)} has no Database object for a database ${name}.`,
      {
        hint: application
          ? 'It is the application database, which bootstrap made; it goes with the cluster.'
          : 'Call list_postgres_databases. A database that was made by SQL is not managed here.',
      },
    );
  }
  if (others.length > 0) {
    const names = [found, ...others].map(({ metadata }) => metadata.name).join(', ');
    throw new ToolError('refused', `The database ${name} is claimed by several Database objects: ${names}.`, {
      hint: 'Delete the one that is not applied with kubectl (it drops nothing), then call again.',
    });
  }
  return found;
}
