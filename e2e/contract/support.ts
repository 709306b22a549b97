/** Objects and questions that the contract's tests share. */
import { ToolError } from '../../server/src/errors.ts';
import type { KubeObject } from '../../server/src/kube/gateway.ts';

/** A Database of a cluster that does not exist: complete, and nobody acts on it. */
export function database(namespace: string, name: string, more: Record<string, unknown> = {}): KubeObject {
  return {
    metadata: { name, namespace },
    spec: { name: 'app', owner: 'app', cluster: { name: 'no-such-cluster' }, ...more },
  };
}

/** A Secret with one entry, and a label when one is given. */
export function secret(namespace: string, name: string, labels: Record<string, string> = {}): KubeObject {
  return { metadata: { name, namespace, labels }, stringData: { entry: 'value' } };
}

/** A Cluster that would be accepted, for dry runs only. */
export function cluster(namespace: string, name: string, spec: Record<string, unknown> = {}): KubeObject {
  return { metadata: { name, namespace }, spec: { instances: 1, storage: { size: '1Gi' }, ...spec } };
}

/** The error with which a call ends. A call that succeeds fails the test. */
export async function errorOf(call: Promise<unknown>): Promise<ToolError> {
  const result = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (result instanceof ToolError) return result;
  throw new Error('The call did not end with a ToolError.', { cause: result });
}

/** A field of an object that is known to be there. */
export function field(object: KubeObject, ...path: string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}
