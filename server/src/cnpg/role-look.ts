/**
 * Finding out whether PostgreSQL has a role that nobody declared. The operator takes such a role over when it is declared:
 * password, attributes and memberships are gone. It lists the roles that it sees (`not-managed`) only while
 * `spec.managed.roles` holds an entry. So a marker (see ./role-drop.ts) is put there: a status that lists the marker was made
 * from what PostgreSQL holds now. It does nothing in PostgreSQL and is taken out again before anything else is written.
 */
import type { JsonPatchStep, KubeObject, WatchDecision } from '../kube/gateway.ts';
import { appendEntry, removeEntries } from './role-edits.ts';
import { isAbandonedMarker, markerName } from './role-marker.ts';
import { own } from './role-names.ts';
import type { Cluster, RoleSpec } from './types.ts';

type Verdict = { ok: true } | { ok: false; message: string };

/** The edits and waits of one look; they share what was seen. */
export class RoleLook {
  readonly #role: string;
  readonly #now: Date;
  readonly #marker: string;
  #found = false;

  constructor(role: string, now: Date) {
    this.#role = role;
    this.#now = now;
    this.#marker = markerName(role, now);
  }

  /** First edit: the marker makes the operator look. */
  readonly putMarker = (object: KubeObject): JsonPatchStep[] => {
    const cluster = object as Cluster;
    if ((cluster.spec.managed?.roles ?? []).some(({ name }) => name === this.#marker)) return [];
    // The new one is appended, so removing old ones by index afterwards removes what was tested.
    return [
      ...appendEntry(cluster, { name: this.#marker, ensure: 'absent' }),
      ...removeEntries(cluster, (entry) => isAbandonedMarker(entry, this.#now)),
    ];
  };

  /** Until the operator has looked; what it saw is told by {@link untilJudged}, when the marker is out again. */
  readonly untilSeen = (object: KubeObject | undefined): WatchDecision<Verdict> => {
    if (!object) return { done: { ok: false, message: 'The Cluster was deleted meanwhile.' } };
    const lists = (object as Cluster).status?.managedRolesStatus?.byStatus;
    if (!own(lists, 'reconciled')?.includes(this.#marker)) return 'continue';
    this.#found = own(lists, 'not-managed')?.includes(this.#role) ?? false;
    return { done: { ok: true } };
  };

  /** Second edit: the marker has done its work. */
  readonly removeMarker = (object: KubeObject): JsonPatchStep[] =>
    removeEntries(object as Cluster, this.#mineOrAbandoned);

  /** Fails when the role exists. Only after {@link untilSeen}. */
  readonly untilJudged = (): WatchDecision<Verdict> =>
    this.#found ? { done: { ok: false, message: takenBySql(this.#role) } } : { done: { ok: true } };

  /** When the operator has not looked in time. */
  readonly late = (): { state: 'failed'; message: string } => ({
    state: 'failed',
    message:
      `The operator did not say which roles PostgreSQL has, so a role ${this.#role} that was made by SQL may be there, and would lose its ` +
      'password, attributes and memberships. The role was not created. Look with get_cluster_status whether the primary runs, then call ' +
      'again. A marker entry remains in spec.managed.roles: it does nothing in PostgreSQL, and a later call clears it.',
  });

  readonly #mineOrAbandoned = (entry: RoleSpec): boolean =>
    entry.name === this.#marker || isAbandonedMarker(entry, this.#now);
}

/** Why a role that PostgreSQL has and nobody declared is not created, and what to do. */
export function takenBySql(role: string): string {
  return (
    `PostgreSQL has a role ${role} already, which is not declared: it was made by SQL or left behind. The operator would reset its ` +
    'password, attributes and memberships, so the role was not created. Choose another name, or drop that role in PostgreSQL first.'
  );
}
