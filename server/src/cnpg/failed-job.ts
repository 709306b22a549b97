/**
 * Jobs that make the data directory of an instance and cannot. Their pods are not restarted but replaced (restart policy
 * Never), so no pod ever shows CrashLoopBackOff, and the phase stays "Setting up primary" until the job has no attempt left, ten
 * minutes or more (operator 1.30).
 */
import { killedForMemory } from './memory.ts';
import type { Pod } from './types.ts';

/** What the operator calls its jobs; the first five make a cluster, `join` a further instance. */
const jobRoles = ['initdb', 'import', 'pgbasebackup', 'full-recovery', 'snapshot-recovery', 'join'];

/** A single failure may pass: a node that goes away, a server that is not there yet. */
const leastFailures = 2;

export interface FailedJob {
  /** `initdb`, `join`, … */
  role: string;
  instance: string;
  /** One sentence, without foreign text. */
  cause: string;
  /** The command that shows why. */
  remedy: string;
  /** How the newest pod ended, as the kubelet says; with foreign text. */
  quoted: string;
}

/** The first job with two failed pods or more and none that succeeded; `undefined` when there is none. */
export function failedJob(pods: readonly Pod[]): FailedJob | undefined {
  const jobs = new Map<string, Pod[]>();
  for (const pod of pods) {
    const { labels, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined || !jobRoles.includes(labels?.['cnpg.io/jobRole'] ?? '')) continue;
    // By uid: the pods of a job of the same name, from an earlier cluster, may not be collected yet.
    const job = jobOf(pod)?.uid;
    if (job !== undefined) jobs.set(job, [...(jobs.get(job) ?? []), pod]);
  }
  for (const ofJob of jobs.values()) {
    const failed = ofJob.filter(({ status }) => status?.phase === 'Failed');
    const newest = failed.reduce<Pod | undefined>(
      (best, pod) => (best && madeAt(best) > madeAt(pod) ? best : pod),
      undefined,
    );
    const succeeded = ofJob.some(({ status }) => status?.phase === 'Succeeded');
    if (newest && !succeeded && failed.length >= leastFailures) return describe(newest, failed.length);
  }
  return undefined;
}

function jobOf({ metadata }: Pod) {
  return metadata.ownerReferences?.find(({ kind }) => kind === 'Job');
}

function madeAt({ metadata }: Pod): string {
  return metadata.creationTimestamp ?? '';
}

function describe(pod: Pod, failures: number): FailedJob {
  const { name, namespace, labels } = pod.metadata;
  const role = labels?.['cnpg.io/jobRole'] ?? '';
  const instance = labels?.['cnpg.io/instanceName'] ?? name;
  const { initContainerStatuses = [], containerStatuses = [], reason, message } = pod.status ?? {};
  const ended = [...initContainerStatuses, ...containerStatuses].find(
    ({ state }) => state?.terminated !== undefined && state.terminated.exitCode !== 0,
  );
  const { terminated } = ended?.state ?? {};
  const said = [
    terminated?.reason ?? reason,
    ...(terminated?.exitCode === undefined ? [] : [`exit code ${terminated.exitCode}`]),
    terminated?.message ?? message,
  ];
  const memory = killedForMemory(terminated);
  return {
    role,
    instance,
    cause: `The job ${role} of the instance ${instance} has failed ${failures} times${memory?.cause ?? ''}.`,
    remedy: memory
      ? `${memory.remedy} ${makeAnew(role, instance, pod)}`
      : `Its log says why: kubectl logs ${name} -n ${namespace} -c ${ended?.name ?? role}. ` +
        'Most often it is a PostgreSQL parameter, a locale, or where the data is to come from.',
    quoted: said.filter((part) => part !== undefined && part !== '').join(', '),
  };
}

/**
 * A job keeps the limits that it was made with, and each kind has its own way to be made anew. The claim of a further instance
 * has to go as well; without that of the first instance the operator gives the cluster up (seen with operator 1.30).
 */
function makeAnew(role: string, instance: string, pod: Pod): string {
  const { namespace } = pod.metadata;
  return role === 'join'
    ? `The job keeps the old limit: have the instance, which has no data yet, made anew: kubectl delete job,pvc -l cnpg.io/instanceName=${instance} -n ${namespace}`
    : `The job keeps the old limit: operator 1.30 and later makes it anew after kubectl delete job ${jobOf(pod)?.name} -n ${namespace}; ` +
        'with an older one, a cluster that has no instance yet must be deleted and made again.';
}
