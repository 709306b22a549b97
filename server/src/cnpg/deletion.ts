/** What is lost for good when a Cluster is deleted, and what could not be found out. */
import { hasBackupConfigured } from './backups.ts';
import type { Neighbours } from './dependants.ts';
import type { Cluster } from './types.ts';
import { volumeTotal } from './volumes.ts';

/** The loud part of the plan. */
export function describeDeletion(
  cluster: Cluster,
  neighbours: Neighbours,
): { losses: string[]; warnings: string[] } {
  return {
    losses: [volumeLoss(neighbours), ...backupLoss(cluster, neighbours)],
    warnings: [...backupWarnings(neighbours), ...unreadWarnings(neighbours), ...elsewhere],
  };
}

/** What becomes of the data is up to the reclaim policy of the volumes behind the claims. */
function volumeLoss({ claims, volumes }: Neighbours): string {
  if (!claims) return 'All databases of this cluster, with its volume claims (which may not be listed here).';
  const policies = claims.map(
    ({ spec }) => volumes?.get(spec.volumeName ?? '')?.spec.persistentVolumeReclaimPolicy,
  );
  const total = volumeTotal(claims);
  if (claims.length > 0 && policies.every((policy) => policy === 'Retain')) {
    return `The cluster and its claims; the data stays in ${total} with reclaim policy Retain, to be recovered by hand.`;
  }
  return policies.every((policy) => policy === 'Delete')
    ? `All databases of this cluster: its volumes are deleted (${total}).`
    : `All databases of this cluster (${total}), unless the reclaim policy of a volume keeps its data.`;
}

function backupLoss(cluster: Cluster, { backups }: Neighbours): string[] {
  if (!backups || backups.newest) return [];
  const going = backups.going > 0 ? ' The completed ones are deleted together with it.' : '';
  const none = hasBackupConfigured(cluster)
    ? 'THERE IS NO COMPLETED BACKUP OBJECT that outlives this cluster.'
    : 'THERE IS NO BACKUP of this cluster, and none is configured: its data cannot be brought back.';
  return [`${none}${going}`];
}

function backupWarnings({ backups }: Neighbours): string[] {
  if (!backups) return ['Whether there is a backup was not checked, for lack of rights.'];
  const { newest } = backups;
  return newest
    ? [
        `The newest completed backup is ${newest.name} of ${newest.at} (${newest.method}); ` +
          'later changes are not in it, and whether its store still holds it was not checked.',
      ]
    : [];
}

function unreadWarnings(neighbours: Neighbours): string[] {
  const { databases, databaseRoles, poolers, scheduledBackups, clusters } = neighbours;
  const unread = Object.entries({
    databases,
    'database roles': databaseRoles,
    poolers,
    'scheduled backups': scheduledBackups,
    'replica clusters': clusters,
  })
    .filter(([, found]) => found === undefined)
    .map(([kind]) => kind);
  return unread.length > 0 ? [`Not looked at, for lack of rights: ${unread.join(', ')}.`] : [];
}

const elsewhere = ['Replica clusters in other namespaces are not looked for.'];
