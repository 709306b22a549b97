/** Objects as a dry run shows them. */
import type { KubeObject } from '../kube/gateway.ts';

/** Without the status, and without what the API server keeps for itself. */
export function withoutBookkeeping(object: KubeObject): Record<string, unknown> {
  const { status: _status, metadata, ...rest } = object;
  const {
    managedFields: _managed,
    resourceVersion: _version,
    uid: _uid,
    generation: _generation,
    creationTimestamp: _created,
    ...kept
  } = metadata as KubeObject['metadata'] & { managedFields?: unknown };
  return { ...rest, metadata: kept };
}

/** The values of a Secret are never shown. */
export function redactSecret(object: Record<string, unknown>): Record<string, unknown> {
  if (object.kind !== 'Secret') return object;
  const hide = (data: unknown): unknown =>
    data !== null && typeof data === 'object'
      ? Object.fromEntries(Object.keys(data).map((key) => [key, '(not shown)']))
      : data;
  return {
    ...object,
    ...('data' in object && { data: hide(object.data) }),
    ...('stringData' in object && { stringData: hide(object.stringData) }),
  };
}
