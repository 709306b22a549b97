/**
 * Who owns which field (`metadata.managedFields`), and server-side apply on top of it. Fields are named by paths of
 * the segments that FieldsV1 uses: `f:name` for a field, `k:{…}` for an item of a keyed list, `v:…` for one of a set.
 */

import { copy, isFields, sameJson } from '../json.ts';
import type { Schema } from '../schemas/schema.ts';
import type { Fields, KubeObject, ManagedFields } from '../types.ts';
import { ApiError, type StatusCause } from './api-error.ts';
import { apiVersionOf, type ResourceType } from './resources.ts';

type Path = readonly string[];
type FieldSet = Map<string, Path>;

const separator = '\u0000';
const untracked = new Set(['apiVersion', 'kind']);
const untrackedMetadata = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
]);

/** Lists of built-in kinds that are merged by a key, by the name of the field. */
const builtInListKeys: Record<string, string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  conditions: ['type'],
  ports: ['port', 'protocol'],
};

const metadataSchema: Schema = {
  properties: {
    labels: { additionalProperties: {} },
    annotations: { additionalProperties: {} },
    ownerReferences: { listKeys: ['uid'], items: {} },
  },
};

function add(set: FieldSet, path: Path): void {
  set.set(path.join(separator), path);
}

function below(schema: Schema | undefined, key: string): Schema | undefined {
  return schema?.properties?.[key] ?? schema?.additionalProperties;
}

function listKeys(schema: Schema | undefined, field: string): string[] | undefined {
  return schema?.listKeys ?? (schema?.type === undefined ? builtInListKeys[field] : undefined);
}

function itemSegment(item: unknown, keys: string[]): string {
  const fields = isFields(item) ? item : {};
  const named = keys.filter((key) => fields[key] !== undefined).map((key) => [key, fields[key]]);
  return `k:${JSON.stringify(Object.fromEntries(named))}`;
}

/** The leaves of an object (scalars, atomic lists and maps, empty maps), with the items of keyed lists. */
function leavesOf(type: ResourceType, object: Fields): FieldSet {
  const set: FieldSet = new Map();
  for (const [key, value] of Object.entries(object)) {
    if (untracked.has(key) || value === undefined) continue;
    if (key !== 'metadata') {
      collect(set, [`f:${key}`], key, value, type.schema?.properties?.[key]);
      continue;
    }
    for (const [name, field] of Object.entries(value as Fields)) {
      if (untrackedMetadata.has(name) || field === undefined) continue;
      collect(set, ['f:metadata', `f:${name}`], name, field, metadataSchema.properties?.[name]);
    }
  }
  return set;
}

function collect(set: FieldSet, path: Path, field: string, value: unknown, schema: Schema | undefined): void {
  if (Array.isArray(value)) {
    const keys = listKeys(schema, field);
    if (field === 'finalizers') {
      for (const item of value) add(set, [...path, `v:${JSON.stringify(item)}`]);
    } else if (keys === undefined) add(set, path);
    else {
      for (const item of value) {
        const at = [...path, itemSegment(item, keys)];
        add(set, [...at, '.']);
        if (isFields(item)) collectFields(set, at, item, schema?.items);
      }
    }
  } else if (isFields(value) && Object.keys(value).length > 0 && schema?.atomic !== true) {
    collectFields(set, path, value, schema);
  } else add(set, path);
}

function collectFields(set: FieldSet, path: Path, value: Fields, schema: Schema | undefined): void {
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined) collect(set, [...path, `f:${key}`], key, field, below(schema, key));
  }
}

/** The value at a path; undefined when there is none. */
function valueAt(object: unknown, path: Path): unknown {
  let value: unknown = object;
  for (const segment of path) {
    if (segment === '.') return value;
    const text = segment.slice(2);
    if (segment.startsWith('f:')) value = isFields(value) ? value[text] : undefined;
    else if (Array.isArray(value)) value = value.find((item) => matchesItem(item, segment));
    else return undefined;
  }
  return value;
}

function matchesItem(item: unknown, segment: string): boolean {
  const wanted: unknown = JSON.parse(segment.slice(2));
  if (segment.startsWith('v:')) return sameJson(item, wanted);
  return (
    isFields(item) &&
    isFields(wanted) &&
    Object.entries(wanted).every(([key, value]) => sameJson(item[key], value))
  );
}

