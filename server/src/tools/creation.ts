/** What a dry run tells of an object that would be made: what was asked for, and what the API server makes of that. */
import { stringify } from 'yaml';
import { isObject } from '../is-object.ts';
import type { KubeObject } from '../kube/gateway.ts';
import { redactSecret, withoutBookkeeping } from './shown-object.ts';

/** An object that would be made. */
export interface Creation {
  object: string;
  /** What was asked for, as YAML that kubectl takes; values of a Secret are hidden. */
  manifest: string;
  /** Where the API server would store something else than was asked for, webhooks included. */
  changed: Change[];
  /** Paths of what it fills in, the shortest first. */
  defaults: string[];
}

interface Change {
  path: string;
  asked: string;
  /** Absent when the API server drops it, as it does with a field that it does not know. */
  stored?: string;
}

/** Compares what was asked for with what the API server answers to it. Values of a Secret are neither shown nor compared. */
export function creationOf(object: string, asked: KubeObject, stored: KubeObject): Creation {
  const creation: Creation = {
    object,
    // kubectl reads YAML 1.1, in which a bare `on` is no string.
    manifest: stringify(redactSecret({ ...asked }), { lineWidth: 0, version: '1.1' }).trimEnd(),
    changed: [],
    defaults: [],
  };
  compare(withoutData(asked), withoutData(withoutBookkeeping(stored)), '', creation);
  const depth = (path: string): number => path.split('.').length;
  creation.defaults.sort((left, right) => depth(left) - depth(right));
  return creation;
}

/** The API server turns `stringData` into `data`. */
function withoutData(object: Record<string, unknown>): Record<string, unknown> {
  if (object.kind !== 'Secret') return object;
  const { data: _data, stringData: _stringData, ...rest } = object;
  return rest;
}

function compare(asked: unknown, stored: unknown, path: string, into: Creation): void {
  if (isObject(asked) && isObject(stored)) {
    const below = (key: string): string => (path === '' ? key : `${path}.${key}`);
    for (const [key, value] of Object.entries(asked)) {
      if (Object.hasOwn(stored, key)) compare(value, stored[key], below(key), into);
      else if (value !== undefined) into.changed.push({ path: below(key), asked: shown(value) });
    }
    into.defaults.push(
      ...Object.keys(stored)
        .filter((key) => !Object.hasOwn(asked, key))
        .map(below),
    );
  } else if (Array.isArray(asked) && Array.isArray(stored) && asked.length === stored.length) {
    asked.forEach((value, index) => {
      compare(value, stored[index], `${path}[${index}]`, into);
    });
  } else if (shown(asked) !== shown(stored)) {
    into.changed.push({ path, asked: shown(asked), stored: shown(stored) });
  }
}

const shown = (value: unknown): string => JSON.stringify(value);
