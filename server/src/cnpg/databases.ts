/** The Database objects of a Cluster. They are found by what they declare, never by the name of the object. */
import type { Sight } from './role-progress.ts';
import type { Cluster, Database } from './types.ts';

/** The objects that declare a database of this cluster. `objects` may hold those of other clusters. */
export function databasesOf(cluster: Cluster, objects: readonly Database[]): Database[] {
  return objects.filter(({ spec }) => spec.cluster.name === cluster.metadata.name);
}

/** `pending`: the operator has not looked at this generation yet. `unknown`: it has not said anything. */
export type DatabaseState = 'applied' | 'pending' | 'failed' | 'deleting' | 'unknown';

/**
 * What the operator says about the object as it is now. `applied` has three states, and true holds for
 * `observedGeneration` only. While an object is deleted, the operator does not report a DROP that fails: `applied` stays
 * true and there is no message (operator 1.30.0).
 */
export function databaseStatus({ metadata, status }: Database): { state: DatabaseState; message?: string } {
  const message = status?.message ? { message: status.message } : {};
  if (metadata.deletionTimestamp !== undefined) return { state: 'deleting', ...message };
  if (status?.applied === undefined) return { state: 'unknown', ...message };
  if (!status.applied) return { state: 'failed', ...message };
  return { state: status.observedGeneration === metadata.generation ? 'applied' : 'pending', ...message };
}

/** One look at a new Database. */
export function databaseSight(object: Database | undefined): Sight {
  if (!object) return { state: 'failed', message: 'The Database object was deleted meanwhile.' };
  const { state, message } = databaseStatus(object);
  const quoted = message !== undefined ? { quoted: message } : {};
  if (state === 'applied') return { state };
  if (state === 'failed')
    return {
      state,
      message:
        'The operator could not apply it. The object stays and it tries again every 30 s: remove the cause, or the object with delete_postgres_database.',
      ...quoted,
    };
  if (state === 'deleting')
    return { state: 'failed', message: 'The Database object is being deleted.', ...quoted };
  return { state: 'waiting', ...quoted };
}

/** True when the operator drops the database with the object: it has applied the object once and is to delete. */
export function dropsDatabase({ spec, status }: Database): boolean {
  return spec.databaseReclaimPolicy === 'delete' && (status?.observedGeneration ?? 0) > 0;
}