function toFieldsV1(set: FieldSet): Fields {
  const root: Fields = {};
  for (const path of set.values()) {
    let node = root;
    for (const segment of path) {
      node[segment] ??= {};
      node = node[segment] as Fields;
    }
  }
  return root;
}

function fromFieldsV1(fields: Fields): FieldSet {
  const set: FieldSet = new Map();
  const walk = (node: Fields, path: Path): void => {
    if (Object.keys(node).length === 0) add(set, path);
    for (const [segment, next] of Object.entries(node)) walk(next as Fields, [...path, segment]);
  };
  walk(fields, []);
  return set;
}

function entriesOf(object: KubeObject): { entry: ManagedFields; set: FieldSet }[] {
  return (object.metadata.managedFields ?? []).map((entry) => ({ entry, set: fromFieldsV1(entry.fieldsV1) }));
}

function written(entries: { entry: ManagedFields; set: FieldSet }[]): ManagedFields[] {
  return entries
    .filter(({ set }) => set.size > 0)
    .map(({ entry, set }) => ({ ...entry, fieldsV1: toFieldsV1(set) }));
}

export interface Manager {
  name: string;
  /** Time of the write, in the format of Kubernetes. */
  time: string;
  subresource?: string;
}

function entryFor(type: ResourceType, manager: Manager, operation: 'Apply' | 'Update'): ManagedFields {
  return {
    manager: manager.name,
    operation,
    apiVersion: apiVersionOf(type),
    time: manager.time,
    fieldsType: 'FieldsV1',
    fieldsV1: {},
    ...(manager.subresource === undefined ? {} : { subresource: manager.subresource }),
  };
}

function isEntryOf(entry: ManagedFields, manager: Manager, operation: 'Apply' | 'Update'): boolean {
  return (
    entry.manager === manager.name &&
    entry.operation === operation &&
    entry.subresource === manager.subresource
  );
}

/** The managedFields after a create, update or patch: what changed belongs to the writer, what is gone to nobody. */
export function afterUpdate(
  type: ResourceType,
  before: KubeObject | undefined,
  after: KubeObject,
  manager: Manager,
): ManagedFields[] {
  const now = leavesOf(type, after);
  const changed = [...now].filter(([, path]) => !sameJson(valueAt(before ?? {}, path), valueAt(after, path)));
  const entries = before === undefined ? [] : entriesOf(before);
  let own = entries.find(({ entry }) => isEntryOf(entry, manager, 'Update'));
  for (const { set } of entries) {
    for (const key of set.keys()) if (!now.has(key)) set.delete(key);
  }
  if (changed.length > 0) {
    for (const each of entries) if (each !== own) for (const [key] of changed) each.set.delete(key);
    if (own === undefined) {
      own = { entry: entryFor(type, manager, 'Update'), set: new Map() };
      entries.push(own);
    }
    own.entry = { ...own.entry, time: manager.time };
    for (const [key, path] of changed) own.set.set(key, path);
  }
  return written(entries);
}

function describe(path: Path): string {
  return path
    .filter((segment) => segment !== '.')
    .map((segment) => {
      if (segment.startsWith('f:')) return `.${segment.slice(2)}`;
      if (segment.startsWith('v:')) return `[=${segment.slice(2)}]`;
      const keys = JSON.parse(segment.slice(2)) as Fields;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}

/** The owner of a field as a conflict names it: for one that applies, the version does not matter. */
function ownerOf({ manager, subresource, operation, apiVersion }: ManagedFields): string {
  const what = subresource === undefined ? '' : ` with subresource "${subresource}"`;
  return `"${manager}"${what}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}

function conflictError(found: { entry: ManagedFields; path: Path }[]): ApiError {
  const conflicts = found
    .map(({ entry, path }) => ({ owner: ownerOf(entry), field: describe(path) }))
    .toSorted((left, right) => (left.owner + left.field < right.owner + right.field ? -1 : 1));
  const causes: StatusCause[] = conflicts.map(({ owner, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${owner}`,
    field,
  }));
  const [first] = conflicts;
  let text = '';
  if (conflicts.length === 1 && first !== undefined) {
    text = `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.field}`;
  } else {
    text = `Apply failed with ${conflicts.length} conflicts:`;
    let last = '';
    for (const { owner, field } of conflicts) {
      if (owner !== last) text += `${last === '' ? ' ' : '\n'}conflicts with ${owner}:`;
      last = owner;
      text += `\n- ${field}`;
    }
  }
  return new ApiError(409, 'Conflict', text, { causes });
}

