/** Who the primary is: the first one, switchover, failover, and restarts in place. */

import { micros } from '../api/metadata.ts';
import { isFenced } from './instances.ts';
import { phases } from './phases.ts';
import { type ClusterView, isInstanceReady, type Outcome, podOf, readyReplicas } from './view.ts';

/** Seconds that changes of role take. */
const takes = { switchover: 3, detection: 0.5, election: 1.5, start: 6, restart: 2 };

/** The system identifier of PostgreSQL, made from the Cluster's uid. */
function systemId(uid: string): string {
  return `7${BigInt(`0x${uid.replaceAll('-', '').slice(0, 15)}`)
    .toString()
    .slice(0, 18)
    .padStart(18, '0')}`;
}

/** Labels the instances by their role, for the services to find them. */
function labelRoles(view: ClusterView, primary: string): void {
  for (const instance of view.instances) {
    const role = instance === primary ? 'primary' : 'replica';
    view.world.update('pods', { ...view.place, name: instance }, (pod) => {
      pod.metadata.labels = { ...pod.metadata.labels, 'cnpg.io/instanceRole': role, role };
    });
  }
}

function promote(view: ClusterView, instance: string): void {
  const { world, place, cluster } = view;
  const first = cluster.status?.currentPrimary === undefined;
  const now = micros(world.machine.now());
  world.status('clusters', place, (status) => {
    status.currentPrimary = instance;
    status.currentPrimaryTimestamp = now;
    status.targetPrimary = instance;
    status.timelineID = (status.timelineID ?? 0) + 1;
    status.systemID ??= systemId(cluster.metadata.uid ?? '0');
    delete status.currentPrimaryFailingSinceTimestamp;
  });
  labelRoles(view, instance);
  if (first) return;
  world.log(
    { ...place, name: instance },
    'postgres',
    'info',
    'instance-manager',
    'I am the target primary, promoting',
  );
}

/** The target of the bootstrap becomes the primary as soon as it is ready. */
export function electFirst(view: ClusterView): Outcome | undefined {
  const { currentPrimary, targetPrimary } = view.cluster.status ?? {};
  if (currentPrimary !== undefined || !isInstanceReady(view, targetPrimary)) return undefined;
  promote(view, targetPrimary);
  return { again: 0 };
}

/** "Requested by the user": PostgreSQL restarts in the pod, nothing else changes. */
export function restartInPlace(view: ClusterView): Outcome | undefined {
  const { phase, currentPrimary } = view.cluster.status ?? {};
  if (phase !== phases.restartInPlace) return undefined;
  const left = view.waits.left(view.key, 'restart in place', takes.restart);
  if (left > 0) return { again: left };
  view.waits.forget(view.key);
  const pod = { ...view.place, name: currentPrimary as string };
  view.world.log(
    pod,
    'postgres',
    'info',
    'instance-manager',
    'Restarted the primary as requested by the user',
  );
  return { phase: phases.healthy, reason: '', again: 0 };
}

/**
 * Replaces a primary that is not there or not ready by the best replica. Instances that start together, after
 * hibernation say, get the time to do so.
 */
export function failOver(view: ClusterView): Outcome | undefined {
  const { cluster, waits } = view;
  const { currentPrimary, targetPrimary, phase } = cluster.status ?? {};
  if (currentPrimary === undefined) return undefined;
  const together = `${view.key}/start`;
  const [candidate] = readyReplicas(view);
  const pending = targetPrimary === 'pending';
  if (isInstanceReady(view, currentPrimary)) {
    waits.forget(together);
    waits.forget(fencing(view));
    // An election that has begun goes on, unless there is nobody left to elect.
    if (!pending || candidate === undefined) return callOffFailover(view);
  }
  // A primary that is or was fenced is left alone, and so is one that is restarted on purpose.
  if (comesOutOfFencing(view, currentPrimary) || phase === phases.restartWithoutSwitchover) return undefined;
  if (targetPrimary !== currentPrimary && !pending) return undefined;
  if (candidate === undefined) {
    waits.left(together, 'start', takes.start);
    return undefined;
  }
  const detection = waits.isWaiting(together) ? takes.start : takes.detection;
  const delay = detection + (cluster.spec?.failoverDelay ?? 0);
  const left = waits.left(view.key, `failover from ${currentPrimary}`, delay + takes.election);
  if (left > takes.election) {
    setStatus(view, {
      currentPrimaryFailingSinceTimestamp: cluster.status?.currentPrimaryFailingSinceTimestamp,
    });
    return { again: left - takes.election };
  }
  if (left > 0) return beginFailover(view, currentPrimary, left);
  waits.forget(view.key);
  const reason = `Failing over from ${currentPrimary} to ${candidate}`;
  view.world.event(cluster, 'Normal', 'FailoverTarget', reason);
  promote(view, candidate);
  return { phase: phases.failover, reason, again: 0 };
}

