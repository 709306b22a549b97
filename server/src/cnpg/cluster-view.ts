/** A Cluster as the tools answer it: the reference system's fields, plus notes on what the phase does not say. */
import { hasBackupConfigured } from './backups.ts';
import { healthNotes, readyInstances, wantedInstances } from './cluster-health.ts';
import { versionOfImage } from './images.ts';
import { phaseKind } from './phases.ts';
import { protectionOf } from './protection.ts';
import { declaredRoles } from './roles.ts';
import type { Cluster, Condition, DatabaseRole } from './types.ts';
import { type Quote, wordOrQuoted } from './untrusted.ts';

/** Stands for what the operator has not reported, as in the reference system. */
const unknown = 'unknown';

export interface ClusterSummary {
  name: string;
  namespace: string;
  instances: number;
  ready_instances: number;
  phase: string;
  current_primary: string;
  /** What this server refuses to do to it, and why; absent when nothing. */
  protected?: string;
  notes: string[];
}

/**
 * Name, phase, instances, primary: what every answer about a cluster starts with. `pattern`: the pattern of the server's
 * configuration that protects clusters of this name.
 */
export function clusterSummary(cluster: Cluster, quote: Quote, pattern?: string): ClusterSummary {
  const guard = protectionOf(cluster, pattern);
  return {
    name: cluster.metadata.name,
    namespace: cluster.metadata.namespace ?? '',
    instances: wantedInstances(cluster),
    ready_instances: readyInstances(cluster),
    phase: phaseText(cluster, quote),
    current_primary: wordOrQuoted(cluster.status?.currentPrimary, quote) || unknown,
    ...(guard !== undefined && { protected: guard }),
    notes: healthNotes(cluster),
  };
}

/** The operator's phases are fixed strings and shown as they are; anything else in that field is marked as data. */
export function phaseText(cluster: Cluster, quote: Quote): string {
  const phase = cluster.status?.phase;
  return (phaseKind(phase) === 'unknown' ? quote(phase, 200) : phase) || unknown;
}

/** `phaseReason` is the operator's, with error texts of others in it. */
export function phaseReason(cluster: Cluster, quote: Quote): { phase_reason?: string } {
  const reason = quote(cluster.status?.phaseReason, 600);
  return reason ? { phase_reason: reason } : {};
}

export interface ClusterStorage {
  postgres_version: string;
  image: string;
  storage_size: string;
}

export function clusterStorage(cluster: Cluster, quote: Quote): ClusterStorage {
  const image = cluster.status?.image ?? cluster.spec.imageName;
  const version = versionOfImage(image) ?? cluster.status?.pgDataImageInfo?.majorVersion?.toString();
  return {
    postgres_version: version ?? unknown,
    image: wordOrQuoted(image, quote) || unknown,
    storage_size: wordOrQuoted(cluster.spec.storage?.size, quote) || unknown,
  };
}

/** `type`, `status`, `reason`, `message`, `last_transition` and our own `remark`, each only when it is there. */
export type ConditionView = Record<string, string>;

export function conditionViews(cluster: Cluster, quote: Quote): ConditionView[] {
  return fitting(
    (cluster.status?.conditions ?? []).map((condition) => ({
      ...conditionView(condition, quote),
      ...remarkOn(condition, cluster),
    })),
  ).shown;
}

/** Most entries of one list in the details, and most characters of it as JSON: three lists and the rest fit one answer. */
const most = { entries: 100, characters: 6500 };

/** The first entries of a list that fit, and how many do not. */
function fitting<T>(all: readonly T[]): { shown: T[]; leftOut: number } {
  let characters = 0;
  const end = all.findIndex((entry, index) => {
    characters += JSON.stringify(entry).length + 1;
    return index >= most.entries || characters > most.characters;
  });
  return end < 0 ? { shown: [...all], leftOut: 0 } : { shown: all.slice(0, end), leftOut: all.length - end };
}

