/** How far the operator is with a role that was made or changed: what its status proves, and what it does not. */
import { isDropError } from './role-drop.ts';
import { findEntry } from './role-edits.ts';
import { own } from './role-names.ts';
import { roleStatus } from './roles.ts';
import type { Cluster, DatabaseRole } from './types.ts';

/** What one look at an object says. `quoted` was written by the operator or PostgreSQL. */
export type Sight =
  | { state: 'applied' }
  | { state: 'failed'; message: string; quoted?: string }
  | {
      state: 'waiting';
      quoted?: string;
      /** What is known all the same, for the case that it stays so. */
      note?: string;
    };

/** What the change was, so that a status of before is not taken for one of after. */
export interface Awaited {
  role: string;
  /** resourceVersion of the Secret whose password must be live. */
  secretVersion?: string | undefined;
  /** An attribute other than the memberships was changed: the operator runs ALTER ROLE. */
  altered: boolean;
}

/**
 * The operator cannot read a new Secret at first: its rights on it are extended with a delay of up to 40 s
 * (seen on operator 1.30.0).
 */
function isTransient(message: string): boolean {
  return /secrets? .*(is forbidden|not found)/is.test(message);
}

const undecided =
  'It lists the role as reconciled, but whether that is about this change or about the state of before cannot be told.';

/**
 * Watches an inline role. `before`: the Cluster as the change left it, whose status is still that of before; or as it was read
 * before the change.
 */
export function inlineProgress(awaited: Awaited, before: Cluster): (cluster: Cluster | undefined) => Sight {
  const { role, secretVersion, altered } = awaited;
  const statusBefore = before.status?.managedRolesStatus;
  const transactionBefore = own(statusBefore?.passwordStatus, role)?.transactionID;
  const errorsBefore = own(statusBefore?.cannotReconcile, role)?.join('\n');
  let seenPending = own(statusBefore?.byStatus, 'pending-reconciliation')?.includes(role) ?? false;
  return (cluster) => {
    if (!cluster) return { state: 'failed', message: 'The Cluster was deleted meanwhile.' };
    if (!findEntry(cluster, role)) {
      return {
        state: 'failed',
        message: 'Somebody else has taken the role out of spec.managed.roles meanwhile.',
      };
    }
    const status = cluster.status?.managedRolesStatus;
    if (own(status?.byStatus, 'pending-reconciliation')?.includes(role)) seenPending = true;
    const password = own(status?.passwordStatus, role);
    // `reconciled` alone may be the answer to the list of before. ALTER ROLE changes the transaction id of the role's row;
    // GRANT and REVOKE do not: those are only seen while they are pending.
    const rowChanged = password?.transactionID !== transactionBefore;
    const proved =
      secretVersion !== undefined
        ? password?.resourceVersion === secretVersion
        : rowChanged || (seenPending && !altered);
    const { state, messages } = roleStatus(cluster, { place: 'spec.managed.roles', spec: { name: role } });
    if (state === 'reconciled') return proved ? { state: 'applied' } : { state: 'waiting', note: undecided };
    const said = messages.join('\n');
    // The role is to be there: a DROP ROLE that failed is about what was wanted before.
    return isDropError(said) ? { state: 'waiting', quoted: said } : failedOrWaiting(said, errorsBefore);
  };
}

/** Watches a DatabaseRole. `before`: the object as it was read before the change; omitted when it is new. */
export function objectProgress(
  { secretVersion }: Pick<Awaited, 'secretVersion'>,
  before?: DatabaseRole,
): (object: DatabaseRole | undefined) => Sight {
  const errorBefore = before?.status?.message;
  return (object) => {
    if (!object) return { state: 'failed', message: 'The DatabaseRole was deleted meanwhile.' };
    const { state, messages } = roleStatus({} as Cluster, {
      place: 'DatabaseRole',
      spec: object.spec,
      object,
    });
    if (state === 'deleting') return { state: 'failed', message: 'The DatabaseRole is being deleted.' };
    if (state !== 'reconciled') return failedOrWaiting(messages.join('\n'), errorBefore);
    const live = secretVersion === undefined || object.status?.secretResourceVersion === secretVersion;
    return { state: live ? 'applied' : 'waiting' };
  };
}

/** An error that was there before may be an old one, and one about the Secret passes: neither ends the wait. */
function failedOrWaiting(error: string, before: string | undefined): Sight {
  if (error === '') return { state: 'waiting' };
  if (error === before || isTransient(error)) return { state: 'waiting', quoted: error };
  return {
    state: 'failed',
    message: 'The operator could not apply it; the declaration stays as it was written.',
    quoted: error,
  };
}
