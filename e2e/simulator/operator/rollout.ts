/** Rolling updates: replicas from the highest serial down, the primary last. */

import { markDeleted } from '../api/deletes.ts';
import { sameJson } from '../json.ts';
import type { KubeObject } from '../types.ts';
import { requestedImage } from './cluster-status.ts';
import { restartAnnotation } from './instance-objects.ts';
import { serialOf } from './instances.ts';
import { phases } from './phases.ts';
import { type ClusterView, type Outcome, podOf, readyReplicas } from './view.ts';

/** Why the pod of an instance has to be made anew; undefined when it is as it should be. */
function driftOf(view: ClusterView, pod: KubeObject): string | undefined {
  const { cluster, world, place } = view;
  const container = pod.spec?.containers?.[0];
  const image = requestedImage(view);
  if (container?.image !== image) {
    return `the instance is using a different image: ${container?.image} -> ${image}`;
  }
  const restartedAt = cluster.metadata.annotations?.[restartAnnotation];
  if (restartedAt !== undefined && pod.metadata.annotations?.[restartAnnotation] !== restartedAt) {
    return 'cluster has been explicitly restarted via annotation';
  }
  if (!sameJson(container?.resources ?? {}, cluster.spec?.resources ?? {})) {
    return 'original and target PodSpec differ in containers: container postgres differs in resources';
  }
  if (
    world.postgres.needsRestart(
      place.namespace,
      pod.metadata.name,
      cluster.spec?.postgresql?.parameters ?? {},
    )
  ) {
    return 'Postgres needs a restart to apply some configuration changes';
  }
  return undefined;
}

function recreate(view: ClusterView, pod: KubeObject): void {
  const { machine } = view.world;
  view.world.event(view.cluster, 'Normal', 'UpgradingInstance', `Upgrading instance ${pod.metadata.name}`);
  const options = { propagation: 'Background', dryRun: false, gracePeriodSeconds: undefined } as const;
  markDeleted(machine, machine.resources.named('pods'), pod, options);
}

/** Restarts the next instance that is out of date. */
export function rollOut(view: ClusterView): Outcome | undefined {
  const primary: string | undefined = view.cluster.status?.currentPrimary;
  const ordered = view.instances
    .filter((instance) => instance !== primary)
    .toSorted((left, right) => serialOf(right) - serialOf(left));
  for (const instance of ordered) {
    const pod = podOf(view, instance);
    const drift = pod === undefined ? undefined : driftOf(view, pod);
    if (pod === undefined || drift === undefined) continue;
    recreate(view, pod);
    return { phase: phases.upgrading, reason: `Restarting instance ${instance}, because: ${drift}` };
  }
  const pod = podOf(view, primary);
  const drift = pod === undefined ? undefined : driftOf(view, pod);
  return pod === undefined || drift === undefined ? undefined : rollOutPrimary(view, pod, drift);
}

function rollOutPrimary(view: ClusterView, pod: KubeObject, drift: string): Outcome | undefined {
  const { world, place, cluster } = view;
  const { primaryUpdateStrategy, primaryUpdateMethod } = cluster.spec ?? {};
  if (primaryUpdateStrategy === 'supervised') {
    return { phase: phases.waitingForUser, reason: 'User must issue a supervised switchover' };
  }
  const [target] = readyReplicas(view);
  if (primaryUpdateMethod === 'switchover' && target !== undefined) {
    const reason = `The primary instance needs to be restarted, we'll trigger a switchover to do that. Reason: ${drift}`;
    world.event(
      cluster,
      'Normal',
      'Switchover',
      `Initiating switchover to ${target} to upgrade ${pod.metadata.name}`,
    );
    world.status('clusters', place, (status) => {
      status.targetPrimary = target;
    });
    return { phase: phases.upgrading, reason, again: 0 };
  }
  recreate(view, pod);
  return { phase: phases.restartWithoutSwitchover, reason: drift };
}
