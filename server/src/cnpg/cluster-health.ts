/**
 * What can be said about a Cluster beyond its phase. The phase alone proves nothing: with every instance fenced, a
 * hibernated cluster or a lost replica it stays "Cluster in healthy state" (seen with operator 1.30).
 */
import { fencingOf } from './fencing.ts';
import { hibernationAnnotation, instanceSerial } from './names.ts';
import { healthyPhase, phaseRemedy } from './phases.ts';
import type { Cluster, Condition, Pod } from './types.ts';

/** Instances that the spec asks for (the operator's default is one). */
export function wantedInstances(cluster: Cluster): number {
  return cluster.spec.instances ?? 1;
}

/** Ready instances; the operator leaves the field out when there are none. */
export function readyInstances(cluster: Cluster): number {
  return cluster.status?.readyInstances ?? 0;
}

export function isHibernated(cluster: Cluster): boolean {
  return cluster.metadata.annotations?.[hibernationAnnotation] === 'on';
}

/** Why nothing is done in PostgreSQL for now, as one sentence; empty when the Cluster names no reason. */
export function standstillNotes(cluster: Cluster): string[] {
  if (isHibernated(cluster))
    return ['The cluster is hibernated: nothing is done in PostgreSQL before it wakes.'];
  const fencing = fencingOf(cluster);
  if (fencing.fenced === 'all')
    return ['Every instance is fenced: nothing is done in PostgreSQL before that is lifted.'];
  const primary = cluster.status?.currentPrimary;
  if (fencing.fenced === 'some' && primary !== undefined && fencing.instances.includes(primary))
    return [`The primary ${primary} is fenced: nothing is done in PostgreSQL before that is lifted.`];
  if (isPaused(cluster))
    return [
      'The operator leaves the cluster alone (annotation cnpg.io/reconciliationLoop): it may not act before that is lifted.',
    ];
  return [];
}

/** The operator reconciles nothing; what the instances do by themselves goes on. */
function isPaused({ metadata }: Cluster): boolean {
  return metadata.annotations?.['cnpg.io/reconciliationLoop'] === 'disabled';
}

/** True when the operator says healthy and every instance that is wanted exists and is ready. */
export function isFullyReady(cluster: Cluster): boolean {
  const wanted = wantedInstances(cluster);
  return (
    cluster.status?.phase === healthyPhase &&
    readyInstances(cluster) === wanted &&
    (cluster.status.instances ?? wanted) === wanted
  );
}

/** True while the role of the primary moves, as far as the status tells. */
export function isSwitching(cluster: Cluster): boolean {
  const { currentPrimary, targetPrimary } = cluster.status ?? {};
  return currentPrimary !== undefined && targetPrimary !== undefined && currentPrimary !== targetPrimary;
}

/** Sentences on what a reader of the phase would miss; empty when there is nothing to add. Holds no foreign text. */
export function healthNotes(cluster: Cluster): string[] {
  return [
    ...lifeNotes(cluster),
    ...instanceNotes(cluster),
    ...roleNotes(cluster),
    ...superuserNotes(cluster),
    ...conditionNotes(cluster),
  ];
}

function lifeNotes(cluster: Cluster): string[] {
  const { name, namespace, deletionTimestamp } = cluster.metadata;
  const notes: string[] = [];
  if (deletionTimestamp) notes.push(`It is being deleted since ${deletionTimestamp}.`);
  if (!cluster.status?.phase) {
    notes.push(
      cluster.status?.conditions?.length
        ? `The operator reports no phase yet; if this lasts, an event says why: kubectl describe cluster ${name} -n ${namespace}`
        : 'The operator has reported nothing about it yet; if this lasts, the operator does not run.',
    );
  }
  if (isPaused(cluster)) {
    notes.push(
      'The operator leaves it alone (annotation cnpg.io/reconciliationLoop), so its status may be old.',
    );
  }
  const remedy = phaseRemedy(cluster.status?.phase);
  if (remedy) notes.push(remedy);
  return notes;
}

