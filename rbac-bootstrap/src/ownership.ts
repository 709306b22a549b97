/** Which objects this program made for a release: only those are changed and deleted. */
import { type Api, kinds, type LiveObject } from './api.ts';
import type { RbacObject, Release } from './objects.ts';

const managedBy = 'app.kubernetes.io/managed-by';
const ownValue = 'cnpg-mcp-rbac';
const instance = 'app.kubernetes.io/instance';
/** Two releases of one name in different namespaces have objects in the same places. */
const releaseNamespace = 'cnpg-mcp.io/release-namespace';
/**
 * Where the release has roles and bindings: namespaces, and `*` for the cluster itself. Every object has it, so that whoever sees
 * one of them knows where the others are, also without the right to look everywhere.
 */
const placesAnnotation = 'cnpg-mcp.io/rights-in';
const wholeCluster = '*';

/** The objects with the marks of their owner, as they are applied. */
export function marked(objects: readonly RbacObject[], release: Release): RbacObject[] {
  const grants = objects.filter(({ kind }) => kind !== 'ServiceAccount');
  const places = new Set(grants.map(({ metadata }) => metadata.namespace ?? wholeCluster));
  const annotation = { [placesAnnotation]: [...places].sort().join() };
  const marks = { [managedBy]: ownValue, [releaseNamespace]: release.namespace };
  return objects.map((object) => {
    const { labels, annotations } = object.metadata;
    return {
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...labels, ...marks },
        annotations: { ...annotations, ...annotation },
      },
    } as RbacObject;
  });
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

/** What was found of a release. */
export interface OwnObjects {
  objects: LiveObject[];
  /** Where it has or had something and the caller may not look: `roles in namespace shop`. */
  unseen: string[];
  /** Where else there may be something: the caller may not look, and nothing that was found says. */
  unknown: string[];
}

/** Every object of the release. Without the right to look everywhere: in `namespaces`, and where the objects found there say. */
export async function ownObjects(
  api: Api,
  release: Release,
  namespaces: readonly string[],
): Promise<OwnObjects> {
  const selector = `${managedBy}=${ownValue},${instance}=${release.name},${releaseNamespace}=${release.namespace}`;
  const own: OwnObjects = { objects: [], unseen: [], unknown: [] };
  const mayList = (kind: Kind, namespace?: string): Promise<boolean> => {
    const { group, plural } = kinds[kind];
    const right = { verb: 'list', group, resource: plural, ...(namespace !== undefined && { namespace }) };
    return api.holds([right]).then(([held]) => held === true);
  };
  const perPlace: Kind[] = [];
  for (const kind of Object.keys(kinds) as Kind[]) {
    // There is one account, and it is in the release's own namespace.
    if (kind !== 'ServiceAccount' && (await mayList(kind)))
      own.objects.push(...(await api.list(kind, selector)));
    else perPlace.push(kind);
  }
  const places = new Set([release.namespace, ...namespaces, ...recordedPlaces(own.objects)]);
  // A set that grows while it is walked is walked to its end.
  for (const place of places) {
    if (place === wholeCluster) continue;
    for (const kind of perPlace) {
      if (!kinds[kind].namespaced || (kind === 'ServiceAccount' && place !== release.namespace)) continue;
      if (await mayList(kind, place)) own.objects.push(...(await api.list(kind, selector, place)));
      else own.unseen.push(`${kinds[kind].plural} in namespace ${place}`);
    }
    for (const more of recordedPlaces(own.objects)) places.add(more);
  }
  const isRecorded = own.objects.some(
    ({ metadata }) => metadata.annotations?.[placesAnnotation] !== undefined,
  );
  for (const kind of perPlace.filter((candidate) => candidate !== 'ServiceAccount')) {
    const { namespaced, plural } = kinds[kind];
    if (places.has(wholeCluster) && !namespaced) own.unseen.push(`${plural} of the cluster`);
    else if (!isRecorded)
      own.unknown.push(namespaced ? `${plural} in other namespaces` : `${plural} of the cluster`);
  }
  return own;
}

type Kind = RbacObject['kind'];

function recordedPlaces(objects: readonly LiveObject[]): string[] {
  return objects.flatMap(({ metadata: { annotations = {} } }) =>
    (annotations[placesAnnotation] ?? '').split(',').filter((place) => place !== ''),
  );
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
