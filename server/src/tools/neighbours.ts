/** Everything in a Cluster's namespace that hangs on it, for the plan of its deletion. */
import { backupOutlook } from '../cnpg/backups.ts';
import type { Neighbours } from '../cnpg/dependants.ts';
import { clusterLabel } from '../cnpg/names.ts';
import type {
  Backup,
  Cluster,
  Database,
  DatabaseRole,
  PersistentVolume,
  PersistentVolumeClaim,
  Pooler,
  ScheduledBackup,
} from '../cnpg/types.ts';
import { claimsOf } from '../cnpg/volumes.ts';
import type { KubeObject } from '../kube/gateway.ts';
import type { ResourceName } from '../kube/resources.ts';
import type { ToolContext } from './define-tool.ts';
import { itemsIfAllowed, readIfAllowed } from './optional-read.ts';
import { permission } from './permission.ts';

const optional = { optional: true };

/** What {@link findNeighbours} uses besides listing clusters. All optional: what may not be read is said to be unknown. */
export const neighbourPermissions = [
  permission('databases', ['list'], 'to list the databases that are lost', optional),
  permission('databaseroles', ['list'], 'to list the roles that are lost, and their Secrets', optional),
  permission('poolers', ['list'], 'to list the poolers that lose their cluster', optional),
  permission('scheduledbackups', ['list'], 'to list the schedules that lose their cluster', optional),
  permission('backups', ['list'], 'to name the newest backup that remains', optional),
  permission('persistentvolumeclaims', ['list'], 'to list the volumes with their sizes', optional),
  permission('persistentvolumes', ['get'], 'to tell by the reclaim policy whether the data remains', {
    optional: true,
    addOn: 'storage',
  }),
];

/** Reads them all at once. A kind that may not be read, or that this operator does not serve, is `undefined`. */
export async function findNeighbours(context: ToolContext, cluster: Cluster): Promise<Neighbours> {
  const { kube } = context;
  const namespace = context.namespace.name;
  const listed = <T extends KubeObject>(
    kind: ResourceName,
    labelSelector?: string,
  ): Promise<T[] | undefined> =>
    itemsIfAllowed(kube.list<T>(kind, { namespace, ...(labelSelector && { labelSelector }) }));
  const { databaseRoles: servesRoles } = await kube.capabilities();
  const [databases, databaseRoles, poolers, scheduledBackups, backups, clusters, labelled] =
    await Promise.all([
      listed<Database>('databases'),
      servesRoles ? listed<DatabaseRole>('databaseroles') : [],
      listed<Pooler>('poolers'),
      listed<ScheduledBackup>('scheduledbackups'),
      listed<Backup>('backups'),
      listed<Cluster>('clusters'),
      listed<PersistentVolumeClaim>('persistentvolumeclaims', `${clusterLabel}=${cluster.metadata.name}`),
    ]);
  const claims = labelled && claimsOf(cluster, labelled);
  return {
    ...{ databases, databaseRoles, poolers, scheduledBackups, clusters, claims },
    volumes: claims && (await volumesOf(context, claims)),
    backups: backups && backupOutlook(cluster, backups),
  };
}

/** The volumes behind the claims, by name; those that may not be read or are gone are left out. */
async function volumesOf(
  { kube }: ToolContext,
  claims: readonly PersistentVolumeClaim[],
): Promise<Map<string, PersistentVolume>> {
  const names = claims.flatMap(({ spec }) => spec.volumeName ?? []);
  const volumes = new Map<string, PersistentVolume>();
  await Promise.all(
    names.map(async (name) => {
      const volume = await readIfAllowed(
        kube.get<PersistentVolume>('persistentvolumes', { name }),
        'not_found',
      );
      if (volume) volumes.set(name, volume);
    }),
  );
  return volumes;
}
