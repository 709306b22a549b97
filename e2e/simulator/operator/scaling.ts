/** More or fewer instances. */

import { markDeleted } from '../api/deletes.ts';
import { requestedImage } from './cluster-status.ts';
import { createClaims, createInstanceJob } from './instance-objects.ts';
import { freeSerial, serialOf } from './instances.ts';
import { phases } from './phases.ts';
import { type ClusterView, claimsOf, isInstanceReady, type Outcome, podOf } from './view.ts';

/** Brings the number of instances one step nearer to `spec.instances`. */
export function scale(view: ClusterView): Outcome | undefined {
  const wanted: number = view.cluster.spec?.instances ?? 1;
  if (view.instances.length < wanted) return addReplica(view);
  if (view.instances.length > wanted) return removeReplica(view);
  return undefined;
}

function addReplica(view: ClusterView): Outcome | undefined {
  const { world, place, cluster } = view;
  // A replica is cloned from the primary: without one there is nothing to do yet.
  if (!isInstanceReady(view, cluster.status?.currentPrimary)) return {};
  const instance = `${place.name}-${freeSerial(view.instances)}`;
  createClaims(world, cluster, instance);
  const job = createInstanceJob(world, cluster, instance, 'join', requestedImage(view) ?? '');
  world.event(cluster, 'Normal', 'CreatingInstance', `Creating instance ${instance}`);
  return { phase: phases.creatingReplica, reason: `Creating replica ${job}` };
}

/** The instance with the highest serial goes, its volumes too; never the primary. */
function removeReplica(view: ClusterView): Outcome | undefined {
  const { world, place, cluster } = view;
  const victim = view.instances
    .filter((instance) => instance !== cluster.status?.currentPrimary)
    .toSorted((left, right) => serialOf(right) - serialOf(left))[0];
  if (victim === undefined) return undefined;
  world.event(cluster, 'Normal', 'ScaleDown', `Scaling down - removing instance: ${victim}`);
  const options = { propagation: 'Background', dryRun: false, gracePeriodSeconds: undefined } as const;
  const { machine } = world;
  for (const claim of claimsOf(view, victim)) {
    markDeleted(machine, machine.resources.named('persistentvolumeclaims'), claim, options);
  }
  const pod = podOf(view, victim);
  if (pod !== undefined) markDeleted(machine, machine.resources.named('pods'), pod, options);
  world.postgres.behave(place.namespace, victim, {});
  return { again: 0.5 };
}
