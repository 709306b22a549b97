/**
 * The bodies of answers. A proxy, a login page or another program behind the configured address can answer with anything and a
 * status of 200, so nothing is looked into before it is known to have the shape that it must have.
 */
import { ToolError } from '../../errors.ts';
import { isObject } from '../../is-object.ts';

export type JsonObject = Record<string, unknown>;

/** Parses an answer. Throws `cluster_error` when it is no JSON, or JSON that is no object (`null`, a list, a number). */
export function parseObject(text: string): JsonObject {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw notKubernetes('that is not JSON');
  }
  return expectObject(body);
}

/** The value itself. Throws `cluster_error` when it is no JSON object. */
export function expectObject(value: unknown): JsonObject {
  if (!isObject(value)) throw notKubernetes('that is no object of Kubernetes');
  return value;
}

/** The entries of a list, all of them objects. Kubernetes writes an empty list as `null`, too. Throws `cluster_error` otherwise. */
export function expectList(value: unknown): JsonObject[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw notKubernetes('that is no list of Kubernetes');
  return value.map(expectObject);
}

/** `cluster_error`: what answered does not answer as an API server does. `what` completes "sent an answer …". */
export function notKubernetes(what: string): ToolError {
  return new ToolError('cluster_error', `The API server sent an answer ${what}.`, {
    hint: 'Check that the configured address is that of a Kubernetes API server.',
  });
}