function instanceNotes(cluster: Cluster): string[] {
  const notes: string[] = [];
  const [wanted, ready, exist] = [
    wantedInstances(cluster),
    readyInstances(cluster),
    cluster.status?.instances,
  ];
  const fencing = fencingOf(cluster);
  const hibernated = isHibernated(cluster);
  if (hibernated)
    notes.push('It is hibernated: no instance runs until the annotation cnpg.io/hibernation is off.');
  if (fencing.fenced === 'all') {
    const why = isTrue(cluster, 'ReplicaClusterFencing') ? ' by the operator, for a demotion' : '';
    notes.push(`Every instance is fenced${why}: PostgreSQL is stopped and nothing fails over.`);
  }
  if (fencing.fenced === 'some')
    notes.push(`Fenced, so PostgreSQL is stopped there: ${fencing.instances.join(', ')}.`);
  if (fencing.fenced === 'unreadable')
    notes.push('The annotation cnpg.io/fencedInstances is not a JSON list.');
  if (hibernated || fencing.fenced === 'all' || !cluster.status) return notes;
  if (cluster.status.phase === healthyPhase && ready < wanted) {
    notes.push(`The phase says healthy, but only ${ready} of ${wanted} instances are ready.`);
  }
  if (exist !== undefined && exist > wanted) notes.push(`${exist} instances exist, ${wanted} are wanted.`);
  return notes;
}

function roleNotes(cluster: Cluster): string[] {
  if (!isSwitching(cluster)) return [];
  const named = (instance = ''): string =>
    instanceSerial(cluster.metadata.name, instance) === undefined ? 'another instance' : instance;
  const { currentPrimary, targetPrimary } = cluster.status ?? {};
  return targetPrimary === 'pending'
    ? [`A failover away from ${named(currentPrimary)} is under way.`]
    : [`The primary's role moves from ${named(currentPrimary)} to ${named(targetPrimary)}.`];
}

/** The cluster becomes healthy without the Secret, and nothing else tells (operator 1.30). */
function superuserNotes({ spec, status }: Cluster): string[] {
  const seen = status?.secretsResourceVersion;
  if (!spec.enableSuperuserAccess || !spec.superuserSecret || !seen || seen.superuserSecretVersion) return [];
  return [
    'Superuser access is enabled, but the operator has not seen the Secret that spec.superuserSecret names, so it sets no ' +
      'password for postgres. Make it with username: postgres and the label cnpg.io/reload: "true": without the label it goes unnoticed.',
  ];
}

const whereItIsSaid =
  'The conditions (detail_level: detailed) say how it fails, the log of the primary says more.';

function conditionNotes(cluster: Cluster): string[] {
  const notes: string[] = [];
  if (isFalse(cluster, 'ContinuousArchiving')) {
    notes.push(
      'Archiving of the write-ahead log fails: nothing newer can be restored, and the log stays on the volumes until they are ' +
        `full. ${whereItIsSaid}`,
    );
  }
  // With the reason BackupStarted the condition is False while a backup runs.
  const backup = condition(cluster, 'LastBackupSucceeded');
  if (backup?.status === 'False' && backup.reason === 'LastBackupFailed')
    notes.push(`The last backup failed. ${whereItIsSaid}`);
  // An instance that does not run reports none: then the condition says nothing of its own (reason NotFound).
  if (
    isFalse(cluster, 'ConsistentSystemID') &&
    condition(cluster, 'ConsistentSystemID')?.reason !== 'NotFound'
  ) {
    notes.push('The instances do not report one common system identifier.');
  }
  return notes;
}

/**
 * Compares the status with the pods: after the API server or the operator was away, the status is the old one until the
 * next reconciliation. `undefined` when they agree.
 */
export function staleNote(cluster: Cluster, pods: readonly Pod[]): string | undefined {
  const instances = pods.filter(
    ({ metadata }) => metadata.labels?.['cnpg.io/podRole'] === 'instance' && !metadata.deletionTimestamp,
  );
  const ready = instances.filter(isPodReady).length;
  const reported = readyInstances(cluster);
  return ready === reported
    ? undefined
    : `The operator reports ${reported} ready instances, Kubernetes has ${ready} ready pods: the status is old or changing.`;
}

/** The pod's Ready condition, as the operator's `IsPodReady`. */
export function isPodReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function condition(cluster: Cluster, type: string): Condition | undefined {
  return cluster.status?.conditions?.find((candidate) => candidate.type === type);
}

function isFalse(cluster: Cluster, type: string): boolean {
  return condition(cluster, type)?.status === 'False';
}

function isTrue(cluster: Cluster, type: string): boolean {
  return condition(cluster, type)?.status === 'True';
}
