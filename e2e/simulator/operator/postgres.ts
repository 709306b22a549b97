/**
 * What is inside the simulated PostgreSQL clusters: roles and databases, and what each instance reports about itself.
 * Errors are PostgreSQL's, with their SQLSTATE.
 */

import type { Machine } from '../api/machine.ts';
import type { PodPorts } from '../api/pods.ts';
import { sameJson } from '../json.ts';
import type { Fields } from '../types.ts';
import { instancePorts } from './instance-ports.ts';

export interface SimulatedRole {
  name: string;
  /** Attributes as a Cluster or DatabaseRole names them: login, superuser, inRoles, connectionLimit … */
  attributes: Fields;
  /** resourceVersion of the Secret that the password was last taken from. */
  passwordVersion?: string;
}

export interface SimulatedDatabase {
  name: string;
  owner: string;
  extensions: string[];
  schemas: string[];
}

/** How one instance differs from a healthy one. */
export interface InstanceBehaviour {
  /** false: the readiness probe fails. */
  ready?: boolean;
  /** Replaces fields of what /pg/status answers; of a replica, `isWalReceiverActive: false` stops its streaming. */
  status?: Fields;
  /** A WAL volume that is full: the container ends with exit code 4 until the claim is at least this large ('3Gi'). */
  fullBelow?: string;
  /** false: nothing listens on the ports. */
  reachable?: boolean;
}

export interface SimulatedPostgres {
  /** Names of all roles, ordered; undefined cluster: none. */
  roles(namespace: string, cluster: string): string[];
  role(namespace: string, cluster: string, name: string): SimulatedRole | undefined;
  roleExists(namespace: string, cluster: string, name: string): boolean;
  /** Creates a role, or changes its attributes, as SQL does: the operator is not told. Returns its transaction. */
  createRole(namespace: string, cluster: string, name: string, attributes: Fields): number;
  /**
   * Creates a role in a transaction that is still open: nobody sees it. It ends when the operator tries to make a role of that
   * name, which fails with SQLSTATE 42710; so do as many attempts as are given here (1).
   */
  beginRole(namespace: string, cluster: string, name: string, attributes: Fields, attempts?: number): void;
  /**
   * The next time that the operator has applied this role it writes an older status over that: the role stays listed as pending
   * until an annotation of the Cluster changes (operator 1.30.0, under load).
   */
  keepPending(namespace: string, cluster: string, role: string): void;
  /** Names of all databases, ordered, without the templates. */
  databases(namespace: string, cluster: string): string[];
  database(namespace: string, cluster: string, name: string): SimulatedDatabase | undefined;
  /** Makes a role own objects (or no longer): while it does, DROP ROLE fails with SQLSTATE 2BP01. */
  ownsObjects(namespace: string, cluster: string, role: string, owns?: boolean): void;
  /** Makes an instance misbehave; {} makes it healthy again. */
  behave(namespace: string, pod: string, behaviour: InstanceBehaviour): void;
}

/** An error of PostgreSQL, printed as its driver prints it. */
export class PostgresError extends Error {
  readonly sqlState: string;
  /** The DETAIL line; '' without one. */
  readonly detail: string;

  constructor(sqlState: string, message: string, detail = '') {
    super(`ERROR: ${message} (SQLSTATE ${sqlState})`);
    this.sqlState = sqlState;
    this.detail = detail;
  }
}

interface Contents {
  roles: Map<string, SimulatedRole>;
  databases: Map<string, SimulatedDatabase>;
  owners: Set<string>;
  /** Roles of open transactions. */
  uncommitted: Map<string, { attributes: Fields; attempts: number }>;
  /** Roles that are kept pending, and the Cluster's annotations under which they are. */
  pending: Map<string, string | undefined>;
  /** The transaction counter that roles are stamped with. */
  transaction: number;
}

/** Parameters that PostgreSQL reads at its start only (context "postmaster"), of those that people change. */
const postmasterParameters = new Set(
  `archive_mode autovacuum_max_workers huge_pages max_connections max_files_per_process max_locks_per_transaction
  max_prepared_transactions max_replication_slots max_wal_senders max_worker_processes shared_buffers
  shared_preload_libraries wal_buffers wal_level wal_log_hints`.split(/\s+/),
);

function restartOnly(parameters: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => postmasterParameters.has(name)));
}

const predefined = ['postgres', 'streaming_replica'];

export class Postgres implements SimulatedPostgres {
  readonly ports: PodPorts;
  readonly #clusters = new Map<string, Contents>();
  readonly #behaviours = new Map<string, InstanceBehaviour>();
  readonly #parameters = new Map<string, Record<string, string>>();
  readonly #listeners = new Set<(namespace: string, pod: string) => void>();

  constructor(machine: Machine, operatorVersion: string) {
    this.ports = instancePorts(machine, this, operatorVersion);
  }

