/** What the operator sees of one Cluster when it looks: its instances, their pods, claims and jobs. */

import type { Fields, KubeObject } from '../types.ts';
import { claimNames } from './instance-objects.ts';
import { isFenced, isReady, serialOf } from './instances.ts';
import type { Waits } from './queue.ts';
import type { Place, World } from './world.ts';

export interface ClusterView {
  world: World;
  waits: Waits;
  /** Prefix for {@link Waits}. */
  key: string;
  place: Place;
  cluster: KubeObject;
  /** Pods of instances, terminating ones included, by serial. */
  pods: KubeObject[];
  claims: KubeObject[];
  jobs: KubeObject[];
  /** Names of the instances that have claims, by serial. */
  instances: string[];
}

/** What a step decided. */
export interface Outcome {
  /** undefined: the phase stays. */
  phase?: string;
  reason?: string;
  /** After how many simulated seconds to look again. */
  again?: number;
}

function bySerial(left: string, right: string): number {
  return serialOf(left) - serialOf(right);
}

export function viewOf(world: World, waits: Waits, cluster: KubeObject): ClusterView {
  const { namespace = '', name } = cluster.metadata;
  const labels = { 'cnpg.io/cluster': name };
  const owned = (object: KubeObject) =>
    object.metadata.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid) === true;
  const claims = world.list('persistentvolumeclaims', namespace, labels).filter(owned);
  const pods = world
    .list('pods', namespace, { ...labels, 'cnpg.io/podRole': 'instance' })
    .toSorted((left, right) => bySerial(left.metadata.name, right.metadata.name));
  const instances = new Set(claims.map(({ metadata }) => metadata.labels?.['cnpg.io/instanceName'] ?? ''));
  return {
    world,
    waits,
    key: `cluster/${namespace}/${name}`,
    place: { namespace, name },
    cluster,
    pods,
    claims,
    jobs: world.list('jobs', namespace, labels).filter(owned),
    instances: [...instances].sort(bySerial),
  };
}

/** The pod of an instance, unless it is terminating. */
export function podOf({ pods }: ClusterView, instance: string | undefined): KubeObject | undefined {
  return pods.find((pod) => pod.metadata.name === instance && pod.metadata.deletionTimestamp === undefined);
}

export function isTerminating({ pods }: ClusterView, instance: string): boolean {
  return pods.some((pod) => pod.metadata.name === instance && pod.metadata.deletionTimestamp !== undefined);
}

/** True when the pod of an instance is ready. */
export function isInstanceReady(view: ClusterView, instance: string | undefined): boolean {
  const pod = podOf(view, instance);
  return pod !== undefined && isReady(pod);
}

/** The claims of an instance. */
export function claimsOf({ claims }: ClusterView, instance: string): KubeObject[] {
  return claims.filter(({ metadata }) => metadata.labels?.['cnpg.io/instanceName'] === instance);
}

/** True when an instance has every claim that the Cluster asks for. */
export function hasAllClaims(view: ClusterView, instance: string): boolean {
  const names = new Set(claimsOf(view, instance).map(({ metadata }) => metadata.name));
  return claimNames(view.cluster, instance).every(({ name }) => names.has(name));
}

/** The replicas that could take over, best first. */
export function readyReplicas(view: ClusterView): string[] {
  const { cluster, world, place } = view;
  return view.instances.filter(
    (instance) =>
      instance !== cluster.status?.currentPrimary &&
      isInstanceReady(view, instance) &&
      !isFenced(cluster, instance) &&
      world.postgres.behaviour(place.namespace, instance).status?.isWalReceiverActive !== false,
  );
}

export function jobRoleOf(job: KubeObject): string {
  return job.metadata.labels?.['cnpg.io/jobRole'] ?? '';
}

export function isComplete(job: KubeObject): boolean {
  return ((job.status?.conditions ?? []) as Fields[]).some(
    ({ type, status }) => type === 'Complete' && status === 'True',
  );
}
