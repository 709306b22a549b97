/** How far the operator is with a role that was made or changed: what its status proves, and what it does not. */
import { ToolError } from '../errors.ts';
import type { KubeObject, WatchDecision } from '../kube/gateway.ts';
import { isDropError } from './role-drop.ts';
import { findEntry } from './role-edits.ts';
import { own } from './role-names.ts';
import { type RolePlace, type RoleStatus, roleStatus } from './roles.ts';
import type { Cluster, DatabaseRole, RoleSpec } from './types.ts';

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
  /** An attribute other than the memberships was changed: the operator runs ALTER ROLE. A password proves that, too, and counts first. */
  altered: boolean;
}

/**
 * The operator cannot read a new Secret at first: its rights on it are extended with a delay of up to 40 s
 * (seen on operator 1.30.0).
 */
function isTransient(message: string): boolean {
  return /secrets? .*(is forbidden|not found)/is.test(message);
}

/**
 * PostgreSQL's word that a role to be made is there: SQLSTATE 42710 (duplicate_object), or 23505 (unique_violation) when CREATE
 * ROLE had to wait for the transaction that made it.
 */
function isTaken(message: string): boolean {
  return /\(SQLSTATE 42710\)|"pg_authid_rolname_index" \(SQLSTATE 23505\)/.test(message);
}

/**
 * Watches the first attempt to make a role. Throws `already_exists` when PostgreSQL has the role: the operator would take it
 * over the next time, within a second (seen on operator 1.30.0). `before`: the Cluster before the role was declared, whose status
 * may hold such an error of an earlier creation; a second one like it cannot be told from it.
 */
export function firstAttempt(
  role: string,
  place: RolePlace,
  before: Cluster,
): (object: KubeObject | undefined) => WatchDecision<{ ok: true }> {
  const errorBefore = own(before.status?.managedRolesStatus?.cannotReconcile, role)?.join('\n');
  return (object) => {
    if (!object) return { done: { ok: true } };
    const { state, messages } =
      place === 'DatabaseRole'
        ? objectStatus(object as DatabaseRole)
        : roleStatus(object as Cluster, { place, spec: { name: role } });
    const said = messages.join('\n');
    if (state === 'reconciled' || state === 'deleting') return { done: { ok: true } };
    if (state !== 'failed' || said === errorBefore || isTransient(said)) return 'continue';
    if (!isTaken(said)) return { done: { ok: true } };
    throw new ToolError(
      'already_exists',
      `PostgreSQL has a role ${role} already: it was made by SQL while this call was creating one.`,
      {
        hint:
          'Choose another name, or drop that role in PostgreSQL first. Whoever made it should look whether its password, attributes and ' +
          'memberships are still as they were: the operator may have tried again before the declaration was taken back.',
      },
    );
  };
}

/** Throws when the operator has applied what was declared for a role that PostgreSQL had: it is too late to take that back. */
export function refuseTooLate({ name, passwordSecret }: RoleSpec, applied: boolean): void {
  if (!applied) return;
  throw new ToolError(
    'conflict',
    `It was too late to take the declaration back: the operator has taken the role ${name} over. That role has the attributes and ` +
      `memberships of this call now${passwordSecret ? ', and the password in its new Secret' : ''}; agree with whoever made it whose it is.`,
  );
}

/**
 * Whether the operator has applied an inline role that was just declared. `before`: the Cluster before the role was declared.
 */
export function isApplied(role: string, before: Cluster, now: Cluster): boolean {
  const transaction = ({ status }: Cluster): number | undefined =>
    own(status?.managedRolesStatus?.passwordStatus, role)?.transactionID;
  return (
    transaction(now) !== transaction(before) ||
    (own(now.status?.managedRolesStatus?.byStatus, 'reconciled')?.includes(role) ?? false)
  );
}

const objectStatus = (object: DatabaseRole): RoleStatus =>
  roleStatus({} as Cluster, { place: 'DatabaseRole', spec: object.spec, object });

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
    const { state, messages } = objectStatus(object);
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
    message: isTaken(error)
      ? 'PostgreSQL has the role already: it was made by SQL meanwhile. The declaration stays, and the operator takes that role over when it tries again.'
      : 'The operator could not apply it. The declaration stays as it was written: correct it with update_postgres_role, or remove it with delete_postgres_role.',
    quoted: error,
  };
}
