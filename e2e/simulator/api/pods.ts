/** The subresources of pods that answer no objects: the log, and the proxy to a port. */

import type { Fields, KubeObject } from '../types.ts';
import { ApiError, badRequest, notFound } from './api-error.ts';
import type { Machine } from './machine.ts';

interface LogLine {
  time: Date;
  text: string;
}

/** What containers wrote, by pod and container; `previous` is the run before the last restart. */
export class Logs {
  readonly #lines = new Map<string, LogLine[]>();
  readonly #followers = new Set<(key: string, line: LogLine) => void>();

  static key(namespace: string, pod: string, container: string, previous: boolean): string {
    return [namespace, pod, container, previous].join('/');
  }

  append(key: string, time: Date, lines: readonly string[]): void {
    const kept = this.#lines.get(key) ?? [];
    this.#lines.set(key, kept);
    for (const text of lines) {
      const line = { time, text };
      kept.push(line);
      for (const follower of [...this.#followers]) follower(key, line);
    }
  }

  read(key: string): readonly LogLine[] {
    return this.#lines.get(key) ?? [];
  }

  has(key: string): boolean {
    return this.#lines.has(key);
  }

  follow(follower: (key: string, line: LogLine) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}

/** A request for a log, resolved: what to send at once, and how to go on when it is followed. */
interface LogRequest {
  text: string;
  key: string;
  follow: boolean;
  format(line: LogLine): string;
}

function printed({ time, text }: LogLine, timestamps: boolean): string {
  return timestamps ? `${time.toISOString().slice(0, -1)}000000Z ${text}\n` : `${text}\n`;
}

function chooseContainer(pod: KubeObject, asked: string | null): string {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])] as Fields[];
  const names = containers.map((container) => container.name as string);
  const { name, namespace } = pod.metadata;
  if (asked === null || asked === '') {
    const own = (pod.spec?.containers ?? []) as Fields[];
    if (own.length === 1) return own[0]?.name;
    throw badRequest(
      `a container name must be specified for pod ${name}, choose one of: [${own.map((each) => each.name).join(' ')}]`,
    );
  }
  if (!names.includes(asked))
    throw badRequest(`container ${asked} is not valid for pod ${name} in namespace ${namespace}`);
  return asked;
}

/** Answers GET pods/log. Throws 400 for a container that has no log, in the words of the kubelet. */
export function readLog(
  machine: Machine,
  logs: Logs,
  namespace: string,
  name: string,
  query: URLSearchParams,
): LogRequest {
  const type = machine.resources.named('pods');
  const pod = machine.store.get(type, namespace, name);
  if (pod === undefined) throw notFound(type, name);
  const container = chooseContainer(pod, query.get('container'));
  const previous = query.get('previous') === 'true';
  const key = Logs.key(namespace, name, container, previous);
  if (previous && !logs.has(key)) {
    throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  }
  const statuses = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
  ] as Fields[];
  const waiting = statuses.find((status) => status.name === container)?.state?.waiting;
  if (!previous && waiting !== undefined && !logs.has(key)) {
    const why = waiting.reason?.includes('Image') ? 'trying and failing to pull image' : waiting.reason;
    throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ${why}`);
  }
  const timestamps = query.get('timestamps') === 'true';
  const sinceTime = query.get('sinceTime');
  const sinceSeconds = query.get('sinceSeconds');
  const since =
    sinceTime !== null
      ? Date.parse(sinceTime)
      : sinceSeconds !== null
        ? machine.now().getTime() - Number(sinceSeconds) * 1000
        : 0;
  let lines = logs.read(key).filter((line) => line.time.getTime() >= since);
  const tail = query.get('tailLines');
  if (tail !== null) lines = Number(tail) === 0 ? [] : lines.slice(-Number(tail));
  let text = lines.map((line) => printed(line, timestamps)).join('');
  const limit = query.get('limitBytes');
  if (limit !== null) text = Buffer.from(text).subarray(0, Number(limit)).toString();
  return { text, key, follow: query.get('follow') === 'true', format: (line) => printed(line, timestamps) };
}

export interface ProxyAnswer {
  status: number;
  contentType: string;
  body: string;
}

/** What listens in the pods: answers a GET to a port, or nothing when no process does. */
export type PodPorts = (
  pod: KubeObject,
  scheme: string,
  port: number,
  path: string,
) => ProxyAnswer | undefined;

/** Answers GET pods/proxy; `target` is `scheme:pod:port`, with scheme and port optional. */
export function proxyToPod(
  machine: Machine,
  ports: PodPorts,
  namespace: string,
  target: string,
  path: string,
): ProxyAnswer {
  const parts = target.split(':');
  const [scheme, name, port] =
    parts.length === 3
      ? parts
      : parts.length === 2 && ['http', 'https'].includes(parts[0] ?? '')
        ? [...parts, '']
        : ['http', ...parts];
  const type = machine.resources.named('pods');
  const pod = machine.store.get(type, namespace, name ?? '');
  if (pod === undefined) throw notFound(type, name ?? '');
  const unreachable = (why: string) =>
    new ApiError(503, 'ServiceUnavailable', `error trying to reach service: ${why}`);
  if (pod.status?.podIP === undefined) throw new ApiError(400, 'BadRequest', 'address not allowed');
  const number = Number(port === undefined || port === '' ? 80 : port);
  const answer = ports(pod, scheme === 'https' ? 'https' : 'http', number, path);
  if (answer === undefined)
    throw unreachable(`dial tcp ${pod.status.podIP}:${number}: connect: connection refused`);
  return answer;
}
