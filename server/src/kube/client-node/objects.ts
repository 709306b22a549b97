/** Objects as they come from the API server, made the same for every kind. */
import type { KubeObject } from '../gateway.ts';
import { apiVersionOf, type ResourceType } from '../resources.ts';
import { expectObject } from './bodies.ts';

/**
 * The object with its apiVersion and kind (the items of a list of built-in kinds come without) and without
 * `metadata.managedFields`, which nobody reads here and which is often the larger half of an object. Throws `cluster_error` when
 * it is no object with metadata.
 */
export function received<T extends KubeObject>(type: ResourceType, value: unknown): T {
  const object = expectObject(value);
  object.apiVersion ??= apiVersionOf(type);
  object.kind ??= type.kind;
  delete expectObject(object.metadata).managedFields;
  return object as T;
}

/** Admission warnings in `Warning` headers (`299 - "text"`, RFC 7234 section 5.5), as written by the cluster. */
export function warningsOf(headers: Record<string, string | string[] | undefined>): string[] {
  const texts: string[] = [];
  for (const line of [headers.warning ?? []].flat()) {
    for (const [, text = ''] of line.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)) {
      texts.push(text.replaceAll(/\\(.)/g, '$1'));
    }
  }
  return texts;
}
