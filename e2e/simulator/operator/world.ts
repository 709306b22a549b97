/** What the controllers of the simulated cluster share: the store, the clock, the pace, and helpers to write. */

import { randomUUID } from 'node:crypto';
import type { Machine } from '../api/machine.ts';
import { seconds } from '../api/metadata.ts';
import { type Logs, Logs as PodLogs } from '../api/pods.ts';
import { apiVersionOf, type ResourceType } from '../api/resources.ts';
import { copy, sameJson, withoutUndefined } from '../json.ts';
import type { Fields, KubeObject, OwnerReference } from '../types.ts';
import type { Postgres } from './postgres.ts';

/** An object of one resource, by namespace and name. */
export interface Place {
  namespace: string;
  name: string;
}

export class World {
  readonly machine: Machine;
  readonly postgres: Postgres;
  readonly logs: Logs;
  readonly operatorVersion: string;
  /** Whether the operator knows DatabaseRole and the primary Lease (1.30 and later). */
  readonly recent: boolean;

  constructor(machine: Machine, postgres: Postgres, logs: Logs, operatorVersion: string, recent: boolean) {
    this.machine = machine;
    this.postgres = postgres;
    this.logs = logs;
    this.operatorVersion = operatorVersion;
    this.recent = recent;
  }

  /** The current time in the format of Kubernetes. */
  get timestamp(): string {
    return seconds(this.machine.now());
  }

  #type(resource: string): ResourceType {
    return this.machine.resources.named(resource);
  }

  /** A copy of an object, which may be changed and given to {@link save}. */
  get(resource: string, namespace: string | undefined, name: string): KubeObject | undefined {
    const found = this.machine.store.get(this.#type(resource), namespace, name);
    return found === undefined ? undefined : copy(found);
  }

  /** The stored objects themselves: to look at, not to change. */
  list(resource: string, namespace?: string, labels: Record<string, string> = {}): KubeObject[] {
    const wanted = Object.entries(labels);
    return this.machine.store
      .list(this.#type(resource), namespace)
      .filter(({ metadata }) => wanted.every(([label, value]) => metadata.labels?.[label] === value));
  }

  /** Creates an object unless one of that name exists. True when it was created. */
  create(resource: string, object: Omit<KubeObject, 'apiVersion' | 'kind'>): boolean {
    const type = this.#type(resource);
    const { namespace, name } = object.metadata;
    if (this.machine.store.get(type, namespace, name) !== undefined) return false;
    this.machine.store.save(type, {
      ...withoutUndefined(object as KubeObject),
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata: {
        ...object.metadata,
        creationTimestamp: this.timestamp,
        ...(type.counted ? { generation: 1 } : {}),
      },
    });
    return true;
  }

  /** Changes an object if the change makes a difference; `change` works on a copy. Undefined when it is gone. */
  update(resource: string, place: Place, change: (object: KubeObject) => void): KubeObject | undefined {
    const type = this.#type(resource);
    const current = this.machine.store.get(type, place.namespace, place.name);
    if (current === undefined) return undefined;
    const changed = copy(current);
    change(changed);
    const clean = withoutUndefined(changed);
    if (sameJson(clean, current)) return current;
    const counted = ({ metadata: _, status: __, ...rest }: KubeObject) => rest;
    if (type.counted && !sameJson(counted(clean), counted(current))) {
      clean.metadata.generation = (current.metadata.generation ?? 0) + 1;
    }
    return this.machine.store.save(type, clean);
  }

  /** Changes the status of an object. */
  status(resource: string, place: Place, change: (status: Fields) => void): KubeObject | undefined {
    return this.update(resource, place, (object) => {
      object.status ??= {};
      change(object.status);
    });
  }

  /** Appends a line to the log of a container, as JSON, the way the instance manager logs. */
  log(
    pod: Place,
    container: string,
    level: string,
    logger: string,
    message: string,
    more: Fields = {},
  ): void {
    const ts = this.machine.now().toISOString();
    const line = JSON.stringify({ level, ts, logger, logging_pod: pod.name, msg: message, ...more });
    this.logs.append(PodLogs.key(pod.namespace, pod.name, container, false), this.machine.now(), [line]);
  }

  /** Records an event; the same one again only counts up. */
  event(
    about: KubeObject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    component = 'cloudnative-pg',
  ): void {
    const { namespace = 'default', name, uid, resourceVersion } = about.metadata;
    const same = this.machine.store
      .list(this.#type('events'), namespace)
      .find((each) => each.involvedObject?.uid === uid && each.reason === reason && each.message === message);
    if (same !== undefined) {
      this.update('events', { namespace, name: same.metadata.name }, (event) => {
        event.count += 1;
        event.lastTimestamp = this.timestamp;
      });
      return;
    }
    const { apiVersion, kind } = about;
    this.create('events', {
      metadata: { name: `${name}.${randomUUID().replaceAll('-', '').slice(0, 16)}`, namespace },
      involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion },
      type,
      reason,
      message,
      count: 1,
      eventTime: null,
      firstTimestamp: this.timestamp,
      lastTimestamp: this.timestamp,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
    });
  }
}

const worlds = new WeakMap<object, World>();

/** Remembers the world behind a simulator, for scenes to write in. */
export function registerWorld(simulator: object, world: World): void {
  worlds.set(simulator, world);
}

/** The world behind a simulator; with a time, as it is or was then: what is written bears that time. */
export function worldOf(simulator: object, at?: Date): World {
  const world = worlds.get(simulator);
  if (world === undefined) throw new Error('this simulator was not made by startSimulator');
  if (at === undefined) return world;
  const { machine, postgres, logs, operatorVersion, recent } = world;
  return new World({ ...machine, now: () => at }, postgres, logs, operatorVersion, recent);
}

/** The reference that makes an object belong to its controller. */
export function ownedBy(owner: KubeObject, blocks = false): OwnerReference[] {
  const { name, uid = '' } = owner.metadata;
  return [
    {
      apiVersion: owner.apiVersion,
      kind: owner.kind,
      name,
      uid,
      controller: true,
      ...(blocks ? { blockOwnerDeletion: true } : {}),
    },
  ];
}

/** Sets a condition the way controllers do: its time changes only with its status. */
export function setCondition(
  status: Fields,
  at: string,
  type: string,
  value: 'True' | 'False',
  reason: string,
  message: string,
): void {
  const conditions: Fields[] = status.conditions ?? [];
  status.conditions = conditions;
  const found = conditions.find((condition) => condition.type === type);
  if (found === undefined) {
    conditions.push({ lastTransitionTime: at, message, reason, status: value, type });
    return;
  }
  if (found.status !== value) found.lastTransitionTime = at;
  Object.assign(found, { message, reason, status: value });
}

/** Removes a condition. */
export function dropCondition(status: Fields, type: string): void {
  if (status.conditions === undefined) return;
  status.conditions = (status.conditions as Fields[]).filter((condition) => condition.type !== type);
}

/** The status of a condition; undefined when there is none. */
export function conditionOf(object: KubeObject, type: string): Fields | undefined {
  return ((object.status?.conditions ?? []) as Fields[]).find((condition) => condition.type === type);
}
