/**
 * Jobs that make the data directory of an instance and cannot. Their pods are not restarted but replaced (restart policy
 * Never), so no pod ever shows CrashLoopBackOff, and the phase stays "Setting up primary" (operator 1.30).
 */
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
    const { labels, ownerReferences, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined || !jobRoles.includes(labels?.['cnpg.io/jobRole'] ?? '')) continue;
    // By uid: the pods of a job of the same name, from an earlier cluster, may not be collected yet.
    const job = ownerReferences?.find(({ kind }) => kind === 'Job')?.uid;
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
  return {
    role,
    instance,
    cause: `The job ${role} of the instance ${instance} has failed ${failures} times.`,
    remedy:
      `Its log says why: kubectl logs ${name} -n ${namespace} -c ${ended?.name ?? role}. ` +
      'Most often it is a PostgreSQL parameter, a locale, or where the data is to come from.',
    quoted: said.filter((part) => part !== undefined && part !== '').join(', '),
  };
}
