/** Protection of single objects: what people mark must not be deleted through this server. */
import type { KubeObject } from '../kube/gateway.ts';
import { protectedAnnotation } from './names.ts';
import type { Cluster } from './types.ts';

/**
 * True when the object carries the annotation `cnpg-mcp.io/protected` with any value but `"false"`: a slip such as `True`,
 * `yes` or an empty value must not leave unprotected what somebody meant to protect.
 */
export function isProtected({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  const value = metadata.annotations?.[protectedAnnotation];
  return value !== undefined && value !== 'false';
}

/**
 * What this server refuses to do to a Cluster, and why, in a few words; `undefined` when it is not protected. `pattern`: of the
 * server's configuration, where one protects clusters of this name.
 */
export function protectionOf(cluster: Cluster, pattern?: string): string | undefined {
  if (pattern !== undefined) return `from change and deletion (protectedClusters: ${pattern})`;
  return isProtected(cluster) ? `from deletion (annotation ${protectedAnnotation})` : undefined;
}

/** Why nothing of this Cluster is destroyed while it is protected, and what lifts that; `undefined` when it is not. */
export function protectionRefusal(cluster: Cluster): { reason: string; lift: string } | undefined {
  if (!isProtected(cluster)) return undefined;
  const { name, namespace } = cluster.metadata;
  return {
    reason: `${namespace}/${name} is protected: it carries the annotation ${protectedAnnotation}.`,
    lift: `A person takes the protection off: kubectl annotate cluster ${name} -n ${namespace} ${protectedAnnotation}-`,
  };
}
