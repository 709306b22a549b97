/**
 * The simulated operator and the controllers of Kubernetes that it relies on. Each controller is called with one
 * object, takes one step towards what the object asks for, and says when it wants to be called again.
 */

import { collectGarbage } from '../api/deletes.ts';
import type { ResourceType } from '../api/resources.ts';
import type { Change } from '../api/store.ts';
import { reconcileBackup, reconcileScheduledBackup } from './backups.ts';
import { reconcileCluster } from './cluster.ts';
import { renewLease } from './cluster-objects.ts';
import { reconcileDeclared } from './databases.ts';
import { reconcileJob } from './jobs.ts';
import { reconcilePod } from './kubelet.ts';
import { reconcilePooler } from './poolers.ts';
import { Queue, Waits } from './queue.ts';
import { hasReadyPrimary, reconcileDatabaseRole, reconcileManagedRoles } from './roles.ts';
import { reconcileClaim, releaseVolume } from './volumes.ts';
import type { Place, World } from './world.ts';

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
  jobs: reconcileJob,
};

/** Keys of the objects to look at after a change: `controller/namespace/name`. */
function keysAfter(world: World, change: Change, type: ResourceType): string[] {
  const { namespace = '', name, labels } = change.object.metadata;
  const own = controllers[type.plural] === undefined ? [] : [`${type.plural}/${namespace}/${name}`];
  const others = [...followers(world, change, type, namespace, labels)];
  return [
    ...own,
    ...others.map(([controller, other, where = namespace]) => `${controller}/${where}/${other}`),
  ];
}

function handle(world: World, waits: Waits, key: string): number | undefined {
  const [controller = '', namespace = '', name = ''] = key.split('/');
  return controllers[controller]?.(world, waits, { namespace, name });
}

function tidyUp(world: World, change: Change, type: ResourceType): void {
  if (type.plural === 'persistentvolumeclaims' && change.type === 'DELETED')
    releaseVolume(world, change.object);
}

/** How often primaries renew their Lease, in milliseconds of the clock: well within its 15 seconds. */
const leaseRenewal = 5000;

/** Every primary that is ready renews its Lease. */
export function renewLeases(world: World): void {
  for (const cluster of world.list('clusters'))
    if (hasReadyPrimary(world, cluster)) renewLease(world, cluster);
}

/** Starts all controllers; returns what stops them. `speed` divides every delay. */
export function startOperator(world: World, speed: number): () => void {
  const waits = new Waits(speed);
  const queue = new Queue((key) => handle(world, waits, key), speed);
  // Schedules follow the clock, not the pace of the simulation.
  const schedules = new Queue((key) => {
    const [namespace = '', name = ''] = key.split('/');
    return reconcileScheduledBackup(world, { namespace, name });
  }, 1);
  const unlisten = world.machine.store.listen((change, type) => {
    const { namespace = '', name } = change.object.metadata;
    if (type.plural === 'scheduledbackups') schedules.add(`${namespace}/${name}`);
    for (const key of keysAfter(world, change, type)) queue.add(key);
    tidyUp(world, change, type);
  });
  const leases = setInterval(() => renewLeases(world), leaseRenewal);
  leases.unref();
  world.postgres.onBehaviour((namespace, pod) => queue.add(`pods/${namespace}/${pod}`));
  return () => {
    unlisten();
    clearInterval(leases);
    queue.stop();
    schedules.stop();
  };
}

/** A controller that wants to come back later than this, in simulated seconds, has nothing more to do for now. */
const patience = 8;
/** More steps than any scene needs: a controller that never comes to rest is a mistake. */
const mostSteps = 100_000;

/**
 * Lets the controllers do everything that follows from `arrange`, at once and in the time of the world's clock: for
 * scenes that are ready when they are asked for. Schedules are left to the running operator.
 */
export function settle(world: World, arrange: () => void): void {
  const waits = new Waits(Number.POSITIVE_INFINITY);
  const keys = new Set<string>();
  const unlisten = world.machine.store.listen((change, type) => {
    for (const key of keysAfter(world, change, type)) keys.add(key);
    tidyUp(world, change, type);
  });
  try {
    arrange();
    for (let steps = 0; ; steps += 1) {
      if (keys.size === 0) collectGarbage(world.machine);
      const [key] = keys;
      if (key === undefined) return;
      if (steps === mostSteps)
        throw new Error(`the controllers do not come to rest: ${[...keys].join(', ')}`);
      keys.delete(key);
      const again = handle(world, waits, key);
      if (again !== undefined && again < patience) keys.add(key);
    }
  } finally {
    unlisten();
  }
}

/** A controller and the name of what it has to look at, in the namespace of the change unless another is given. */
type Follower = [controller: string, name: string, namespace?: string | undefined];

/** What else has to be looked at after a change. */
function* followers(
  world: World,
  { object, type: what }: Change,
  type: ResourceType,
  namespace: string,
  labels: Record<string, string> | undefined,
): Generator<Follower> {
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
    case 'clusterimagecatalogs':
      for (const each of world.list('clusters', type.namespaced ? namespace : undefined)) {
        const { kind, name: catalog } = each.spec?.imageCatalogRef ?? {};
        if (kind === type.kind && catalog === name)
          yield ['clusters', each.metadata.name, each.metadata.namespace];
      }
      return;
    case 'storageclasses':
      for (const claim of world.list('persistentvolumeclaims')) {
        if (claim.spec?.storageClassName !== name) continue;
        yield ['persistentvolumeclaims', claim.metadata.name, claim.metadata.namespace];
      }
  }
}

/** Who takes a password from a Secret. */
function* readersOf(world: World, namespace: string, secret: string): Generator<Follower> {
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
