/** How few instances a Cluster's synchronous replication allows. The rules are those of the operator's webhook (1.30). */
import type { ClusterSpec } from './types.ts';

/** The least number of instances, and the setting that asks for it. */
export interface SyncQuorum {
  least: number;
  /** `postgresql.synchronous.number is 2`. */
  because: string;
  /** True when writes stop as soon as one standby less than that is there. */
  strict: boolean;
}

/** `undefined` when nothing is replicated synchronously. */
export function syncQuorum(spec: ClusterSpec): SyncQuorum | undefined {
  const synchronous = spec.postgresql?.synchronous;
  if (synchronous?.number !== undefined && synchronous.number > 0) {
    const outside = (synchronous.standbyNamesPre?.length ?? 0) + (synchronous.standbyNamesPost?.length ?? 0);
    const named = outside > 0 ? `, and ${outside} standby names outside the cluster count` : '';
    return {
      // number < instances + names before and after
      least: Math.max(1, synchronous.number - outside + 1),
      because: `postgresql.synchronous.number is ${synchronous.number}${named}`,
      strict: synchronous.dataDurability !== 'preferred',
    };
  }
  const most = spec.maxSyncReplicas ?? 0;
  if (most > 0) {
    // maxSyncReplicas < instances; the operator puts a lower number of instances back by itself.
    return {
      least: most + 1,
      because: `maxSyncReplicas is ${most}`,
      strict: (spec.minSyncReplicas ?? 0) >= most,
    };
  }
  return undefined;
}
