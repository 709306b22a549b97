/** Scaling: what stands against it, and which instances the operator will take away. */
import { isHibernated, isPodReady, isSwitching } from './cluster-health.ts';
import { fencingOf } from './fencing.ts';
import { instanceSerial } from './names.ts';
import { isRoleChange, phaseKind } from './phases.ts';
import { syncQuorum } from './synchronous.ts';
import type { Cluster, Pod } from './types.ts';

/** Why something may not be done now, and what would lift that. */
export interface Objection {
  reason: string;
  lift: string;
}

/** What stands against giving the cluster this number of instances. */
export function objectionsToScaling(cluster: Cluster, target: number): Objection[] {
  const { name } = cluster.metadata;
  const objections: Objection[] = [];
  if (cluster.metadata.deletionTimestamp) {
    objections.push({ reason: `${name} is being deleted.`, lift: 'Create a new cluster instead.' });
  }
  if (isSwitching(cluster) || isRoleChange(cluster.status?.phase)) {
    objections.push({
      reason: `The primary's role of ${name} is moving to another instance.`,
      lift: 'Wait until get_cluster_status shows one primary again, then repeat the call.',
    });
  }
  const quorum = syncQuorum(cluster.spec);
  if (quorum && target < quorum.least) {
    objections.push({
      reason: `${name} needs at least ${quorum.least} instances: ${quorum.because}.`,
      lift: 'Lower the synchronous replication first, or keep more instances.',
    });
  }
  return objections;
}

/** What a person should know before the cluster gets this number of instances. */
export function cautionsOnScaling(cluster: Cluster, target: number): string[] {
  const { phase } = cluster.status ?? {};
  const cautions: string[] = [];
  if (isHibernated(cluster))
    cautions.push('The cluster is hibernated: the change takes effect when it wakes.');
  if (fencingOf(cluster).fenced !== 'none') {
    cautions.push('Instances are fenced; the operator removes only instances that are ready.');
  }
  if (phaseKind(phase) === 'stuck')
    cautions.push(`The cluster is in the phase "${phase}"; the operator may not act.`);
  const quorum = syncQuorum(cluster.spec);
  if (quorum?.strict && target === quorum.least) {
    cautions.push(`Writes stop when a single standby is lost: ${quorum.because}, and no standby is spare.`);
  }
  if (target === 1) cautions.push('With one instance there is nothing to fail over to.');
  return cautions;
}

/** How many of the instances that exist are too many. */
export function surplusInstances({ status }: Cluster, target: number): number {
  return Math.max(0, (status?.instances ?? status?.instanceNames?.length ?? 0) - target);
}

/**
 * The instances that go when the cluster shrinks, in the operator's order (findDeletableInstance, 1.30): first one whose
 * pod is missing, then the ready standby with the highest serial; never the primary. May be shorter than the number to be
 * removed: the operator then waits until a standby is ready. Without `pods` it is the order to be expected.
 */
export function instancesToGo(cluster: Cluster, target: number, pods?: readonly Pod[]): string[] {
  const { name } = cluster.metadata;
  const names = (cluster.status?.instanceNames ?? []).filter(
    (instance) => instanceSerial(name, instance) !== undefined,
  );
  const surplus = surplusInstances(cluster, target);
  const serial = (instance: string): number => instanceSerial(name, instance) ?? 0;
  const highestFirst = (a: string, b: string): number => serial(b) - serial(a);
  const current = cluster.status?.currentPrimary;
  if (!pods)
    return names
      .filter((instance) => instance !== current)
      .sort(highestFirst)
      .slice(0, surplus);
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const missing = names.filter((instance) => !byName.has(instance)).reverse();
  const standbys = [...byName.values()]
    .filter((pod) => isActiveStandby(pod, current) && serial(pod.metadata.name) > 0)
    .map((pod) => pod.metadata.name)
    .sort(highestFirst);
  return [...missing, ...standbys].slice(0, surplus);
}

/** A pod that is shutting down may still be ready: it is on its way out already. */
function isActiveStandby(pod: Pod, currentPrimary: string | undefined): boolean {
  const { name, labels, deletionTimestamp } = pod.metadata;
  const primary = name === currentPrimary || labels?.['cnpg.io/instanceRole'] === 'primary';
  return isPodReady(pod) && !deletionTimestamp && !primary;
}
