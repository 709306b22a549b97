/** Questions about instances: their pods, names, fencing. Pure. */

import type { Fields, KubeObject } from '../types.ts';

/** True when the Ready condition of a pod is True. */
export function isReady(pod: KubeObject): boolean {
  return ((pod.status?.conditions ?? []) as Fields[]).some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
}

/** The names in the fencing annotation; '*' stands for all instances. A malformed annotation fences nobody. */
export function fencedInstances(cluster: KubeObject): string[] {
  try {
    const names: unknown = JSON.parse(cluster.metadata.annotations?.['cnpg.io/fencedInstances'] ?? '[]');
    return Array.isArray(names) ? names.map(String) : [];
  } catch {
    return [];
  }
}

export function isFenced(cluster: KubeObject, instance: string): boolean {
  const fenced = fencedInstances(cluster);
  return fenced.includes('*') || fenced.includes(instance);
}

/** The number at the end of an instance's name. */
export function serialOf(instance: string): number {
  return Number(/-(\d+)$/.exec(instance)?.[1] ?? 0);
}

/** The lowest serial that no instance has. */
export function freeSerial(instances: readonly string[]): number {
  const used = new Set(instances.map(serialOf));
  let serial = 1;
  while (used.has(serial)) serial += 1;
  return serial;
}

/** True when the instance manager ended because there was no space for WAL: exit code 4. */
export function isOutOfSpace(pod: KubeObject): boolean {
  return ((pod.status?.containerStatuses ?? []) as Fields[]).some(
    ({ state, lastState }) => state?.terminated?.exitCode === 4 || lastState?.terminated?.exitCode === 4,
  );
}
