/** Waiting until a Cluster is what was asked for: by watching it, and by looking around it for what stands in the way. */
import { setTimeout as pause } from 'node:timers/promises';
import { isFullyReady, readyInstances, wantedInstances } from '../cnpg/cluster-health.ts';
import { progressText, type ReadyVerdict } from '../cnpg/ready-verdict.ts';
import { findTrouble, nothingStarted, type Surroundings, type Trouble } from '../cnpg/startup-trouble.ts';
import type { Cluster } from '../cnpg/types.ts';
import { ToolError } from '../errors.ts';
import type { WatchDecision } from '../kube/gateway.ts';
import type { ToolContext } from './define-tool.ts';
import { lookAround, lookAroundPermissions, unreadKinds } from './look-around.ts';
import { permission } from './permission.ts';

/** What {@link awaitReady} uses. */
export const awaitReadyPermissions = [
  permission('clusters', ['list', 'watch'], 'to see when the cluster is ready'),
  ...lookAroundPermissions,
];

/** Errors that a wait survives: the watch does by itself, a look around is done again. */
const passing = new Set(['cluster_unreachable', 'cluster_error', 'too_many_requests', 'timeout']);

/** Seconds until the next look around: often at the start, where slips of the pen show, then seldom. */
function pauseAfter(elapsedSeconds: number): number {
  if (elapsedSeconds < 3) return 1;
  return elapsedSeconds < 20 ? 2 : 5;
}

/**
 * Waits until the Cluster is healthy with every instance ready. Ends early when something stands in the way for longer
 * than it could pass by itself. Nothing is changed or deleted, however it ends.
 */
export async function awaitReady(
  context: ToolContext,
  name: string,
  timeoutSeconds: number,
): Promise<ReadyVerdict> {
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  let cluster: Cluster | undefined;
  let around: Surroundings | undefined;
  let trouble: Trouble | undefined;

  const decide = ([seen]: readonly Cluster[]): WatchDecision<'ready' | 'gone'> => {
    if (!seen || (cluster && cluster.metadata.uid !== seen.metadata.uid)) return { done: 'gone' };
    cluster = seen;
    context.progress(progressText(seen), readyInstances(seen), wantedInstances(seen));
    return isFullyReady(seen) ? { done: 'ready' } : 'continue';
  };
  const watching = context.kube.watchUntil<Cluster, 'ready' | 'gone'>(
    'clusters',
    { namespace: context.namespace.name, name, timeoutSeconds, signal },
    decide,
  );
  const looking = async (): Promise<'failed'> => {
    for (let since = 0; ; ) {
      await pause(pauseAfter(elapsed()) * 1000, undefined, { signal });
      const seen = cluster && (await lookAgain(context, cluster, signal));
      if (!cluster || !seen) continue;
      around = seen;
      const found = findTrouble(cluster, around);
      if (found?.id !== trouble?.id) since = elapsed();
      trouble = found;
      if (trouble && elapsed() - since >= trouble.graceSeconds) return 'failed';
    }
  };
  const both = [watching, looking()] as const;
  const state = await Promise.race(both)
    .catch(lateOnTimeout)
    .finally(() => {
      ended.abort();
      return Promise.allSettled(both);
    });
  return {
    state,
    ...(cluster && { cluster }),
    ...(trouble && { trouble }),
    nothingStarted: around !== undefined && nothingStarted(around),
    unread: around ? unreadKinds(around) : [],
    elapsedSeconds: Math.round(elapsed()),
    timeoutSeconds,
  };
}

function lateOnTimeout(thrown: unknown): 'late' {
  if (thrown instanceof ToolError && thrown.code === 'timeout') return 'late';
  throw thrown;
}

async function lookAgain(
  context: ToolContext,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<Surroundings | undefined> {
  try {
    return await lookAround(context, cluster, signal);
  } catch (thrown) {
    if (thrown instanceof ToolError && passing.has(thrown.code)) return undefined;
    throw thrown;
  }
}
