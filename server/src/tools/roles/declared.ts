/** Reading a Cluster together with everything that declares a role for it. */
import { type DeclaredRole, declarationsOf, declaredRoles, placePhrase } from '../../cnpg/roles.ts';
import type { Cluster, DatabaseRole } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import type { ToolContext } from '../define-tool.ts';
import { namespacePhrase } from '../namespace.ts';
import { permission } from '../permission.ts';
import { readCluster, readClusterPermissions } from '../read-cluster.ts';

/** What {@link readRoles} needs. */
export const readRolesPermissions = [
  ...readClusterPermissions,
  permission(
    'databaseroles',
    ['list'],
    'roles may be declared as DatabaseRole objects, which are found by their spec',
  ),
];

export interface ClusterRoles {
  cluster: Cluster;
  roles: DeclaredRole[];
  /** Every DatabaseRole of the namespace, also those of other clusters; for finding a free object name. */
  objects: DatabaseRole[];
}

/** The Cluster and its roles in both places; an operator without DatabaseRole has one place only. */
export async function readRoles(context: ToolContext, clusterName: string): Promise<ClusterRoles> {
  const cluster = await readCluster(context, clusterName);
  const { databaseRoles: served } = await context.kube.capabilities();
  const namespace = context.namespace.name;
  const objects = served ? (await context.kube.list<DatabaseRole>('databaseroles', { namespace })).items : [];
  return { cluster, roles: declaredRoles(cluster, objects), objects };
}

/**
 * The one declaration of a role. Throws `not_found`, and `conflict` when two DatabaseRoles claim it. An inline entry comes
 * first when the role is declared in both places: it is the one that the operator obeys.
 */
export function oneRole(context: ToolContext, { cluster, roles }: ClusterRoles, name: string): DeclaredRole {
  const [found, other] = declarationsOf(roles, name);
  if (!found) {
    throw new ToolError(
      'not_found',
      `The cluster ${cluster.metadata.name} in ${namespacePhrase(context.namespace)} declares no role ${name}.`,
      { hint: 'Call list_postgres_roles. A role that was made by SQL or by bootstrap is not managed here.' },
    );
  }
  if (found.object && other) {
    throw new ToolError(
      'conflict',
      `The role ${name} is claimed by ${placePhrase(found)} and ${placePhrase(other)}.`,
      {
        hint: 'Delete the DatabaseRole that is not applied with kubectl (reclaim policy retain), then call again.',
      },
    );
  }
  return found;
}
