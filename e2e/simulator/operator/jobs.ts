/** The Job controller: a pod per job, and the job's end with it. */

import { generatedName } from '../api/metadata.ts';
import { ownedBy, type Place, setCondition, type World } from './world.ts';

/** One step of one job. */
export function reconcileJob(world: World, { namespace, name }: Place): undefined {
  const job = world.get('jobs', namespace, name);
  if (
    job === undefined ||
    job.metadata.deletionTimestamp !== undefined ||
    job.status?.completionTime !== undefined
  ) {
    return undefined;
  }
  const pods = world
    .list('pods', namespace)
    .filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid));
  const [pod] = pods;
  if (pod === undefined) {
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
      Object.assign(status, { active: 1, ready: 0, startTime: world.timestamp });
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
