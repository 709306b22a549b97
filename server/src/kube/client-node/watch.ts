/** Watching until a condition holds: list, follow the changes, and begin again where the API server lost the thread. */
import { ToolError } from '../../errors.ts';
import type { KubeObject, WatchDecision } from '../gateway.ts';
import { expectObject, parseObject } from './bodies.ts';
import type { Deadline } from './deadline.ts';
import { retryDelayMs } from './retry.ts';

/** How a watcher gets at the objects. */
export interface WatchSource<T extends KubeObject> {
  /** All matching objects, and the version from which to follow the changes. */
  read(): Promise<{ items: T[]; resourceVersion: string | undefined }>;
  /** An object of an event, made like those that are read. */
  accept(object: KubeObject): T;
  /** The lines of a watch from that version, at most so many seconds. */
  follow(resourceVersion: string, seconds: number): Promise<AsyncIterable<Uint8Array>>;
}

/** Seconds after which a watch is renewed, so that it does not outlive a load balancer's patience. */
const watchSeconds = 240;
const pollMs = 2000;
/** A line longer than any object that Kubernetes can store (etcd's limit is 1.5 MiB). */
const maxLine = 16 * 2 ** 20;

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject & { code?: number; message?: string };
}

/** Errors after which a watch is tried again; before the first answer they are the caller's. */
const passing = new Set(['cluster_unreachable', 'cluster_error', 'too_many_requests']);

/** See {@link KubeGateway.watchUntil}. */
export async function watchUntil<T extends KubeObject, R>(
  source: WatchSource<T>,
  deadline: Deadline,
  decide: (objects: readonly T[]) => WatchDecision<R>,
): Promise<R> {
  const objects = new Map<string, T>();
  let version: string | undefined;
  let polling = false;
  let failures = 0;
  let defect: { thrown: unknown } | undefined;
  const decided = (): { done: R } | undefined => {
    try {
      const decision = decide([...objects.values()]);
      return decision === 'continue' ? undefined : decision;
    } catch (thrown) {
      defect = { thrown };
      throw thrown;
    }
  };

  for (let seen = false; ; ) {
    try {
      if (version === undefined) {
        const page = await source.read();
        objects.clear();
        for (const item of page.items) objects.set(keyOf(item), item);
        version = page.resourceVersion;
        seen = true;
        const result = decided();
        if (result) return result.done;
      }
      if (polling || version === undefined) {
        version = undefined;
        await deadline.pause(pollMs);
        continue;
      }
      const started = performance.now();
      const seconds = Math.max(1, Math.min(watchSeconds, Math.ceil(deadline.remainingMs / 1000)));
      for await (const event of events(await source.follow(version, seconds))) {
        if (event.type === 'ERROR') throw expiredOrFailed(event);
        failures = 0;
        version = event.object.metadata.resourceVersion ?? version;
        if (event.type === 'BOOKMARK') continue;
        if (event.type === 'DELETED') objects.delete(keyOf(event.object));
        else objects.set(keyOf(event.object), source.accept(event.object));
        const result = decided();
        if (result) return result.done;
      }
      // A server that ends watches at once must not be asked again at once.
      if (performance.now() - started < 1000) await deadline.pause(retryDelayMs(failures++));
    } catch (thrown) {
      if (defect) throw defect.thrown;
      deadline.throwIfOver();
      if (!(thrown instanceof ToolError) || !seen) throw thrown;
      if (thrown.code === 'forbidden' && !polling && version !== undefined) {
        polling = true;
        continue;
      }
      const expired = thrown.api?.status === 410;
      if (!expired && !passing.has(thrown.code)) throw thrown;
      if (expired) version = undefined;
      // A version that expired once is no reason to wait; one that expires again and again is.
      if (!expired || failures > 0) await deadline.pause(retryDelayMs(failures, thrown.retryAfterSeconds));
      failures += 1;
    }
  }
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

function expiredOrFailed(event: WatchEvent): ToolError {
  const status = event.object.code ?? 500;
  return new ToolError(status === 410 ? 'conflict' : 'cluster_error', 'The API server ended a watch.', {
    api: { status },
  });
}

/** Splits a stream into events, one line of JSON each. A connection that breaks is `cluster_unreachable`. */
async function* events(stream: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of brokenAsError(stream)) {
    rest += decoder.decode(chunk, { stream: true });
    let end = rest.indexOf('\n');
    let start = 0;
    for (; end !== -1; end = rest.indexOf('\n', start)) {
      const line = rest.slice(start, end);
      start = end + 1;
      if (line !== '') yield parseEvent(line);
    }
    rest = rest.slice(start);
    if (rest.length > maxLine) throw new ToolError('cluster_error', 'The API server sent an endless line.');
  }
}

async function* brokenAsError(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch {
    throw new ToolError('cluster_unreachable', 'The connection of a watch broke.');
  }
}

function parseEvent(line: string): WatchEvent {
  const event = parseObject(line);
  const object = expectObject(event.object);
  // A Status, which says why a watch ends, is about no object.
  if (event.type !== 'ERROR') expectObject(object.metadata);
  return event as unknown as WatchEvent;
}
