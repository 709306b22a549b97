/** Role and database names: which ones are taken, how they are written in SQL, URLs and labels. */
import type { Cluster } from './types.ts';

/** Prefix of the entries that ./role-marker.ts names. */
export const markerPrefix = 'cnpg-mcp-marker-';

/** Why a role of this name cannot be managed, or `undefined` when it can (operator 1.30, pkg/postgres/roles.go). */
export function reservedRoleReason(name: string): string | undefined {
  if (name === 'postgres' || name === 'streaming_replica') return 'it belongs to the operator';
  // Keywords of GRANT and SET ROLE: PostgreSQL refuses CREATE ROLE with 42939.
  if (name === 'none' || name === 'public')
    return 'PostgreSQL uses the word itself and has no role of this name';
  if (name.startsWith('pg_')) return 'names that start with pg_ belong to PostgreSQL';
  if (name.startsWith('cnpg_')) return 'names that start with cnpg_ belong to the operator';
  if (name.startsWith(markerPrefix)) return `names that start with ${markerPrefix} belong to this server`;
  return undefined;
}

/** Databases that every PostgreSQL server has; the operator refuses Database objects for them. */
export function isReservedDatabase(name: string): boolean {
  return name === 'postgres' || name === 'template0' || name === 'template1';
}

/** What bootstrap made besides the server: its database and owner. Without one of them there is none. */
export interface ApplicationDatabase {
  database: string;
  owner: string;
}

/** The application database, for every way of bootstrap (as in the operator's GetApplicationDatabaseName). */
export function applicationDatabase(cluster: Cluster): ApplicationDatabase | undefined {
  const { recovery, pg_basebackup: copy, initdb } = cluster.spec.bootstrap ?? {};
  const database = recovery?.database || copy?.database || initdb?.database;
  const owner = recovery?.owner || copy?.owner || initdb?.owner;
  return database && owner ? { database, owner } : undefined;
}

/** True when Kubernetes takes the text as a label value. */
export function isLabelValue(text: string): boolean {
  return /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(text);
}

/** A name as a quoted SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A connection URL with a placeholder where the password goes. */
export function connectionUrl(role: string, cluster: string, namespace: string, database: string): string {
  const user = encodeURIComponent(role);
  return `postgresql://${user}:<password>@${cluster}-rw.${namespace}.svc:5432/${encodeURIComponent(database)}`;
}

/** A value of a record that came from JSON; never something inherited, whatever the key (`constructor`). */
export function own<Value>(record: Record<string, Value> | undefined, key: string): Value | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
