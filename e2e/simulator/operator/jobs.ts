/** The Job controller: a pod per job, another one when it fails, and the job's end. */

import { generatedName } from '../api/metadata.ts';
import type { Waits } from './queue.ts';
import { ownedBy, type Place, setCondition, type World } from './world.ts';

/** Failed pods that are replaced (the API server's default). */
const backoffLimit = 6;

/** One step of one job. Returns after how many simulated seconds to come back. */
export function reconcileJob(world: World, waits: Waits, { namespace, name }: Place): number | undefined {
  const key = `job/${namespace}/${name}`;
  const job = world.get('jobs', namespace, name);
  if (
    job === undefined ||
    job.metadata.deletionTimestamp !== undefined ||
    job.status?.completionTime !== undefined
  ) {
    waits.forget(key);
    return undefined;
  }
  const pods = world
    .list('pods', namespace)
    .filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid));
  const failures = pods.filter(({ status }) => status?.phase === 'Failed').length;
  if (failures > backoffLimit) return giveUp(world, { namespace, name }, failures);
  const pod = pods.find(({ status }) => status?.phase !== 'Failed');
  if (pod === undefined) {
    const left = failures > 0 ? waits.left(key, `after ${failures}`, 10 * 2 ** (failures - 1)) : 0;
    if (left > 0) return left;
    const { metadata, spec } = job.spec?.template ?? {};
    const labels = { ...metadata?.labels, 'job-name': name, 'batch.kubernetes.io/job-name': name };
    world.create('pods', {
      metadata: {
        name: generatedName(`${name}-`),
        namespace,
        labels,
        annotations: metadata?.annotations,
        ownerReferences: ownedBy(job, true),
      },
      spec: { ...spec, restartPolicy: 'Never' },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    });
    world.status('jobs', { namespace, name }, (status) => {
      Object.assign(status, { active: 1, ready: 0, startTime: status.startTime ?? world.timestamp });
      if (failures > 0) status.failed = failures;
    });
    return undefined;
  }
  if (pod.status?.phase !== 'Succeeded') return undefined;
  world.status('jobs', { namespace, name }, (status) => {
    delete status.active;
    Object.assign(status, { ready: 0, succeeded: 1, completionTime: world.timestamp });
    for (const type of ['SuccessCriteriaMet', 'Complete']) {
      setCondition(
        status,
        world.timestamp,
        type,
        'True',
        'CompletionsReached',
        'Reached expected number of succeeded pods',
      );
    }
  });
  return undefined;
}

function giveUp(world: World, place: Place, failed: number): undefined {
  world.status('jobs', place, (status) => {
    delete status.active;
    Object.assign(status, { ready: 0, failed });
    for (const type of ['FailureTarget', 'Failed']) {
      setCondition(
        status,
        world.timestamp,
        type,
        'True',
        'BackoffLimitExceeded',
        'Job has reached the specified backoff limit',
      );
    }
  });
  return undefined;
}
