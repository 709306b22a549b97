/**
 * Watches on clusters, shared by everybody who may see the same: one per identity and scope, however many subscribe.
 *
 * A watch belongs to an identity because the API server decides by it what may be seen. It is opened anew every few minutes,
 * so that a right that was taken away is noticed.
 */
import { hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from '../../cnpg/types.ts';
import { toToolError } from '../../errors.ts';
import type { Impersonation, KubeGateway } from '../../kube/gateway.ts';
import { guardGateway } from '../../tools/guarded-gateway.ts';
import { permission } from '../../tools/permission.ts';

/** The rights that watching needs; reading alone is enough, at the price of polling. */
export const watchPermissions = [
  permission(
    'clusters',
    ['get', 'list', 'watch'],
    'subscribers are told when the status of a cluster changes',
  ),
];

/** What is watched: one cluster, or which clusters there are. */
export interface WatchTarget {
  impersonate?: Impersonation | undefined;
  /** Omitted: all namespaces. */
  namespace?: string | undefined;
  /** Omitted: the set of clusters, not what is in them. */
  cluster?: string;
}

export interface WatchTimes {
  /** After this the watch is opened anew, and with it the right to watch is checked. */
  reopenSeconds: number;
  /** Least time between two notices of one watch. */
  quietMilliseconds: number;
  /** Pause after a failure; doubled with each one, up to thirty times. */
  retryMilliseconds: number;
}

const defaultWatchTimes: WatchTimes = {
  reopenSeconds: 300,
  quietMilliseconds: 1000,
  retryMilliseconds: 1000,
};

export class ClusterWatches {
  readonly #kube: KubeGateway;
  readonly #times: WatchTimes;
  readonly #open = new Map<string, SharedWatch>();

  constructor(kube: KubeGateway, times: WatchTimes = defaultWatchTimes) {
    this.#kube = kube;
    this.#times = times;
  }

  /** Calls `changed` after every change from now on. Returns the function that ends it; the last one ends the watch. */
  subscribe(target: WatchTarget, changed: () => void): () => void {
    const key = JSON.stringify([
      target.impersonate ?? null,
      target.namespace ?? null,
      target.cluster ?? null,
    ]);
    let watch = this.#open.get(key);
    if (!watch) {
      watch = new SharedWatch(this.#kube, target, this.#times, () => this.#open.delete(key));
      this.#open.set(key, watch);
    }
    return watch.add(changed);
  }

  /** Ends all of them. */
  close(): void {
    for (const watch of [...this.#open.values()]) watch.stop();
  }
}

class SharedWatch {
  readonly #target: WatchTarget;
  readonly #times: WatchTimes;
  readonly #onStop: () => void;
  readonly #kube: KubeGateway;
  readonly #stop = new AbortController();
  readonly #subscribers = new Set<() => void>();
  /** Digest of what was seen last; `undefined` before the first look, which is no change. */
  #seen: string | undefined;
  #lastNotice = Number.NEGATIVE_INFINITY;
  #pending: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(kube: KubeGateway, target: WatchTarget, times: WatchTimes, onStop: () => void) {
    this.#target = target;
    this.#times = times;
    this.#onStop = onStop;
    const acting = target.impersonate ? kube.as(target.impersonate) : kube;
    const owner = { name: 'a resource subscription', permissions: watchPermissions };
    this.#kube = guardGateway(acting, owner, this.#stop.signal);
    void this.#run();
  }

  add(changed: () => void): () => void {
    // Two subscribers may bring the same function: each is one of its own.
    const subscriber = (): void => changed();
    this.#subscribers.add(subscriber);
    return () => {
      this.#subscribers.delete(subscriber);
      if (this.#subscribers.size === 0) this.stop();
    };
  }

  stop(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    clearTimeout(this.#pending);
    this.#subscribers.clear();
    this.#onStop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { namespace, cluster } = this.#target;
    const timeoutSeconds = this.#times.reopenSeconds;
    const options = { namespace, signal, timeoutSeconds, ...(cluster !== undefined && { name: cluster }) };
    while (!signal.aborted) {
      try {
        await this.#kube.watchUntil<Cluster, never>('clusters', options, (clusters) => {
          this.#failures = 0;
          this.#look(clusters);
          return 'continue';
        });
      } catch (thrown) {
        if (signal.aborted) return;
        const { code } = toToolError(thrown);
        if (code === 'forbidden') {
          // The right is gone, so what a reader gets is another answer than before: that much is told.
          this.#notify();
          this.stop();
          return;
        }
        if (code !== 'timeout') await this.#pause();
      }
    }
  }

  /** Compares with what was seen before; the API server also reports changes that no reader can see. */
  #look(clusters: readonly Cluster[]): void {
    const visible =
      this.#target.cluster === undefined
        ? clusters.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort()
        : clusters.map(whatReadersSee);
    const now = hash('sha256', JSON.stringify(visible), 'base64url');
    const before = this.#seen;
    this.#seen = now;
    if (before !== undefined && before !== now) this.#noticeSoon();
  }

  /** At most one notice in the quiet time; what happens within it is told at its end. */
  #noticeSoon(): void {
    const wait = this.#lastNotice + this.#times.quietMilliseconds - performance.now();
    if (wait <= 0) this.#notify();
    else this.#pending ??= setTimeout(() => this.#notify(), wait);
  }

  #notify(): void {
    clearTimeout(this.#pending);
    this.#pending = undefined;
    this.#lastNotice = performance.now();
    for (const told of [...this.#subscribers]) told();
  }

  async #pause(): Promise<void> {
    const wait = this.#times.retryMilliseconds * Math.min(2 ** this.#failures, 30);
    this.#failures += 1;
    await pause(wait, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

/** What a reader of the cluster can see of it. */
function whatReadersSee({ metadata, spec, status }: Cluster): unknown {
  const { uid, generation, deletionTimestamp, annotations, labels } = metadata;
  return { uid, generation, deletionTimestamp, annotations, labels, spec, status };
}
