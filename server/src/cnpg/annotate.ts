import type { JsonPatchStep, KubeObject } from '../kube/gateway.ts';

/** Steps that set an annotation; none when it is set so already. */
export function annotate(
  { metadata: { annotations } }: KubeObject,
  key: string,
  value: string,
): JsonPatchStep[] {
  if (annotations?.[key] === value) return [];
  if (!annotations) return [{ op: 'add', path: '/metadata/annotations', value: { [key]: value } }];
  return [{ op: 'add', path: `/metadata/annotations/${key.replaceAll('/', '~1')}`, value }];
}
