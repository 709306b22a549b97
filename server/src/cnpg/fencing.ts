/** Fencing: PostgreSQL is stopped on purpose, the pod stays. Lives in an annotation of the Cluster. */
import type { KubeObject } from '../kube/gateway.ts';
import { fencedInstancesAnnotation, instanceSerial } from './names.ts';

export type Fencing =
  | { fenced: 'none' }
  | { fenced: 'all' }
  | { fenced: 'some'; instances: string[] }
  /** The operator cannot read the annotation either: it reports an error and fences nothing more. */
  | { fenced: 'unreadable' };

/** Reads the annotation; names that are no instances of this cluster are left out. */
export function fencingOf(cluster: KubeObject): Fencing {
  const annotation = cluster.metadata.annotations?.[fencedInstancesAnnotation];
  if (annotation === undefined) return { fenced: 'none' };
  let names: unknown;
  try {
    names = JSON.parse(annotation);
  } catch {
    return { fenced: 'unreadable' };
  }
  if (!Array.isArray(names)) return { fenced: 'unreadable' };
  if (names.includes('*')) return { fenced: 'all' };
  const instances = names.filter(
    (name): name is string =>
      typeof name === 'string' && instanceSerial(cluster.metadata.name, name) !== undefined,
  );
  return instances.length > 0 ? { fenced: 'some', instances: instances.sort() } : { fenced: 'none' };
}
