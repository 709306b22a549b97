/**
 * Dropping an inline role so that it can be proved. `ensure: absent` makes the operator drop it, but
 * `status.managedRolesStatus` carries no generation: `reconciled` is what it says of a role that is there, and what it says
 * of the same role once it is gone (seen on operator 1.30.0; in between it is pending for some 300 ms). A marker, a second
 * entry with `ensure: absent` for a role that cannot exist, tells the two apart: a status that lists the marker was made
 * from a list in which the role was already to be absent. It does nothing in PostgreSQL. Adding it also makes the operator
 * try again, which it does not do by itself when DROP ROLE has failed (seen on operator 1.30.0).
 */
import { ToolError } from '../errors.ts';
import type { JsonPatchStep, KubeObject, WatchDecision } from '../kube/gateway.ts';
import { appendEntry, findEntry, removeEntries } from './role-edits.ts';
import { isSpentMarker, markerName } from './role-marker.ts';
import { own, quoteIdentifier } from './role-names.ts';
import type { Cluster, RoleSpec } from './types.ts';

type Verdict = { ok: true } | { ok: false; message: string; quoted?: string };

/** The edits and waits of one drop; they share what was seen on the way. */
export class RoleDrop {
  readonly #role: string;
  readonly #now: Date;
  readonly #marker: string;
  readonly #resumes: boolean;
  /** The error of an earlier attempt, which may still be in the status. */
  #earlierError: string | undefined;
  #lastError: string | undefined;
  #dropped = false;

  /** `resumes`: the role was to be absent already when the drop was planned. */
  constructor(role: string, now: Date, { resumes = false } = {}) {
    this.#role = role;
    this.#now = now;
    this.#marker = markerName(role, now);
    this.#resumes = resumes;
  }

