/** One call of every tool that goes as far as Kubernetes lets it, and the cluster that the calls are about. */

import { hibernationAnnotation } from '../../../server/src/cnpg/names.ts';
import { roleSecret, roleSecretName } from '../../../server/src/cnpg/role-secret.ts';
import type { Cluster } from '../../../server/src/cnpg/types.ts';
import type { Tool } from '../../../server/src/tools/define-tool.ts';
import { apply, clusterManifest, getObject, kubectl } from './kubernetes.ts';

/** Name of the cluster. */
export const cluster = 'shop';

/** Secrets of the roles in {@link calls}, as the add-on wants them listed. */
export const secrets = {
  /** Of the role that there is. */
  kept: roleSecretName(cluster, 'kept'),
  /** Of the role that is to be made. */
  reporting: roleSecretName(cluster, 'reporting'),
};

/** Arguments for each tool but the namespace. Changes are dry runs: they need the same rights. */
export const calls: Readonly<Record<string, Record<string, unknown>>> = {
  list_postgres_clusters: {},
  get_cluster_status: { name: cluster },
  create_postgres_cluster: { name: 'another', dry_run: true },
  scale_postgres_cluster: { name: cluster, instances: 2, dry_run: true },
  delete_postgres_cluster: { name: cluster, dry_run: true },
  list_postgres_roles: { cluster_name: cluster },
  create_postgres_role: { cluster_name: cluster, role_name: 'reporting', dry_run: true },
  update_postgres_role: { cluster_name: cluster, role_name: 'kept', reset_password: true, dry_run: true },
  delete_postgres_role: { cluster_name: cluster, role_name: 'kept', dry_run: true },
  list_postgres_databases: { cluster_name: cluster },
  create_postgres_database: { cluster_name: cluster, database_name: 'sales', owner: 'app', dry_run: true },
  delete_postgres_database: { cluster_name: cluster, database_name: 'kept', dry_run: true },
};

/** Whether a tool does nothing without the add-on of Secrets. */
export const needsSecrets = ({ permissions }: Tool): boolean =>
  permissions.some(({ addOn, optional }) => addOn === 'secrets' && !optional);

/** Makes the cluster with a role and a database. It is hibernated from the start: an object of the API server's, without pods. */
export async function applySleepingCluster(namespace: string): Promise<void> {
  const role = { name: 'kept', ensure: 'present', login: true, passwordSecret: { name: secrets.kept } };
  const manifest = clusterManifest(namespace, cluster, { managed: { roles: [role] } }) as Cluster;
  manifest.metadata.annotations = { [hibernationAnnotation]: 'on' };
  await apply(manifest, {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name: `${cluster}-kept`, namespace },
    spec: { cluster: { name: cluster }, name: 'kept', owner: 'app' },
  });
  const made = await getObject('cluster', cluster, namespace);
  await apply({
    ...roleSecret(made, 'kept', secrets.kept),
    stringData: { username: 'kept', password: 'kept' },
  });
  // PostgreSQL sleeps here, so nobody says which roles it has, and without that no role is declared.
  const managedRolesStatus = { byStatus: { 'not-managed': ['app'], reconciled: ['kept'] } };
  await kubectl(
    ...['patch', 'cluster', cluster, '-n', namespace, '--subresource=status', '--type=merge'],
    ...['-p', JSON.stringify({ status: { managedRolesStatus } })],
  );
}
