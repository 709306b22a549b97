/** {@link SimulatorState}: the store as tests see it. */

import type { Machine } from './api/machine.ts';
import { seconds } from './api/metadata.ts';
import { Logs } from './api/pods.ts';
import { apiVersionOf } from './api/resources.ts';
import { copy, sameJson, withoutUndefined } from './json.ts';
import type { KubeObject, SimulatorState } from './types.ts';

/** Stores an object as given, past admission; see {@link SimulatorState.put}. */
export function put(machine: Machine, sent: KubeObject): KubeObject {
  const type = machine.resources.byKind(sent.apiVersion, sent.kind);
  if (type === undefined) throw new Error(`the simulator serves no ${sent.apiVersion} ${sent.kind}`);
  const object = withoutUndefined(sent);
  const namespace = type.namespaced ? (object.metadata.namespace ?? 'default') : undefined;
  if (namespace !== undefined) ensureNamespace(machine, namespace);
  const before = machine.store.get(type, namespace, object.metadata.name);
  const rest = ({ metadata: _, status: __, ...fields }: KubeObject) => fields;
  // A generation that was read with the object counts on; one that the caller chose stays.
  const { generation: given } = object.metadata;
  const chosen = given !== undefined && given !== before?.metadata.generation;
  const changed = before !== undefined && !sameJson(rest(before), rest(object));
  const generation = chosen ? given : (before?.metadata.generation ?? 1) + (changed ? 1 : 0);
  const { resourceVersion: _, ...metadata } = object.metadata;
  return machine.store.save(type, {
    ...object,
    apiVersion: apiVersionOf(type),
    metadata: {
      creationTimestamp: before?.metadata.creationTimestamp ?? seconds(machine.now()),
      ...metadata,
      ...(type.counted ? { generation } : {}),
      ...(namespace === undefined ? {} : { namespace }),
    },
  });
}

function ensureNamespace(machine: Machine, name: string): void {
  const type = machine.resources.named('namespaces');
  if (machine.store.get(type, undefined, name) !== undefined) return;
  machine.store.save(type, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      creationTimestamp: seconds(machine.now()),
      labels: { 'kubernetes.io/metadata.name': name },
    },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  });
}

export function simulatorState(machine: Machine, logs: Logs): SimulatorState {
  const { store, resources } = machine;
  const scope = (resource: string, namespace: string | undefined) =>
    resources.named(resource).namespaced ? namespace : undefined;
  const get: SimulatorState['get'] = (resource, namespace, name) => {
    const found = store.get(resources.named(resource), scope(resource, namespace), name);
    return found === undefined ? undefined : copy(found);
  };
  return {
    get,
    put: (object) => copy(put(machine, object)),
    list: (resource, namespace) =>
      store.list(resources.named(resource), scope(resource, namespace)).map((object) => copy(object)),
    remove: (resource, namespace, name) =>
      store.drop(resources.named(resource), scope(resource, namespace), name) !== undefined,
    log: (namespace, pod, lines, { container = 'postgres', previous = false } = {}) =>
      logs.append(Logs.key(namespace, pod, container, previous), machine.now(), lines),
    until: (resource, namespace, name, predicate, timeoutMs = 5000) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          try {
            const object = get(resource, namespace, name);
            if (!predicate(object)) return;
            resolve(object);
          } catch (error) {
            // What the predicate throws is its verdict.
            reject(error);
          }
          finish();
        };
        const unlisten = store.listen(check);
        const timer = setTimeout(() => {
          finish();
          const last = JSON.stringify(get(resource, namespace, name), null, 2);
          reject(
            new Error(
              `${resource} ${namespace ?? ''}/${name} is not as awaited after ${timeoutMs} ms: ${last}`,
            ),
          );
        }, timeoutMs);
        const finish = (): void => {
          unlisten();
          clearTimeout(timer);
        };
        check();
      }),
  };
}
