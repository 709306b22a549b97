/**
 * The roles of a Cluster. They live in two places: entries of `spec.managed.roles`, and DatabaseRole objects (operator 1.30
 * and later). Where both hold the same name the operator obeys `spec.managed.roles`.
 */
import { isMarker } from './role-marker.ts';
import { applicationDatabase, own } from './role-names.ts';
import type { Cluster, DatabaseRole, RoleSpec } from './types.ts';

/** Where a role is declared, in the operator's words. */
export type RolePlace = 'spec.managed.roles' | 'DatabaseRole';

/** A declared role. `object` is set for the place `DatabaseRole`. */
export interface DeclaredRole {
  place: RolePlace;
  spec: RoleSpec;
  object?: DatabaseRole;
}

/** All roles that are declared for the cluster, inline ones first. `objects` may hold those of other clusters. */
export function declaredRoles(cluster: Cluster, objects: readonly DatabaseRole[]): DeclaredRole[] {
  const inline = (cluster.spec.managed?.roles ?? []).filter((role) => !isMarker(role));
  const mine = objects.filter(({ spec }) => spec.cluster.name === cluster.metadata.name);
  return [
    ...inline.map((spec): DeclaredRole => ({ place: 'spec.managed.roles', spec })),
    ...mine.map((object): DeclaredRole => ({ place: 'DatabaseRole', spec: object.spec, object })),
  ];
}

/** Every declaration of one role: none, one, or (a mistake) several. */
export function declarationsOf(roles: readonly DeclaredRole[], name: string): DeclaredRole[] {
  return roles.filter(({ spec }) => spec.name === name);
}

/** `spec.managed.roles`, or `DatabaseRole demo-app`: where a message says that a role is. */
export function placePhrase(role: DeclaredRole): string {
  return role.object ? `DatabaseRole ${role.object.metadata.name}` : role.place;
}

/** The attributes that this server offers, with PostgreSQL's and the operator's defaults filled in. */
export interface RoleAttributes {
  login: boolean;
  superuser: boolean;
  inherit: boolean;
  createdb: boolean;
  createrole: boolean;
  replication: boolean;
  in_roles: string[];
}

export function attributesOf(spec: RoleSpec): RoleAttributes {
  return {
    login: spec.login ?? false,
    superuser: spec.superuser ?? false,
    inherit: spec.inherit ?? true,
    createdb: spec.createdb ?? false,
    createrole: spec.createrole ?? false,
    replication: spec.replication ?? false,
    in_roles: spec.inRoles ?? [],
  };
}

/** `unknown`: the operator has said nothing about it (yet). */
type RoleState = 'reconciled' | 'pending' | 'failed' | 'deleting' | 'unknown';

export interface RoleStatus {
  state: RoleState;
  /** Written by the operator and PostgreSQL: show them fenced. */
  messages: string[];
}

/** What the operator says about a role as it is declared now. */
export function roleStatus(cluster: Cluster, role: DeclaredRole): RoleStatus {
  return role.object ? objectStatus(role.object) : inlineStatus(cluster, role.spec.name);
}

/**
 * From `managedRolesStatus`. `cannotReconcile` is only rewritten when the operator has something to do, so an error may
 * outlive its cause: a role that is listed as reconciled is. The status bears no generation: it may be the one of before.
 */
function inlineStatus(cluster: Cluster, name: string): RoleStatus {
  const status = cluster.status?.managedRolesStatus;
  const listed = (key: string): boolean => own(status?.byStatus, key)?.includes(name) ?? false;
  if (listed('reconciled')) return { state: 'reconciled', messages: [] };
  const messages = own(status?.cannotReconcile, name) ?? [];
  if (messages.length > 0) return { state: 'failed', messages };
  return { state: listed('pending-reconciliation') ? 'pending' : 'unknown', messages: [] };
}

