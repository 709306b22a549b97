/** Which objects this program made for a release: only those are changed and deleted. */
import { type Api, kinds, type LiveObject } from './api.ts';
import type { RbacObject, Release } from './objects.ts';

const managedBy = 'app.kubernetes.io/managed-by';
const ownValue = 'cnpg-mcp-rbac';
const instance = 'app.kubernetes.io/instance';
/** Two releases of one name in different namespaces have objects in the same places. */
const releaseNamespace = 'cnpg-mcp.io/release-namespace';

/** The object with the marks of its owner, as it is applied. */
export function marked<T extends RbacObject>(object: T, release: Release): T {
  const labels = {
    ...object.metadata.labels,
    [managedBy]: ownValue,
    [releaseNamespace]: release.namespace,
  };
  return { ...object, metadata: { ...object.metadata, labels } };
}

/** Whose object it is when it is not ours; `undefined` when it is. */
export function foreignOwner({ metadata }: LiveObject, release: Release): string | undefined {
  const { labels = {}, annotations = {} } = metadata;
  const helm = annotations['meta.helm.sh/release-name'];
  if (helm !== undefined) return `Helm release ${helm}`;
  if (labels[managedBy] !== ownValue) return labels[managedBy] ?? 'somebody else';
  const [name, namespace] = [labels[instance], labels[releaseNamespace]];
  return name === release.name && namespace === release.namespace
    ? undefined
    : `release ${namespace}/${name}`;
}

/** Every object of the release in the cluster; in `namespaces` only, where looking everywhere is not allowed. */
export async function ownObjects(
  api: Api,
  release: Release,
  namespaces: readonly string[],
): Promise<LiveObject[]> {
  const selector = `${managedBy}=${ownValue},${instance}=${release.name},${releaseNamespace}=${release.namespace}`;
  const found: LiveObject[] = [];
  const places = [...new Set([...namespaces, release.namespace])];
  for (const kind of Object.keys(kinds) as RbacObject['kind'][]) {
    const { group, plural, namespaced } = kinds[kind];
    const [everywhere] = await api.holds([{ verb: 'list', group, resource: plural }]);
    if (everywhere) found.push(...(await api.list(kind, selector)));
    // Who may not look at cluster roles could not have made one either.
    else if (namespaced) for (const place of places) found.push(...(await api.list(kind, selector, place)));
  }
  return found;
}

/** Order of deletion: first what is granted, then what grants it. */
export function inDeletionOrder(objects: readonly LiveObject[]): LiveObject[] {
  const order = ['RoleBinding', 'ClusterRoleBinding', 'Role', 'ClusterRole', 'ServiceAccount'];
  return [...objects].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** True when both are the same object. */
export function sameObject(a: RbacObject, b: RbacObject): boolean {
  return (
    a.kind === b.kind && a.metadata.name === b.metadata.name && a.metadata.namespace === b.metadata.namespace
  );
}
