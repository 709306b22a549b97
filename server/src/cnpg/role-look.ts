/**
 * Finding out whether PostgreSQL has a role that nobody declared. The operator takes such a role over when it is declared:
 * password, attributes and memberships are gone. It lists the roles that it sees (`not-managed`) only while
 * `spec.managed.roles` holds an entry, and looks when that list is changed, not when somebody makes a role by SQL (seen on
 * operator 1.30.0). So a marker (see ./role-drop.ts) is put there: a status that lists the marker was made from what PostgreSQL
 * holds now. It does nothing in PostgreSQL and is taken out again.
 *
 * The marker names the Secret of the role that is to be made, where it gets one, which is not there yet: the operator lets the
 * instance read the Secrets that the list names. So the right is there when the role is declared. Without it the first attempt is refused
 * (`secrets … is forbidden`), and that of a DatabaseRole is repeated after 30 s only (operator 1.30.0): a role that is made by
 * SQL meanwhile would be taken over.
 */

import { ToolError } from '../errors.ts';
import type { JsonPatchStep, KubeObject, WatchDecision } from '../kube/gateway.ts';
import { standstillNotes } from './cluster-health.ts';
import { appendEntry, findEntry, removeEntries } from './role-edits.ts';
import { isAbandonedMarker, isSpentMarker, markerName } from './role-marker.ts';
import { own } from './role-names.ts';
import type { Cluster } from './types.ts';

/** The edits and waits of one look; they share what was seen. */
export class RoleLook {
  readonly #role: string;
  readonly #now: Date;
  readonly #secret: string | undefined;
  readonly #marker: string;
  #standstill: string[] = [];

  /** `secret`: the one that will hold the password of the role; `undefined` for a role that gets none. */
  constructor(role: string, secret: string | undefined, now: Date) {
    this.#role = role;
    this.#secret = secret;
    this.#now = now;
    this.#marker = markerName(role, now);
  }

  /** First edit: the marker makes the operator look. */
  readonly putMarker = (object: KubeObject): JsonPatchStep[] => {
    const cluster = object as Cluster;
    if ((cluster.spec.managed?.roles ?? []).some(({ name }) => name === this.#marker)) return [];
    // The new one is appended, so removing old ones by index afterwards removes what was tested.
    return [
      ...appendEntry(cluster, {
        name: this.#marker,
        ensure: 'absent',
        ...(this.#secret !== undefined && { passwordSecret: { name: this.#secret } }),
      }),
      ...removeEntries(cluster, (entry) => isAbandonedMarker(entry, this.#now)),
    ];
  };

  /**
   * Until the operator has looked. Throws `already_exists` when PostgreSQL has the role, `conflict` when another call has taken
   * the marker out, and `not_found` when the Cluster is gone.
   */
  readonly untilSeen = (object: KubeObject | undefined): WatchDecision<{ ok: true }> => {
    if (!object) throw new ToolError('not_found', 'The Cluster was deleted meanwhile.');
    this.#standstill = standstillNotes(object as Cluster);
    const lists = (object as Cluster).status?.managedRolesStatus?.byStatus;
    if (!own(lists, 'reconciled')?.includes(this.#marker)) {
      if (findEntry(object as Cluster, this.#marker)) return 'continue';
      throw new ToolError('conflict', `Somebody else is just creating the role ${this.#role}.`, {
        hint: 'Look with list_postgres_roles what became of it before you call again.',
      });
    }
    if (own(lists, 'not-managed')?.includes(this.#role)) throw takenBySql(this.#role);
    return { done: { ok: true } };
  };

  /**
   * The role is declared: the marker has done its work, and so has every other one for this role. One may be that of a call
   * that was broken off, and one of a call that wants the same role comes too late.
   */
  readonly removeMarkers = (object: KubeObject): JsonPatchStep[] =>
    removeEntries(object as Cluster, (entry) => isSpentMarker(entry, this.#role, this.#now));

  /** The call has come to nothing; another one for this role may be at work. */
  readonly takeBackMarker = (object: KubeObject): JsonPatchStep[] =>
    removeEntries(
      object as Cluster,
      (entry) => entry.name === this.#marker || isAbandonedMarker(entry, this.#now),
    );

  /** When the operator has not looked in time: throws `timeout`. */
  readonly late = (): never => {
    throw new ToolError(
      'timeout',
      `The operator did not say which roles PostgreSQL has, so a role ${this.#role} that was made by SQL may be there, and would lose ` +
        'its password, attributes and memberships. The role was not created.',
      {
        hint:
          `${this.#standstill[0] ?? 'Look with get_cluster_status whether the primary runs.'} Then call again. ` +
          'Should the marker entry still be in ' +
          'spec.managed.roles: it does nothing in PostgreSQL, and a later call clears it.',
      },
    );
  };
}

/** The answer for a role that PostgreSQL has and nobody declared. */
function takenBySql(role: string): ToolError {
  return new ToolError(
    'already_exists',
    `PostgreSQL has a role ${role} already, which is not declared: it was made by SQL or left behind. The operator would reset its ` +
      'password, attributes and memberships, so the role was not created.',
    {
      hint:
        'Choose another name, or drop that role in PostgreSQL first. To have the operator take it over knowingly, declare it in ' +
        'spec.managed.roles with kubectl edit, every attribute and membership spelt out: what is left out is reset, and only the ' +
        'password stays where no passwordSecret is named. From then on update_postgres_role can change it.',
    },
  );
}