function conditionView(condition: Condition, quote: Quote): ConditionView {
  const fields = {
    type: wordOrQuoted(condition.type, quote),
    status: wordOrQuoted(condition.status, quote),
    reason: wordOrQuoted(condition.reason, quote),
    message: quote(condition.message, 600),
    last_transition: wordOrQuoted(condition.lastTransitionTime, quote),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

/** The operator says that archiving works also where there is nowhere to archive to (seen on operator 1.30.0). */
function remarkOn({ type, status }: Condition, cluster: Cluster): { remark?: string } {
  return type === 'ContinuousArchiving' && status === 'True' && !hasBackupConfigured(cluster)
    ? { remark: 'No backup is configured: nothing is archived, whatever this condition says.' }
    : {};
}

export interface ClusterDetails {
  storage_class: string | null;
  conditions: ConditionView[];
  postgresql_parameters: Record<string, string>;
  /** Declared in either place; `crd_name` is the DatabaseRole's. */
  managed_roles: { name: string; ensure: string; login: boolean; superuser: boolean; crd_name?: string }[];
  /** How many entries of the lists above are left out; absent when none is. */
  not_shown?: Record<string, number>;
}

/** What the detailed status adds, within bounds. `objects`: the DatabaseRoles of the namespace. Comments of roles are left out. */
export function clusterDetails(
  cluster: Cluster,
  objects: readonly DatabaseRole[],
  quote: Quote,
): ClusterDetails {
  const conditions = conditionViews(cluster, quote);
  const parameters = fitting(
    Object.entries(cluster.spec.postgresql?.parameters ?? {}).map(
      ([name, value]) => [wordOrQuoted(name, quote), wordOrQuoted(value, quote)] as const,
    ),
  );
  const roles = fitting(
    declaredRoles(cluster, objects).map(({ spec, object }) => ({
      name: wordOrQuoted(spec.name, quote),
      ensure: spec.ensure ?? 'present',
      login: spec.login ?? false,
      superuser: spec.superuser ?? false,
      ...(object && { crd_name: object.metadata.name }),
    })),
  );
  const leftOut = Object.entries({
    conditions: (cluster.status?.conditions?.length ?? 0) - conditions.length,
    postgresql_parameters: parameters.leftOut,
    managed_roles: roles.leftOut,
  }).filter(([, count]) => count > 0);
  return {
    storage_class: wordOrQuoted(cluster.spec.storage?.storageClass, quote) || null,
    conditions,
    postgresql_parameters: Object.fromEntries(parameters.shown),
    managed_roles: roles.shown,
    ...(leftOut.length > 0 && { not_shown: Object.fromEntries(leftOut) }),
  };
}

/** The fields that {@link clusterLines} can show. */
export type ClusterBlock = ClusterSummary &
  Partial<ClusterStorage> & { phase_reason?: string | undefined; conditions?: ConditionView[] | undefined };

/** The text block of one cluster, in the reference system's layout. */
export function clusterLines(cluster: ClusterBlock): string[] {
  const { conditions = [], phase_reason: reason } = cluster;
  return [
    `**${cluster.namespace}/${cluster.name}**`,
    `- Status: ${cluster.phase}${reason ? ` ${reason}` : ''}`,
    `- Instances: ${cluster.ready_instances}/${cluster.instances} ready`,
    `- Current Primary: ${cluster.current_primary}`,
    ...(cluster.protected === undefined ? [] : [`- Protected: ${cluster.protected}`]),
    ...(cluster.image === undefined
      ? []
      : [`- PostgreSQL Version: ${cluster.postgres_version} (${cluster.image})`]),
    ...(cluster.storage_size === undefined ? [] : [`- Storage Size: ${cluster.storage_size}`]),
    ...cluster.notes.map((note) => `- Note: ${note}`),
    ...(conditions.length > 0 ? ['- Conditions:'] : []),
    ...conditions.flatMap(({ type, status, reason: why, message, remark }) => [
      `  - ${type}: ${status}${why ? ` (${why})` : ''}`,
      ...(message ? [`    ${message}`] : []),
      ...(remark ? [`    ${remark}`] : []),
    ]),
  ];
}
