/** What can still be brought back of a Cluster: its backups, and whether they outlive it. */
import type { Backup, Cluster } from './types.ts';

export interface BackupOutlook {
  /** Backups of this cluster, completed or not. */
  total: number;
  completed: number;
  /** The newest completed one that is not deleted together with the cluster. */
  newest?: { name: string; at: string; method: string };
  /** Completed ones that go with the cluster. */
  going: number;
}

/** Sorts the backups of a namespace. Objects alone: whether the store still holds the data is not looked at. */
export function backupOutlook(cluster: Cluster, backups: readonly Backup[]): BackupOutlook {
  const own = backups.filter(({ spec }) => spec.cluster?.name === cluster.metadata.name);
  const completed = own.filter(({ status }) => status?.phase === 'completed');
  const staying = completed
    .filter((backup) => !goesWithCluster(cluster, backup))
    .map((backup) => ({
      name: backup.metadata.name,
      at: backup.status?.stoppedAt ?? backup.status?.startedAt ?? backup.metadata.creationTimestamp ?? '',
      method: backup.spec.method ?? 'barmanObjectStore',
    }))
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  return {
    total: own.length,
    completed: completed.length,
    ...(staying[0] && { newest: staying[0] }),
    going: completed.length - staying.length,
  };
}

/** Owned by the cluster, or made of snapshots that are. */
function goesWithCluster(cluster: Cluster, backup: Backup): boolean {
  const { uid } = cluster.metadata;
  if (uid !== undefined && backup.metadata.ownerReferences?.some((owner) => owner.uid === uid)) return true;
  const snapshots = cluster.spec.backup?.volumeSnapshot as { snapshotOwnerReference?: string } | undefined;
  return backup.spec.method === 'volumeSnapshot' && snapshots?.snapshotOwnerReference === 'cluster';
}

/** True when the spec names somewhere to write backups to. */
export function hasBackupConfigured(cluster: Cluster): boolean {
  const { backup, plugins = [] } = cluster.spec;
  const inTree = backup?.barmanObjectStore !== undefined || backup?.volumeSnapshot !== undefined;
  return inTree || plugins.some(({ enabled, isWALArchiver }) => enabled !== false && isWALArchiver === true);
}