const fencing = ({ key }: ClusterView): string => `${key}/fencing`;

/**
 * True for a primary that is fenced, and after that until PostgreSQL has started again: so long the instance manager reports
 * `mightBeUnavailable`, and the operator elects nobody, however long the start takes.
 */
function comesOutOfFencing(view: ClusterView, primary: string): boolean {
  const { cluster, waits, world, place } = view;
  if (isFenced(cluster, primary)) {
    waits.left(fencing(view), primary, Number.POSITIVE_INFINITY);
    return true;
  }
  const starts =
    podOf(view, primary) !== undefined && world.postgres.behaviour(place.namespace, primary).ready !== false;
  if (!starts) waits.forget(fencing(view));
  return waits.isWaiting(fencing(view));
}

/** Sets fields of the status; a time that is undefined is now. */
function setStatus({ world, place }: ClusterView, fields: Record<string, string | undefined>): void {
  const now = micros(world.machine.now());
  world.status('clusters', place, (status) => {
    for (const [field, value] of Object.entries(fields)) status[field] = value ?? now;
  });
}

function beginFailover(view: ClusterView, from: string, left: number): Outcome {
  if (view.cluster.status?.targetPrimary !== 'pending') {
    setStatus(view, { targetPrimary: 'pending', targetPrimaryTimestamp: undefined });
    const message = `Current primary isn't healthy, initiating a failover from ${from}`;
    view.world.event(view.cluster, 'Normal', 'FailingOver', message);
  }
  return { phase: phases.failover, reason: `Initiating a failover from ${from}`, again: left };
}

/** The primary is back before another one was elected. */
function callOffFailover({ world, place, cluster }: ClusterView): undefined {
  const { currentPrimary, targetPrimary, currentPrimaryFailingSinceTimestamp } = cluster.status ?? {};
  if (currentPrimaryFailingSinceTimestamp === undefined && targetPrimary !== 'pending') return undefined;
  world.status('clusters', place, (status) => {
    delete status.currentPrimaryFailingSinceTimestamp;
    if (status.targetPrimary === 'pending') status.targetPrimary = currentPrimary;
  });
  return undefined;
}

/** Moves the role to the instance that `status.targetPrimary` asks for. */
export function switchOver(view: ClusterView): Outcome | undefined {
  const { cluster } = view;
  const { currentPrimary, targetPrimary, phase } = cluster.status ?? {};
  if (currentPrimary === undefined || targetPrimary === undefined || targetPrimary === currentPrimary)
    return undefined;
  if (targetPrimary === 'pending' || isFenced(cluster, currentPrimary)) return undefined;
  const announced = phase === phases.switchover || phase === phases.upgrading;
  const outcome = announced ? {} : { phase: phases.switchover, reason: `Switching over to ${targetPrimary}` };
  // The old primary has stepped down by now: a target that cannot take over leaves the switchover hanging.
  if (!isInstanceReady(view, targetPrimary)) return outcome;
  const left = view.waits.left(view.key, `switchover to ${targetPrimary}`, takes.switchover);
  if (left > 0) return { ...outcome, again: left };
  view.waits.forget(view.key);
  promote(view, targetPrimary);
  return { again: 0 };
}

/**
 * Nothing else is done while a pod is pending or terminating. While one runs without being ready nothing is done
 * either, and the phase stays what it was: even "Cluster in healthy state".
 */
export function waitForInstances(view: ClusterView): Outcome | undefined {
  const { cluster, pods } = view;
  const { phase } = cluster.status ?? {};
  const inactive = pods.some(
    (pod) => pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Pending',
  );
  if (inactive) {
    if (phase === phases.restartWithoutSwitchover) return {};
    return { phase: phases.waitingForInstances, reason: 'Some instances are not yet active. Please wait.' };
  }
  const reporting = view.instances.every(
    (instance) =>
      podOf(view, instance) === undefined || isInstanceReady(view, instance) || isFenced(cluster, instance),
  );
  return reporting ? undefined : {};
}

/** A fenced instance reports, so instances are created and removed; but nothing is restarted, and the phase stays. */
export function waitForFenced(view: ClusterView): Outcome | undefined {
  const fenced = view.instances.some(
    (instance) => isFenced(view.cluster, instance) && !isInstanceReady(view, instance),
  );
  return fenced ? {} : undefined;
}
