/** Hibernation: all pods go, the primary's first, and the volumes stay. */

import { markDeleted } from '../api/deletes.ts';
import { phases } from './phases.ts';
import { type ClusterView, type Outcome, podOf } from './view.ts';
import { conditionOf, dropCondition, setCondition } from './world.ts';

const condition = 'cnpg.io/hibernation';
const ongoing = ['DeletingPods', 'WaitingPodsDeletion', 'Hibernated'];

/** One step towards hibernation, or out of it. */
export function hibernate(view: ClusterView): Outcome | undefined {
  const { world, place, cluster } = view;
  const note = (status: 'True' | 'False', reason: string, message: string) =>
    world.status('clusters', place, (fields) =>
      setCondition(fields, world.timestamp, condition, status, reason, message),
    );
  if (cluster.metadata.annotations?.[condition] !== 'on') {
    if (conditionOf(cluster, condition) !== undefined) {
      world.status('clusters', place, (fields) => dropCondition(fields, condition));
    }
    return undefined;
  }
  const started = ongoing.includes(conditionOf(cluster, condition)?.reason);
  if (!started && cluster.status?.phase !== phases.healthy) {
    note(
      'False',
      'WaitingForHealthy',
      'Waiting for the cluster to be healthy before proceeding with hibernation',
    );
    return undefined;
  }
  // The phase stays what it was: healthy.
  if (view.pods.length === 0) {
    note('True', 'Hibernated', 'Cluster has been hibernated');
    return {};
  }
  const terminating = view.pods.find((pod) => pod.metadata.deletionTimestamp !== undefined);
  if (terminating !== undefined) {
    note('False', 'WaitingPodsDeletion', `Waiting for ${terminating.metadata.name} to be deleted`);
    return {};
  }
  note('False', 'DeletingPods', 'Hibernation is in progress');
  const next = podOf(view, cluster.status?.currentPrimary) ?? view.pods[0];
  const { machine } = world;
  const options = { propagation: 'Background', dryRun: false, gracePeriodSeconds: undefined } as const;
  if (next !== undefined) markDeleted(machine, machine.resources.named('pods'), next, options);
  return { again: 0.5 };
}
