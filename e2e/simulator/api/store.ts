/**
 * The store below the API: objects by resource, one revision counter, and the history that watches and consistent
 * pages are served from. Stored objects are never changed in place.
 */

import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../types.ts';
import type { ResourceType } from './resources.ts';

export interface Change {
  revision: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  key: string;
  object: KubeObject;
  /** What was stored before; undefined for ADDED. */
  before: KubeObject | undefined;
}

export type Listener = (change: Change, type: ResourceType) => void;

interface Shelf {
  objects: Map<string, KubeObject>;
  /** Keys in the order of the API's lists. */
  order: string[];
  history: Change[];
  /** The newest revision that the history no longer holds. */
  forgotten: number;
}

/** How many changes of one resource are remembered; older ones are "too old to watch from". */
const historyLength = 10_000;

/** `namespace/name`, or `name` for cluster-scoped objects: the order of these keys is the order of lists. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** Where a key is in an ordered list, or would be. */
function positionOf(order: readonly string[], key: string): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((order[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Store {
  readonly #shelves = new Map<ResourceType, Shelf>();
  readonly #listeners = new Set<Listener>();
  #revision = 1000;
  /** Nothing older than this can be read or watched from. */
  #compacted = 0;

  /** The revision of the newest write: the resourceVersion of a list. */
  get revision(): number {
    return this.#revision;
  }

  get(type: ResourceType, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#shelf(type).objects.get(keyOf(namespace, name));
  }

  /** All objects of a resource, or of one namespace, in the order of lists. */
  list(type: ResourceType, namespace?: string): KubeObject[] {
    return this.#ordered(this.#shelf(type), namespace).map(([, object]) => object);
  }

  /** Keys and objects as they were at an earlier revision; undefined when that is compacted away. */
  entriesAt(
    type: ResourceType,
    namespace: string | undefined,
    revision: number,
  ): [string, KubeObject][] | undefined {
    const shelf = this.#shelf(type);
    const newer = shelf.history.filter((change) => change.revision > revision);
    if (newer.length === 0)
      return this.#readable(shelf, revision) ? this.#ordered(shelf, namespace) : undefined;
    if (!this.#readable(shelf, revision)) return undefined;
    const objects = new Map(shelf.objects);
    for (const change of newer.toReversed()) {
      if (change.before === undefined) objects.delete(change.key);
      else objects.set(change.key, change.before);
    }
    const order = [...objects.keys()].sort((left, right) => (left < right ? -1 : 1));
    return this.#ordered({ objects, order }, namespace);
  }

  /** The changes after a revision; undefined when that is compacted away. */
  changesSince(type: ResourceType, revision: number): Change[] | undefined {
    const shelf = this.#shelf(type);
    return this.#readable(shelf, revision)
      ? shelf.history.filter((change) => change.revision > revision)
      : undefined;
  }

  /** Stores a new or changed object and returns it with its resourceVersion (and a uid, when it had none). */
  save(type: ResourceType, object: KubeObject): KubeObject {
    const shelf = this.#shelf(type);
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const before = shelf.objects.get(key);
    this.#revision += 1;
    const uid = object.metadata.uid ?? before?.metadata.uid ?? randomUUID();
    const stored: KubeObject = {
      ...object,
      metadata: { ...object.metadata, uid, resourceVersion: String(this.#revision) },
    };
    shelf.objects.set(key, stored);
    if (before === undefined) shelf.order.splice(positionOf(shelf.order, key), 0, key);
    this.#remember(type, shelf, {
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      key,
      object: stored,
      before,
    });
    return stored;
  }

  /** Removes an object. The removal has a revision of its own, which the last version is reported with. */
  drop(type: ResourceType, namespace: string | undefined, name: string): KubeObject | undefined {
    const shelf = this.#shelf(type);
    const key = keyOf(namespace, name);
    const before = shelf.objects.get(key);
    if (before === undefined) return undefined;
    shelf.objects.delete(key);
    shelf.order.splice(positionOf(shelf.order, key), 1);
    this.#revision += 1;
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(this.#revision) } };
    this.#remember(type, shelf, { type: 'DELETED', key, object, before });
    return object;
  }

  /** Calls the listener after every change, in order. Returns what ends that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets the past: reads and watches from any revision known so far are too old. */
  compact(): void {
    this.#revision += 1;
    this.#compacted = this.#revision;
  }

  #shelf(type: ResourceType): Shelf {
    let shelf = this.#shelves.get(type);
    if (shelf === undefined) {
      shelf = { objects: new Map(), order: [], history: [], forgotten: 0 };
      this.#shelves.set(type, shelf);
    }
    return shelf;
  }

  #readable(shelf: Shelf, revision: number): boolean {
    return revision >= this.#compacted && revision >= shelf.forgotten;
  }

  #ordered(
    { objects, order }: Pick<Shelf, 'objects' | 'order'>,
    namespace: string | undefined,
  ): [string, KubeObject][] {
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const entries: [string, KubeObject][] = [];
    for (let index = positionOf(order, prefix); index < order.length; index += 1) {
      const key = order[index] ?? '';
      if (!key.startsWith(prefix)) break;
      const object = objects.get(key);
      if (object !== undefined) entries.push([key, object]);
    }
    return entries;
  }

  #remember(type: ResourceType, shelf: Shelf, change: Omit<Change, 'revision'>): void {
    const made = { revision: this.#revision, ...change };
    shelf.history.push(made);
    if (shelf.history.length > historyLength)
      shelf.forgotten = shelf.history.shift()?.revision ?? shelf.forgotten;
    for (const listener of [...this.#listeners]) listener(made, type);
  }
}