  roles(namespace: string, cluster: string): string[] {
    return [...(this.#clusters.get(`${namespace}/${cluster}`)?.roles.keys() ?? [])].sort();
  }

  role(namespace: string, cluster: string, name: string): SimulatedRole | undefined {
    return this.#clusters.get(`${namespace}/${cluster}`)?.roles.get(name);
  }

  roleExists(namespace: string, cluster: string, name: string): boolean {
    return this.role(namespace, cluster, name) !== undefined;
  }

  databases(namespace: string, cluster: string): string[] {
    return [...(this.#clusters.get(`${namespace}/${cluster}`)?.databases.keys() ?? [])].sort();
  }

  database(namespace: string, cluster: string, name: string): SimulatedDatabase | undefined {
    return this.#clusters.get(`${namespace}/${cluster}`)?.databases.get(name);
  }

  ownsObjects(namespace: string, cluster: string, role: string, owns = true): void {
    const { owners } = this.#contents(namespace, cluster);
    if (owns) owners.add(role);
    else owners.delete(role);
  }

  behave(namespace: string, pod: string, behaviour: InstanceBehaviour): void {
    this.#behaviours.set(`${namespace}/${pod}`, behaviour);
    for (const listener of this.#listeners) listener(namespace, pod);
  }

  /** How an instance behaves at the moment. */
  behaviour(namespace: string, pod: string): InstanceBehaviour {
    return this.#behaviours.get(`${namespace}/${pod}`) ?? {};
  }

  /** Calls the listener when the behaviour of an instance is changed. */
  onBehaviour(listener: (namespace: string, pod: string) => void): void {
    this.#listeners.add(listener);
  }

  /** Remembers the parameters that an instance was started with. */
  started(namespace: string, pod: string, parameters: Record<string, string>): void {
    this.#parameters.set(`${namespace}/${pod}`, restartOnly(parameters));
  }

  /** True when a parameter that only a restart applies has changed since an instance was started. */
  needsRestart(namespace: string, pod: string, parameters: Record<string, string>): boolean {
    const running = this.#parameters.get(`${namespace}/${pod}`);
    return running !== undefined && !sameJson(running, restartOnly(parameters));
  }

  /** What initdb leaves: the superuser, the replication role, and the application's role and database. */
  initialise(
    namespace: string,
    cluster: string,
    database: string | undefined,
    owner: string | undefined,
  ): void {
    for (const name of predefined) this.createRole(namespace, cluster, name, { login: true });
    if (owner !== undefined) this.createRole(namespace, cluster, owner, { login: true });
    this.createDatabase(namespace, cluster, { name: 'postgres', owner: 'postgres' });
    if (database !== undefined)
      this.createDatabase(namespace, cluster, { name: database, owner: owner ?? 'postgres' });
  }

  /** Forgets a cluster that is deleted. */
  forget(namespace: string, cluster: string): void {
    this.#clusters.delete(`${namespace}/${cluster}`);
  }

  keepPending(namespace: string, cluster: string, role: string): void {
    this.#contents(namespace, cluster).pending.set(role, undefined);
  }

  /** Whether the operator lists a role as pending although it is applied. `annotations`: of the Cluster, as text. */
  isKeptPending(namespace: string, cluster: string, role: string, annotations: string): boolean {
    const { pending } = this.#contents(namespace, cluster);
    if (!pending.has(role)) return false;
    const before = pending.get(role) ?? annotations;
    if (before === annotations) pending.set(role, annotations);
    else pending.delete(role);
    return before === annotations;
  }

  beginRole(namespace: string, cluster: string, name: string, attributes: Fields, attempts = 1): void {
    this.#contents(namespace, cluster).uncommitted.set(name, { attributes, attempts });
  }

  /** Creates a role or changes its attributes; returns the transaction it was done in. */
  createRole(
    namespace: string,
    cluster: string,
    name: string,
    attributes: Fields,
    passwordVersion?: string,
  ): number {
    const contents = this.#contents(namespace, cluster);
    for (const parent of (attributes.inRoles ?? []) as string[]) {
      if (!contents.roles.has(parent) && !parent.startsWith('pg_')) {
        throw new PostgresError('42704', `role "${parent}" does not exist`);
      }
    }
    const rival = contents.uncommitted.get(name);
    if (rival !== undefined) {
      rival.attempts -= 1;
      if (rival.attempts <= 0) contents.uncommitted.delete(name);
      contents.roles.set(name, { name, attributes: rival.attributes });
      throw new PostgresError('42710', `role "${name}" already exists`);
    }
    contents.roles.set(name, {
      name,
      attributes,
      ...(passwordVersion === undefined ? {} : { passwordVersion }),
    });
    contents.transaction += 1;
    return contents.transaction;
  }

  /** DROP ROLE; one that is not there is no error, as the operator asks IF EXISTS. */
  dropRole(namespace: string, cluster: string, name: string): void {
    const { roles, databases, owners } = this.#contents(namespace, cluster);
    const owned = [...databases.values()].filter(({ owner }) => owner === name).map((each) => each.name);
    const details = [
      ...(owners.has(name) ? ['1 object in database app'] : []),
      ...owned.map((database) => `owner of database ${database}`),
    ];
    if (details.length > 0) {
      const message = `role "${name}" cannot be dropped because some objects depend on it`;
      throw new PostgresError('2BP01', message, details.join('\n'));
    }
    roles.delete(name);
  }

  /** CREATE DATABASE, or ALTER when it is there. */
  createDatabase(
    namespace: string,
    cluster: string,
    {
      name,
      owner,
      extensions = [],
      schemas = [],
    }: Partial<SimulatedDatabase> & { name: string; owner: string },
  ): void {
    const contents = this.#contents(namespace, cluster);
    if (!contents.roles.has(owner)) throw new PostgresError('42704', `role "${owner}" does not exist`);
    contents.databases.set(name, { name, owner, extensions, schemas });
  }

  dropDatabase(namespace: string, cluster: string, name: string): void {
    this.#contents(namespace, cluster).databases.delete(name);
  }

  #contents(namespace: string, cluster: string): Contents {
    const key = `${namespace}/${cluster}`;
    let contents = this.#clusters.get(key);
    if (contents === undefined) {
      contents = {
        roles: new Map(),
        databases: new Map(),
        owners: new Set(),
        uncommitted: new Map(),
        pending: new Map(),
        transaction: 740,
      };
      this.#clusters.set(key, contents);
    }
    return contents;
  }
}
