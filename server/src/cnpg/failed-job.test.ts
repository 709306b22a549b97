import { describe, expect, it } from 'vitest';
import { failedJob } from './failed-job.ts';
import type { Pod } from './types.ts';

/** A pod of a real initdb job with `max_connections: many` (operator 1.30.0, Kubernetes 1.36.4), trimmed. */
function initdbPod(suffix: string, minute: number, change: (pod: Pod) => void = () => undefined): Pod {
  const pod: Pod = {
    metadata: {
      name: `pg-1-initdb-${suffix}`,
      namespace: 't-roles',
      creationTimestamp: `2026-11-24T17:${minute}:12Z`,
      labels: {
        'batch.kubernetes.io/job-name': 'pg-1-initdb',
        'cnpg.io/cluster': 'pg',
        'cnpg.io/instanceName': 'pg-1',
        'cnpg.io/jobRole': 'initdb',
      },
      ownerReferences: [
        {
          apiVersion: 'batch/v1',
          kind: 'Job',
          name: 'pg-1-initdb',
          uid: 'eaa8ffe3-b44a-4ae3-9984-f3c27b8b0590',
          controller: true,
        },
      ],
    },
    status: {
      phase: 'Failed',
      initContainerStatuses: [
        {
          name: 'bootstrap-controller',
          restartCount: 0,
          state: { terminated: { exitCode: 0, reason: 'Completed' } },
        },
      ],
      containerStatuses: [
        { name: 'initdb', restartCount: 0, state: { terminated: { exitCode: 1, reason: 'Error' } } },
      ],
    },
  };
  change(pod);
  return pod;
}

const phase = (value: string) => (pod: Pod) => Object.assign(pod.status ?? {}, { phase: value });

describe('failedJob', () => {
  it('names the job, how it ended and the log of its newest pod', () => {
    expect(failedJob([initdbPod('fqs5d', 28), initdbPod('7c6fb', 26), initdbPod('d695v', 27)])).toEqual({
      role: 'initdb',
      instance: 'pg-1',
      cause: 'The job initdb of the instance pg-1 has failed 3 times.',
      remedy:
        'Its log says why: kubectl logs pg-1-initdb-fqs5d -n t-roles -c initdb. ' +
        'Most often it is a PostgreSQL parameter, a locale, or where the data is to come from.',
      quoted: 'Error, exit code 1',
    });
  });

  it('still blames it while the next attempt runs', () => {
    const next = initdbPod('fqs5d', 28, phase('Running'));
    expect(failedJob([initdbPod('7c6fb', 26), initdbPod('d695v', 27), next])?.cause).toContain('2 times');
  });

  it('blames nothing after one failure, after a success, or for pods on their way out', () => {
    const first = initdbPod('7c6fb', 26);
    expect(failedJob([first])).toBeUndefined();
    expect(
      failedJob([first, initdbPod('d695v', 27), initdbPod('x', 28, phase('Succeeded'))]),
    ).toBeUndefined();
    const leaving = initdbPod('d695v', 27, ({ metadata }) => {
      metadata.deletionTimestamp = '2026-11-24T17:27:30Z';
    });
    expect(failedJob([first, leaving])).toBeUndefined();
  });

  it('does not add up the failures of two jobs', () => {
    const earlier = initdbPod('d695v', 20, ({ metadata }) => {
      for (const owner of metadata.ownerReferences ?? []) owner.uid = 'uid-of-an-earlier-job';
    });
    expect(failedJob([earlier, initdbPod('7c6fb', 26)])).toBeUndefined();
  });

  describe('of a job whose pods are killed for their memory', () => {
    // As of real clusters with limits.memory 40Mi and 8Mi (operator 1.30.0, Kubernetes 1.36.4).
    const killed = (list: string, name: string, exitCode: number) =>
      initdbPod('d695v', 27, ({ status }) =>
        Object.assign(status ?? {}, {
          [list]: [{ name, state: { terminated: { exitCode, reason: 'OOMKilled' } } }],
        }),
      );

    it.each([
      ['the job itself', killed('containerStatuses', 'initdb', 1)],
      ['what prepares it', killed('initContainerStatuses', 'bootstrap-controller', 137)],
    ])('names the memory that %s lacks, and how the job gets what it is given later', (_what, newest) => {
      expect(failedJob([initdbPod('7c6fb', 26), newest])).toMatchObject({
        cause:
          'The job initdb of the instance pg-1 has failed 2 times: it needs more memory than it may have.',
        remedy: expect.stringMatching(
          /^Raise spec\.resources\.limits\.memory.*kubectl delete job pg-1-initdb -n t-roles;/,
        ),
        quoted: expect.stringMatching(/^OOMKilled, exit code/),
      });
    });

    it('takes the volume claim of a further instance along, and never that of the first', () => {
      const first = killed('containerStatuses', 'initdb', 1);
      const further = structuredClone(first);
      further.metadata.labels = { 'cnpg.io/jobRole': 'join', 'cnpg.io/instanceName': 'pg-2' };
      expect(failedJob([first, first])?.remedy).not.toContain('pvc');
      expect(failedJob([further, further])?.remedy).toMatch(
        /kubectl delete job,pvc -l cnpg\.io\/instanceName=pg-2 -n t-roles$/,
      );
    });
  });

  it('passes on what the container and the kubelet said', () => {
    const killed = initdbPod('d695v', 27, ({ status }) =>
      Object.assign(status ?? {}, {
        containerStatuses: [
          {
            name: 'initdb',
            state: { terminated: { exitCode: 137, reason: 'OOMKilled', message: 'too much' } },
          },
        ],
      }),
    );
    const evicted = initdbPod('d695v', 27, (pod) => {
      pod.status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
    });
    const first = initdbPod('7c6fb', 26);
    expect(failedJob([first, killed])?.quoted).toBe('OOMKilled, exit code 137, too much');
    expect(failedJob([first, evicted])?.quoted).toBe('Evicted, The node was low on resource: memory.');
  });
});