  /**
   * First edit: the role is to be absent, and the marker stands beside it. Markers left by a broken-off call go. Throws
   * `conflict` when somebody else has begun to drop the role since this was planned.
   */
  readonly markAbsent = (object: KubeObject): JsonPatchStep[] => {
    const cluster = object as Cluster;
    const entry = this.#entry(cluster);
    if ((cluster.spec.managed?.roles ?? []).some(({ name }) => name === this.#marker)) return [];
    if (entry.ensure === 'absent' && !this.#resumes) {
      throw new ToolError('conflict', `Somebody else has just begun to drop the role ${this.#role}.`);
    }
    this.#earlierError = errorOf(cluster, this.#role);
    const markers = removeEntries(cluster, this.#spent);
    return [
      { op: 'test', path: `${entry.path}/name`, value: this.#role },
      { op: 'add', path: `${entry.path}/ensure`, value: 'absent' },
      ...appendEntry(cluster, { name: this.#marker, ensure: 'absent' }),
      // Markers are only ever appended, so removing them by index does not move what was tested above.
      ...markers,
    ];
  };

  /** Until the operator has looked at a list that holds the marker. */
  readonly untilRead = (object: KubeObject | undefined): WatchDecision<Verdict> => {
    const ended = this.#ended(object);
    if (ended) return { done: ended };
    const listed = own((object as Cluster).status?.managedRolesStatus?.byStatus, 'reconciled');
    return listed?.includes(this.#marker) ? { done: { ok: true } } : 'continue';
  };

  /** Second edit: the marker has done its work. */
  readonly removeMarker = (object: KubeObject): JsonPatchStep[] =>
    removeEntries(object as Cluster, this.#spent);

  /** Until PostgreSQL has dropped the role, or has said why not. Only after {@link untilRead}. */
  readonly untilDropped = (object: KubeObject | undefined): WatchDecision<Verdict> => {
    const ended = this.#ended(object);
    if (ended) return { done: ended };
    const cluster = object as Cluster;
    if (own(cluster.status?.managedRolesStatus?.byStatus, 'reconciled')?.includes(this.#role)) {
      this.#dropped = true;
      return { done: { ok: true } };
    }
    this.#lastError = errorOf(cluster, this.#role);
    if (this.#lastError === undefined || this.#lastError === this.#earlierError) return 'continue';
    return isDropError(this.#lastError) ? { done: this.#refused() } : 'continue';
  };

  /** When the time is over: the same error as before the call, or nothing said at all. */
  readonly late = (): { state: 'failed' | 'requested'; message: string; quoted?: string } => {
    const said = this.#lastError;
    if (said !== undefined && isDropError(said)) return { state: 'failed', ...this.#refused() };
    return {
      state: 'requested',
      message:
        'The operator has not dropped the role yet. The entry keeps ensure: absent; call again to go on.',
      ...(said !== undefined && { quoted: said }),
    };
  };

  /** Last edit: the entry goes. Throws `conflict` when somebody has taken the deletion back meanwhile. */
  readonly removeEntry = (object: KubeObject): JsonPatchStep[] => {
    const cluster = object as Cluster;
    // Before the drop was seen this is a dry run: the entry is as it was.
    if (this.#dropped && findEntry(cluster, this.#role)?.spec.ensure === 'present') {
      throw new ToolError(
        'conflict',
        `The role ${this.#role} was dropped, but somebody has set it to ensure: present again: the operator makes it anew.`,
      );
    }
    return removeEntries(cluster, (role) => role.name === this.#role || this.#spent(role));
  };

  readonly #spent = (entry: RoleSpec): boolean => isSpentMarker(entry, this.#role, this.#now);

  #entry(cluster: Cluster): { path: string; ensure: RoleSpec['ensure'] } {
    const entry = findEntry(cluster, this.#role);
    if (entry) return { path: entry.path, ensure: entry.spec.ensure };
    throw new ToolError(
      'conflict',
      `Somebody else has just taken the role ${this.#role} out of spec.managed.roles.`,
    );
  }

  #ended(object: KubeObject | undefined): Verdict | undefined {
    if (!object) return { ok: false, message: 'The Cluster was deleted meanwhile.' };
    const entry = findEntry(object as Cluster, this.#role);
    if (entry?.spec.ensure === 'absent') return undefined;
    const what = entry
      ? 'set the role to ensure: present again'
      : 'taken the entry out of spec.managed.roles';
    return {
      ok: false,
      message: `Somebody else has ${what} meanwhile; it is not known whether PostgreSQL dropped the role.`,
    };
  }

  #refused(): { ok: false; message: string; quoted: string } {
    return {
      ok: false,
      message: refusedDrop(
        this.#role,
        'The entry keeps ensure: absent (update_postgres_role with ensure: present takes that back)',
        this.#lastError,
      ),
      quoted: this.#lastError ?? '',
    };
  }
}

/**
 * How to go on after PostgreSQL refused to drop a role. `remains`: what is left, as the beginning of a sentence. `said`: the
 * operator's report, which for an inline role holds only the DETAIL line of PostgreSQL's error (operator 1.30).
 */
export function refusedDrop(role: string, remains: string, said = ''): string {
  const name = quoteIdentifier(role);
  const code = /\b\d+ objects? in |\bowner of |\bprivileges for /.test(said)
    ? ' (error 2BP01: other objects depend on it)'
    : '';
  return (
    `PostgreSQL did not drop the role ${role}${code}. ${remains}, and the role can still log in. To go on: in each database run ` +
    `REASSIGN OWNED BY ${name} TO another_role; DROP OWNED BY ${name}; then call this tool again. PostgreSQL's words:`
  );
}

/** Whether the operator reports a failed DROP ROLE, and not a failed attempt to make or change the role. */
export function isDropError(error: string): boolean {
  return /\bDELETE\b|deleting role/.test(error);
}

/** True when PostgreSQL has refused to drop the role before, and the operator still says so. */
export function wasRefused(cluster: Cluster, role: string): boolean {
  const absent = findEntry(cluster, role)?.spec.ensure === 'absent';
  return absent && isDropError(errorOf(cluster, role) ?? '');
}

function errorOf(cluster: Cluster, role: string): string | undefined {
  const messages = own(cluster.status?.managedRolesStatus?.cannotReconcile, role);
  return messages === undefined || messages.length === 0 ? undefined : messages.join('\n');
}
