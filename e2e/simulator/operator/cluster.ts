/** The controller of Cluster: one look at it, one step, and the status that follows. */

import { releaseFinalizer } from '../api/deletes.ts';
import type { KubeObject } from '../types.ts';
import { ensureClusterObjects, renewLease } from './cluster-objects.ts';
import { requestedImage, writeClusterStatus, writePhase } from './cluster-status.ts';
import { hibernate } from './hibernation.ts';
import { barmanPlugin } from './instance-objects.ts';
import { isOutOfSpace } from './instances.ts';
import { bootstrap, finishJobs, recreatePods, replaceClaims } from './lifecycle.ts';
import { phases } from './phases.ts';
import {
  electFirst,
  failOver,
  restartInPlace,
  switchOver,
  waitForFenced,
  waitForInstances,
} from './primary.ts';
import type { Waits } from './queue.ts';
import { markOrphaned } from './roles.ts';
import { rollOut } from './rollout.ts';
import { scale } from './scaling.ts';
import { type ClusterView, type Outcome, viewOf } from './view.ts';
import type { Place, World } from './world.ts';

/** A step returns what it decided, or undefined when there was nothing for it to do. */
type Step = (view: ClusterView) => Outcome | undefined;

/** What comes first: while one of these fails, nothing is made and the status says nothing but the phase. */
const conditions: Step[] = [loadPlugins, discoverImage];

const steps: Step[] = [
  hibernate,
  requireSpace,
  bootstrap,
  finishJobs,
  recreatePods,
  electFirst,
  restartInPlace,
  failOver,
  switchOver,
  waitForInstances,
  scale,
  replaceClaims,
  waitForFenced,
  rollOut,
];

/** One step of one Cluster. Returns after how many simulated seconds to look again. */
export function reconcileCluster(world: World, waits: Waits, place: Place): number | undefined {
  const cluster = world.get('clusters', place.namespace, place.name);
  if (cluster === undefined) {
    forget(world, waits, place);
    return undefined;
  }
  if (cluster.metadata.deletionTimestamp !== undefined) return undefined;
  if (cluster.metadata.annotations?.['cnpg.io/reconciliationLoop'] === 'disabled') return undefined;
  const obstacle = decide(conditions, viewOf(world, waits, cluster));
  if (obstacle !== undefined) {
    writePhase(world, place, obstacle);
    return obstacle.again;
  }
  ensureClusterObjects(world, cluster);
  const outcome = decide(steps, viewOf(world, waits, cluster)) ?? { phase: phases.healthy, reason: '' };
  // A step may have written: the status is of what is there now.
  const changed = world.get('clusters', place.namespace, place.name);
  if (changed === undefined) return undefined;
  writeClusterStatus(viewOf(world, waits, changed), outcome);
  if (outcome.phase === phases.healthy) renewLeaseIfMoved(world, changed);
  return outcome.again;
}

function decide(of: Step[], view: ClusterView): Outcome | undefined {
  for (const step of of) {
    const outcome = step(view);
    if (outcome !== undefined) return outcome;
  }
  return undefined;
}

function renewLeaseIfMoved(world: World, cluster: KubeObject): void {
  const lease = world.get('leases', cluster.metadata.namespace, cluster.metadata.name);
  if (lease?.spec?.holderIdentity !== cluster.status?.currentPrimary) renewLease(world, cluster);
}

const finalizers: Record<string, string> = {
  databases: 'cnpg.io/deleteDatabase',
  databaseroles: 'cnpg.io/deleteRole',
  publications: 'cnpg.io/deletePublication',
  subscriptions: 'cnpg.io/deleteSubscription',
};

/** A Cluster that is gone: what was in it is forgotten, and the objects that describe its contents are let go. */
function forget(world: World, waits: Waits, { namespace, name }: Place): void {
  waits.forget(`cluster/${namespace}/${name}`);
  waits.forget(`cluster/${namespace}/${name}/fencing`);
  world.postgres.forget(namespace, name);
  for (const [resource, finalizer] of Object.entries(finalizers)) {
    if (resource === 'databaseroles' && !world.recent) continue;
    const type = world.machine.resources.named(resource);
    for (const object of world.list(resource, namespace)) {
      if (object.spec?.cluster?.name !== name || !object.metadata.finalizers?.includes(finalizer)) continue;
      markOrphaned(world, resource, { namespace, name: object.metadata.name });
      releaseFinalizer(world.machine, type, object, finalizer);
    }
  }
}

function discoverImage(view: ClusterView): Outcome | undefined {
  if (requestedImage(view) !== undefined) return undefined;
  const { world, place, cluster } = view;
  const { kind, name, major } = cluster.spec?.imageCatalogRef ?? {};
  const resource = kind === 'ClusterImageCatalog' ? 'clusterimagecatalogs' : 'imagecatalogs';
  const catalog = world.get(resource, resource === 'imagecatalogs' ? place.namespace : undefined, name);
  const missing = `catalog ${kind}/${name} not found`;
  if (catalog === undefined) {
    world.event(cluster, 'Warning', 'DiscoverImage', `Error getting ${kind}/${name}: ${missing}`);
    return { phase: phases.imageCatalogError, reason: missing };
  }
  const identifier = resource === 'imagecatalogs' ? `${kind}/${place.namespace}/${name}` : `${kind}/${name}`;
  world.event(cluster, 'Warning', 'DiscoverImage', `Cannot find major ${major} in ${identifier}`);
  return {
    phase: phases.imageCatalogError,
    reason: 'selected major version is not available in the catalog',
  };
}

function loadPlugins({ cluster }: ClusterView): Outcome | undefined {
  const enabled = ((cluster.spec?.plugins ?? []) as { name: string; enabled?: boolean }[]).filter(
    (plugin) => plugin.enabled !== false,
  );
  const unknown = enabled.find(({ name }) => name !== barmanPlugin);
  if (unknown === undefined) return undefined;
  return {
    phase: phases.unknownPlugin,
    reason: `Unknown plugin: '${unknown.name}'. This may be caused by the plugin not being loaded correctly by the operator. Check the operator and plugin logs for errors`,
  };
}

/** A full WAL volume stops everything else, the resizing of volumes too (operator 1.30). */
function requireSpace({ pods }: ClusterView): Outcome | undefined {
  if (!pods.some(isOutOfSpace)) return undefined;
  return {
    phase: phases.notEnoughSpace,
    reason:
      'Insufficient disk space detected in one or more pods is preventing PostgreSQL from running.Please verify your storage settings. Further information inside .status.instancesReportedState',
    again: 10,
  };
}
