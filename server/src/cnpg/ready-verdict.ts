/** How waiting for a Cluster ended, and the sentences for it. */
import { readyInstances, wantedInstances } from './cluster-health.ts';
import { phaseKind } from './phases.ts';
import type { Trouble } from './startup-trouble.ts';
import type { Cluster } from './types.ts';

/** `late`: the time was over; `gone`: somebody deleted the cluster. */
export interface ReadyVerdict {
  state: 'ready' | 'failed' | 'late' | 'gone';
  /** As it was seen last. */
  cluster?: Cluster;
  /** With `failed` why; with `late` what was in the way at the end. */
  trouble?: Trouble;
  /** No pod and no volume claim had appeared. */
  nothingStarted: boolean;
  /** Kinds that may not be read, so that their part of the truth is missing. */
  unread: string[];
  elapsedSeconds: number;
  timeoutSeconds: number;
}

/** A wait as the outcome of a change. `late` is no failure: the operator goes on. */
export interface WaitOutcome {
  state: 'done' | 'requested' | 'failed';
  message: string;
  quoted?: string;
}

/** `subject`: what had been done before the wait, such as `demo/orders was created`. */
export function outcomeOf(subject: string, verdict: ReadyVerdict): WaitOutcome {
  const states = { ready: 'done', late: 'requested', failed: 'failed', gone: 'failed' } as const;
  const quoted = verdict.state === 'ready' ? undefined : verdict.trouble?.quoted;
  return {
    state: states[verdict.state],
    message: sentences(subject, verdict),
    ...(quoted !== undefined && { quoted }),
  };
}

function sentences(subject: string, verdict: ReadyVerdict): string {
  const { trouble, cluster, unread, timeoutSeconds } = verdict;
  switch (verdict.state) {
    case 'ready':
      return `${subject} and the cluster is ready after ${verdict.elapsedSeconds} s.`;
    case 'gone':
      return `${subject}, but somebody deleted the cluster while it was waited for.`;
    case 'failed':
      return `${subject}, but the cluster cannot become ready: ${trouble?.cause} ${trouble?.remedy} Nothing was undone.`;
    case 'late':
      return [
        `${subject}, but the cluster is not ready within ${timeoutSeconds} s; the operator goes on.`,
        cluster ? `Last seen: ${progressText(cluster)}.` : 'It was not seen yet.',
        ...(trouble ? [trouble.cause, trouble.remedy] : verdict.nothingStarted ? [silence] : []),
        ...(unread.length > 0 ? [`Not looked at, for lack of rights: ${unread.join(', ')}.`] : []),
      ].join(' ');
  }
}

/** A quota for volumes leaves no trace on the Cluster and no event (seen with operator 1.30). */
const silence =
  'No pod and no volume claim was made: see whether the operator runs, and whether a quota of the namespace is used up ' +
  '(kubectl describe quota).';

/** `Setting up primary; 0 of 3 instances ready`: without foreign text, for progress and messages. */
export function progressText(cluster: Cluster): string {
  const { phase } = cluster.status ?? {};
  const known = phaseKind(phase) === 'unknown' ? 'no known phase yet' : phase;
  return `${known}; ${readyInstances(cluster)} of ${wantedInstances(cluster)} instances ready`;
}

/** Default time for a cluster of this many instances, in seconds: 60 for each, between 30 and 600. */
export function defaultTimeoutSeconds(instances: number): number {
  return Math.min(600, Math.max(30, 60 * instances));
}