function mergeInto(live: unknown, applied: unknown, field: string, schema: Schema | undefined): unknown {
  if (Array.isArray(applied)) {
    const keys = listKeys(schema, field);
    if (!Array.isArray(live)) return copy(applied);
    if (field === 'finalizers') return [...live, ...applied.filter((item) => !live.includes(item))];
    if (keys === undefined) return copy(applied);
    const merged = live.map((item) => {
      const own = applied.find((each) => itemSegment(each, keys) === itemSegment(item, keys));
      return own === undefined ? item : mergeInto(item, own, '', schema?.items);
    });
    const known = new Set(live.map((item) => itemSegment(item, keys)));
    return [...merged, ...applied.filter((item) => !known.has(itemSegment(item, keys)))];
  }
  if (!isFields(applied) || !isFields(live) || schema?.atomic) return copy(applied);
  const merged: Fields = { ...live };
  for (const [key, value] of Object.entries(applied)) {
    merged[key] = mergeInto(live[key], value, key, below(schema, key));
  }
  return merged;
}

/** Removes the value at a path, and the maps above it that become empty by that. */
function removeAt(container: unknown, path: Path): void {
  const [segment, ...rest] = path;
  if (segment === undefined) return;
  if (Array.isArray(container)) {
    const index = container.findIndex((item) => matchesItem(item, segment));
    if (index < 0) return;
    if (rest.length === 0 || rest[0] === '.') container.splice(index, 1);
    else removeAt(container[index], rest);
    return;
  }
  if (!isFields(container) || !segment.startsWith('f:')) return;
  const key = segment.slice(2);
  if (rest.length > 0) removeAt(container[key], rest);
  const value: unknown = container[key];
  const empty = Array.isArray(value)
    ? value.length === 0
    : isFields(value) && Object.keys(value).length === 0;
  if (rest.length === 0 || empty) delete container[key];
}

/**
 * Server-side apply: merges a manager's configuration into the stored object (undefined: it is new). Removes what the
 * manager applied before and no longer does, unless somebody else owns it too. Throws 409 when another manager owns a
 * field with another value, unless forced.
 */
export function applyConfiguration(
  type: ResourceType,
  live: KubeObject | undefined,
  applied: KubeObject,
  manager: Manager,
  force: boolean,
): KubeObject {
  const wanted = leavesOf(type, applied);
  const entries = live === undefined ? [] : entriesOf(live);
  const own = entries.find(({ entry }) => isEntryOf(entry, manager, 'Apply'));
  const others = entries.filter((each) => each !== own);
  const conflicts = others.flatMap(({ entry, set }) =>
    [...wanted]
      .filter(
        ([key, path]) =>
          set.has(key) && !path.includes('.') && !sameJson(valueAt(live, path), valueAt(applied, path)),
      )
      .map(([key, path]) => ({ entry, set, key, path })),
  );
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);
  for (const { set, key } of conflicts) set.delete(key);

  const { managedFields: _, ...metadata } = applied.metadata;
  const merged = mergeInto(live ?? {}, { ...applied, metadata }, '', type.schema) as KubeObject;
  const result = copy(merged);
  for (const [key, path] of own?.set ?? []) {
    const kept = [...wanted].some(([each]) => each === key || each.startsWith(`${key}${separator}`));
    if (!kept && !others.some(({ set }) => set.has(key))) removeAt(result, path);
  }
  const unchanged = own !== undefined && sameJson([...own.set.keys()].sort(), [...wanted.keys()].sort());
  const entry =
    unchanged &&
    live !== undefined &&
    sameJson(
      { ...result, metadata: { ...result.metadata, managedFields: null } },
      { ...live, metadata: { ...live.metadata, managedFields: null } },
    )
      ? own.entry
      : entryFor(type, manager, 'Apply');
  const withOwn = [{ entry, set: wanted }, ...others];
  result.metadata.managedFields = written(withOwn);
  return result;
}
