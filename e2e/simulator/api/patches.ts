/** The patch formats other than apply: merge patch (RFC 7386), JSON patch (RFC 6902), strategic merge patch. */

import { copy, isFields, sameJson } from '../json.ts';
import type { Fields } from '../types.ts';
import { badRequest, patchRejected } from './api-error.ts';

/** The content types that a PATCH may have; strategic merge is for built-in kinds only. */
export const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** JSON merge patch: null removes, objects are merged, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return copy(patch);
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}

function pointer(path: unknown): string[] {
  if (typeof path !== 'string' || (path !== '' && !path.startsWith('/'))) throw patchRejected();
  return path
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** JSON patch. Any operation that does not apply, `test` included, is a 422 that does not say which. */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    );
  }
  // A wrapper, so that the whole document can be replaced like any member.
  const document: Fields = { root: copy(target) };
  for (const operation of operations as Operation[]) applyOperation(document, operation);
  return document.root;
}

function applyOperation(document: Fields, { op, path, from, value }: Operation): void {
  const at = ['root', ...pointer(path)];
  switch (op) {
    case 'add':
      insert(document, at, value);
      return;
    case 'replace':
      replace(document, at, value);
      return;
    case 'remove':
      take(document, at);
      return;
    case 'test':
      if (!sameJson(read(document, at) ?? null, value ?? null)) throw patchRejected();
      return;
    case 'copy':
      insert(document, at, copy(read(document, ['root', ...pointer(from)])));
      return;
    case 'move':
      insert(document, at, take(document, ['root', ...pointer(from)]));
      return;
    default:
      throw patchRejected();
  }
}

function read(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const token of path) {
    if (Array.isArray(value) && /^\d+$/.test(token)) value = value[Number(token)];
    else if (isFields(value)) value = value[token];
    else throw patchRejected();
  }
  return value;
}

function insert(document: unknown, path: readonly string[], value: unknown): void {
  const parent = read(document, path.slice(0, -1));
  const token = path.at(-1) ?? '';
  if (Array.isArray(parent)) {
    const index = token === '-' ? parent.length : Number(token);
    if (!Number.isInteger(index) || index < 0 || index > parent.length) throw patchRejected();
    parent.splice(index, 0, copy(value));
  } else if (isFields(parent)) parent[token] = copy(value);
  else throw patchRejected();
}

/** Replaces an item of a list, or sets a member, which the API server does not require to be there. */
function replace(document: unknown, path: readonly string[], value: unknown): void {
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) take(document, path);
  insert(document, path, value);
}

function take(document: unknown, path: readonly string[]): unknown {
  const parent = read(document, path.slice(0, -1));
  const token = path.at(-1) ?? '';
  if (Array.isArray(parent)) {
    const index = Number(token);
    if (!Number.isInteger(index) || index < 0 || index >= parent.length) throw patchRejected();
    return parent.splice(index, 1)[0];
  }
  if (!isFields(parent) || parent[token] === undefined) throw patchRejected();
  const value: unknown = parent[token];
  delete parent[token];
  return value;
}

/** Lists that a strategic merge patch merges, by field name; the key, or '' for a set of scalars. */
const mergeKeys: Record<string, string> = {
  finalizers: '',
  ownerReferences: 'uid',
  conditions: 'type',
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
};

/** Strategic merge patch, for built-in kinds: a merge patch that also merges the lists with a merge key. */
export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return copy(patch);
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    const mergeKey = mergeKeys[key];
    if (value === null) delete result[key];
    else if (Array.isArray(value) && mergeKey !== undefined)
      result[key] = mergeList(result[key], value, mergeKey);
    else result[key] = strategicMergePatch(result[key], value);
  }
  return result;
}

function mergeList(target: unknown, patch: unknown[], mergeKey: string): unknown[] {
  const merged: unknown[] = Array.isArray(target) ? [...target] : [];
  if (mergeKey === '') return [...patch.filter((item) => !merged.includes(item)), ...merged];
  for (const item of patch.filter(isFields)) {
    const index = merged.findIndex((each) => isFields(each) && each[mergeKey] === item[mergeKey]);
    if (item.$patch === 'delete') {
      if (index >= 0) merged.splice(index, 1);
    } else if (index < 0) merged.push(copy(item));
    else merged[index] = strategicMergePatch(merged[index], item);
  }
  return merged;
}
