/** Protection of single objects: what people mark must not be deleted through this server. */
import type { KubeObject } from '../kube/gateway.ts';
import { protectedAnnotation } from './names.ts';

/**
 * True when the object carries the annotation `cnpg-mcp.io/protected` with any value but `"false"`: a slip such as `True`,
 * `yes` or an empty value must not leave unprotected what somebody meant to protect.
 */
export function isProtected({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  const value = metadata.annotations?.[protectedAnnotation];
  return value !== undefined && value !== 'false';
}
