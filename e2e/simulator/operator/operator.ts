/**
 * The simulated operator and the controllers of Kubernetes that it relies on. Each controller is called with one
 * object, takes one step towards what the object asks for, and says when it wants to be called again.
 */

import type { Machine } from '../api/machine.ts';
import type { Logs } from '../api/pods.ts';
import type { ResourceType } from '../api/resources.ts';
import type { Change } from '../api/store.ts';
import { atLeast } from '../schemas/kinds.ts';
import { reconcileBackup, reconcileScheduledBackup } from './backups.ts';
import { reconcileCluster } from './cluster.ts';
import { reconcileDeclared } from './databases.ts';
import { reconcileJob } from './jobs.ts';
import { reconcilePod } from './kubelet.ts';
import { reconcilePooler } from './poolers.ts';
import type { Postgres } from './postgres.ts';
import { Queue, Waits } from './queue.ts';
import { reconcileDatabaseRole, reconcileManagedRoles } from './roles.ts';
import { reconcileClaim, releaseVolume } from './volumes.ts';
import { type Place, World } from './world.ts';

export interface OperatorOptions {
  machine: Machine;
  postgres: Postgres;
  logs: Logs;
  /** Divides every delay. */
  speed: number;
  operatorVersion: string;
}

/** 'roles' are the managed roles of a Cluster, which have a pace of their own. */
type Controller = (world: World, waits: Waits, place: Place) => number | undefined;

const controllers: Record<string, Controller> = {
  clusters: reconcileCluster,
  roles: reconcileManagedRoles,
  databaseroles: reconcileDatabaseRole,
  databases: (world, waits, place) => reconcileDeclared(world, waits, 'databases', place),
  publications: (world, waits, place) => reconcileDeclared(world, waits, 'publications', place),
  subscriptions: (world, waits, place) => reconcileDeclared(world, waits, 'subscriptions', place),
  backups: reconcileBackup,
  poolers: (world, _, place) => reconcilePooler(world, place),
  pods: reconcilePod,
  persistentvolumeclaims: reconcileClaim,
  jobs: (world, _, place) => reconcileJob(world, place),
};

/** Starts all controllers; returns what stops them. */
export function startOperator({
  machine,
  postgres,
  logs,
  speed,
  operatorVersion,
}: OperatorOptions): () => void {
  const world = new World(machine, postgres, logs, operatorVersion, atLeast(operatorVersion, '1.30'));
  const waits = new Waits(speed);
  const queue = new Queue((key) => {
    const [controller = '', namespace = '', name = ''] = key.split('/');
    return controllers[controller]?.(world, waits, { namespace, name });
  }, speed);
  // Schedules follow the clock, not the pace of the simulation.
  const schedules = new Queue((key) => {
    const [namespace = '', name = ''] = key.split('/');
    return reconcileScheduledBackup(world, { namespace, name });
  }, 1);

  const enqueue = (controller: string, namespace: string, name: string | undefined): void => {
    if (name !== undefined) queue.add(`${controller}/${namespace}/${name}`);
  };
  const onChange = (change: Change, type: ResourceType): void => {
    const { namespace = '', name, labels } = change.object.metadata;
    if (type.plural === 'scheduledbackups') schedules.add(`${namespace}/${name}`);
    if (controllers[type.plural] !== undefined) enqueue(type.plural, namespace, name);
    for (const [controller, other] of followers(world, change, type, namespace, labels)) {
      enqueue(controller, namespace, other);
    }
    if (type.plural === 'persistentvolumeclaims' && change.type === 'DELETED')
      releaseVolume(world, change.object);
  };
  const unlisten = machine.store.listen(onChange);
  postgres.onBehaviour((namespace, pod) => enqueue('pods', namespace, pod));
  return () => {
    unlisten();
    queue.stop();
    schedules.stop();
  };
}

/** What else has to be looked at after a change: controller and name, in the namespace of the change. */
function* followers(
  world: World,
  { object, type: what }: Change,
  type: ResourceType,
  namespace: string,
  labels: Record<string, string> | undefined,
): Generator<[controller: string, name: string]> {
  const { name, ownerReferences = [] } = object.metadata;
  const cluster = labels?.['cnpg.io/cluster'];
  switch (type.plural) {
    case 'clusters':
      yield ['roles', name];
      for (const resource of [
        'databases',
        'databaseroles',
        'publications',
        'subscriptions',
        'poolers',
        'backups',
      ]) {
        if (resource === 'databaseroles' && !world.recent) continue;
        for (const each of world.list(resource, namespace)) {
          if (each.spec?.cluster?.name === name) yield [resource, each.metadata.name];
        }
      }
      // Fencing is an annotation of the Cluster that the instances obey.
      for (const pod of world.list('pods', namespace, { 'cnpg.io/cluster': name }))
        yield ['pods', pod.metadata.name];
      return;
    case 'pods':
      if (cluster !== undefined) yield ['clusters', cluster];
      if (labels?.['cnpg.io/poolerName'] !== undefined) yield ['poolers', labels['cnpg.io/poolerName']];
      for (const owner of ownerReferences) if (owner.kind === 'Job') yield ['jobs', owner.name];
      return;
    case 'persistentvolumeclaims':
      for (const pod of world.list('pods', namespace)) {
        if (pod.status?.phase === 'Pending' || pod.metadata.name === labels?.['cnpg.io/instanceName']) {
          yield ['pods', pod.metadata.name];
        }
      }
      if (cluster !== undefined) yield ['clusters', cluster];
      return;
    case 'jobs':
    case 'secrets':
    case 'services':
      if (cluster !== undefined) yield ['clusters', cluster];
      if (type.plural === 'secrets') yield* readersOf(world, namespace, name);
      return;
    case 'backups':
      // The next one in the queue may start.
      if (what !== 'ADDED')
        for (const each of world.list('backups', namespace)) yield ['backups', each.metadata.name];
      return;
    case 'imagecatalogs':
      for (const each of world.list('clusters', namespace)) {
        if (each.spec?.imageCatalogRef?.name === name) yield ['clusters', each.metadata.name];
      }
  }
}

/** Who takes a password from a Secret. */
function* readersOf(world: World, namespace: string, secret: string): Generator<[string, string]> {
  for (const cluster of world.list('clusters', namespace)) {
    const roles = (cluster.spec?.managed?.roles ?? []) as { passwordSecret?: { name: string } }[];
    if (roles.some(({ passwordSecret }) => passwordSecret?.name === secret))
      yield ['roles', cluster.metadata.name];
  }
  if (!world.recent) return;
  for (const role of world.list('databaseroles', namespace)) {
    if (role.spec?.passwordSecret?.name === secret) yield ['databaseroles', role.metadata.name];
  }
}