/** `applied` has three states, and true holds for `observedGeneration` only (which failures leave as it was). */
function objectStatus({ metadata, status }: DatabaseRole): RoleStatus {
  const messages = status?.message ? [status.message] : [];
  if (metadata.deletionTimestamp !== undefined) return { state: 'deleting', messages };
  if (status?.applied === undefined) return { state: 'unknown', messages };
  if (!status.applied) return { state: 'failed', messages };
  const current = status.observedGeneration === metadata.generation;
  return { state: current ? 'reconciled' : 'pending', messages };
}

/**
 * Roles that exist in PostgreSQL without being declared inline, as the operator saw them last. `undefined` when it does
 * not say: with an empty `spec.managed.roles` it stops looking, and its old list stays behind.
 */
export function undeclaredRoles(cluster: Cluster): string[] | undefined {
  // A marker that a call left behind may not have been read yet.
  if ((cluster.spec.managed?.roles ?? []).every(isMarker)) return undefined;
  return own(cluster.status?.managedRolesStatus?.byStatus, 'not-managed');
}

/** True when a role of this name can be expected to exist: declared anywhere, made by bootstrap or PostgreSQL, or seen by the operator. */
export function isKnownRole(cluster: Cluster, roles: readonly DeclaredRole[], name: string): boolean {
  return (
    name === 'postgres' ||
    name.startsWith('pg_') ||
    name === applicationDatabase(cluster)?.owner ||
    declarationsOf(roles, name).some(({ spec }) => spec.ensure !== 'absent') ||
    (undeclaredRoles(cluster)?.includes(name) ?? false)
  );
}

/** A warning for each of the roles that nobody is known to have made. `what`: what needs them. */
export function unknownRoleWarnings(
  cluster: Cluster,
  roles: readonly DeclaredRole[],
  names: readonly string[],
  what: string,
): string[] {
  return names
    .filter((name) => !isKnownRole(cluster, roles, name))
    .map(
      (name) =>
        `No role ${name} is known for this cluster. Until it exists the operator cannot ${what}: make it with create_postgres_role.`,
    );
}

/** Predefined roles whose members can take over the server (PostgreSQL manual, "Predefined Roles"). */
const serverRoles: ReadonlySet<string> = new Set([
  'postgres',
  'pg_execute_server_program',
  'pg_read_server_files',
  'pg_write_server_files',
]);

/** Loud warnings about what a role with these attributes can do; empty for an ordinary one. */
export function privilegeWarnings(
  name: string,
  {
    superuser,
    replication,
    in_roles: inRoles,
  }: Pick<RoleAttributes, 'superuser' | 'replication' | 'in_roles'>,
): string[] {
  const warnings: string[] = [];
  if (superuser) {
    warnings.push(
      `SUPERUSER: ${name} may do everything on this server: read and change every database, pass every check, run programs.`,
    );
  }
  if (replication) {
    warnings.push(
      `REPLICATION: ${name} may copy the whole server, every database and every password hash: equal to reading everything.`,
    );
  }
  for (const parent of inRoles.filter((role) => serverRoles.has(role))) {
    warnings.push(`Membership in ${parent} lets ${name} take over the server: equal to SUPERUSER.`);
  }
  return warnings;
}

/** Why a write to roles or databases of this cluster would come to nothing, or `undefined`. */
export function writeRefusal(cluster: Cluster): { reason: string; lift: string } | undefined {
  const { replica } = cluster.spec;
  const { name } = cluster.metadata;
  if (cluster.metadata.deletionTimestamp !== undefined) {
    return {
      reason: `${name} is being deleted, and its roles and databases go with it.`,
      lift: 'Use another cluster, or create a new one when this one is gone.',
    };
  }
  if (!replica) return undefined;
  // As in the operator's IsReplica (api/v1/cluster_funcs.go, 1.30): `enabled` decides, else whether `primary` is another.
  const follows = replica.enabled ?? (replica.self || name) !== replica.primary;
  if (!follows) return undefined;
  return {
    reason: `${name} is a replica cluster: its roles and databases are those of its source.`,
    lift: 'Make the change on the source cluster, or promote this one first.',
  };
}
