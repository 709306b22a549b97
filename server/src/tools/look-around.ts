/** What lies around a Cluster that does not become ready: its pods, volume claims, their events, the storage classes. */
import { wantedInstances } from '../cnpg/cluster-health.ts';
import { clusterLabel } from '../cnpg/names.ts';
import { isHeldUp, type Surroundings } from '../cnpg/startup-trouble.ts';
import type { Cluster, KubeEvent, PersistentVolumeClaim, Pod, StorageClass } from '../cnpg/types.ts';
import type { ToolContext } from './define-tool.ts';
import { itemsIfAllowed } from './optional-read.ts';
import { permission } from './permission.ts';

/** All optional: without them a wait still ends well or at its deadline, but cannot name a cause. */
export const lookAroundPermissions = [
  permission('pods', ['list'], 'to name the image or the node that is missing', { optional: true }),
  permission('persistentvolumeclaims', ['list'], 'to name the volume that is missing', { optional: true }),
  permission('events', ['list'], 'to quote why a volume or a pod is not made', {
    optional: true,
    addOn: 'events',
  }),
  permission('storageclasses', ['list'], 'to tell a storage class that does not exist', {
    optional: true,
    addOn: 'storage',
  }),
];

/** One look. Events and storage classes are asked for only while a volume, a pod or a phase is missing. */
export async function lookAround(
  { kube, namespace }: ToolContext,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<Surroundings> {
  const ours = {
    namespace: namespace.name,
    labelSelector: `${clusterLabel}=${cluster.metadata.name}`,
    signal,
  };
  const [pods, claims] = await Promise.all([
    itemsIfAllowed(kube.list<Pod>('pods', ours)),
    itemsIfAllowed(kube.list<PersistentVolumeClaim>('persistentvolumeclaims', ours)),
  ]);
  const warnings = (kind: string): Promise<KubeEvent[] | undefined> =>
    itemsIfAllowed(
      kube.list<KubeEvent>('events', {
        namespace: namespace.name,
        fieldSelector: `type=Warning,involvedObject.kind=${kind}`,
        limit: 500,
        signal,
      }),
    );
  const waitsForVolume = claims?.some(({ status }) => status?.phase === 'Pending') ?? false;
  const live = pods?.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const [ofClaims, ofJobs, ofPods, ofCluster, storageClasses] = await Promise.all([
    waitsForVolume ? warnings('PersistentVolumeClaim') : [],
    live && live.length < wantedInstances(cluster) ? warnings('Job') : [],
    pods?.some(isHeldUp) ? warnings('Pod') : [],
    cluster.status?.phase === undefined && pods?.length === 0 ? warnings('Cluster') : [],
    waitsForVolume ? itemsIfAllowed(kube.list<StorageClass>('storageclasses', { signal })) : undefined,
  ]);
  const lists = [ofClaims, ofJobs, ofPods, ofCluster];
  const events = lists.includes(undefined)
    ? undefined
    : lists.flatMap((list) => list ?? []).filter((event) => concerns(cluster, event));
  return { pods, claims, events, storageClasses };
}

/** About the cluster or an object that is named after it, and no older than it: a cluster of that name may have been before. */
function concerns(cluster: Cluster, event: KubeEvent): boolean {
  const { name, creationTimestamp = '' } = cluster.metadata;
  const at = event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '';
  const about = event.involvedObject?.name;
  return (about === name || about?.startsWith(`${name}-`) === true) && at >= creationTimestamp;
}

/** The kinds that the last look could not see. */
export function unreadKinds({ pods, claims, events }: Surroundings): string[] {
  return Object.entries({ pods, 'volume claims': claims, events })
    .filter(([, items]) => items === undefined)
    .map(([kind]) => kind);
}
