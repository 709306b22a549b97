/** What hangs on a Cluster, and what becomes of it when the Cluster is deleted. */
import type { BackupOutlook } from './backups.ts';
import { isObjectName, serviceNames } from './names.ts';
import type {
  Cluster,
  Database,
  DatabaseRole,
  PersistentVolume,
  PersistentVolumeClaim,
  Pooler,
  ScheduledBackup,
} from './types.ts';
import { type Quote, wordOrQuoted } from './untrusted.ts';
import { claimSize, claimsOf } from './volumes.ts';

/** The shape of a plan's dependants. */
export interface DependantView {
  kind: string;
  name: string;
  namespace?: string;
  fate: string;
  note?: string;
}

/** Everything that was found in the namespace; `undefined`: it may not be read. */
export interface Neighbours {
  databases?: readonly Database[] | undefined;
  databaseRoles?: readonly DatabaseRole[] | undefined;
  poolers?: readonly Pooler[] | undefined;
  scheduledBackups?: readonly ScheduledBackup[] | undefined;
  clusters?: readonly Cluster[] | undefined;
  claims?: readonly PersistentVolumeClaim[] | undefined;
  volumes?: ReadonlyMap<string, PersistentVolume> | undefined;
  backups?: BackupOutlook | undefined;
}

/** What deleting the Cluster does to each of its neighbours, in the order in which a person wants to read it. */
export function dependantsOf(cluster: Cluster, neighbours: Neighbours, quote: Quote): DependantView[] {
  const { name } = cluster.metadata;
  const mine = <T extends { spec: { cluster?: { name: string } } }>(all: readonly T[] = []): T[] =>
    all.filter(({ spec }) => spec.cluster?.name === name);
  return [
    ...claimsOf(cluster, neighbours.claims ?? []).map((claim) => claimView(claim, neighbours.volumes, quote)),
    ...mine(neighbours.databases).map(({ metadata, spec }) => ({
      kind: 'Database',
      name: metadata.name,
      fate: 'the object remains, its data goes with the volumes',
      note: `${wordOrQuoted(spec.name, quote)}, reclaim policy ${spec.databaseReclaimPolicy ?? 'retain'}`,
    })),
    ...mine(neighbours.databaseRoles).map(({ metadata, spec }) => ({
      kind: 'DatabaseRole',
      name: metadata.name,
      fate: 'the object remains, its role goes with the cluster',
      note: wordOrQuoted(spec.name, quote),
    })),
    ...managedRolesView(cluster, quote),
    ...mine(neighbours.poolers).map(({ metadata, spec }) => ({
      kind: 'Pooler',
      name: metadata.name,
      fate: 'remains and has nothing to connect to',
      note: `${spec.type ?? 'rw'}, ${spec.instances ?? 1} instances`,
    })),
    ...mine(neighbours.scheduledBackups).map(({ metadata, spec }) => ({
      kind: 'ScheduledBackup',
      name: metadata.name,
      fate: 'remains and fails at every run',
      note: wordOrQuoted(spec.schedule, quote),
    })),
    ...backupView(neighbours.backups),
    ...followersOf(cluster, neighbours.clusters ?? []).map(({ metadata }) => ({
      kind: 'Cluster',
      name: metadata.name,
      fate: 'remains and loses its source',
      note: 'replicates from or was made from this cluster',
    })),
  ];
}

/** Belongs to one Cluster only, and stays when that goes. Backups are not of them: from those a cluster can be brought back. */
const leftOver = ['Database', 'DatabaseRole', 'Pooler', 'ScheduledBackup'];

/** How a person removes what stays of `dependants`, as no tool can without the cluster. Nothing where nothing stays. */
export function leftOverNotes(dependants: readonly DependantView[], namespace: string): string[] {
  const objects = dependants
    .filter(({ kind, name }) => leftOver.includes(kind) && isObjectName(name))
    .map(({ kind, name }) => `${kind.toLowerCase()}/${name}`);
  if (objects.length === 0) return [];
  return [
    `Once the cluster is gone no tool removes what remains; a person can: kubectl delete ${objects.join(' ')} -n ${namespace}`,
  ];
}

function claimView(
  claim: PersistentVolumeClaim,
  volumes: ReadonlyMap<string, PersistentVolume> | undefined,
  quote: Quote,
): DependantView {
  const volume = volumes?.get(claim.spec.volumeName ?? '');
  const policy = volume?.spec.persistentVolumeReclaimPolicy;
  const fates: Record<string, string> = {
    Delete: 'deleted, with its volume and the data',
    Retain: `deleted; its volume ${claim.spec.volumeName} keeps the data (reclaim policy Retain)`,
  };
  return {
    kind: 'PersistentVolumeClaim',
    name: claim.metadata.name,
    fate: fates[policy ?? ''] ?? "deleted; the volume's reclaim policy decides about the data",
    note: `${claimSize(claim) ?? 'unknown size'}, ${wordOrQuoted(claim.status?.phase ?? 'unknown', quote)}`,
  };
}

/** One line for all of them. Their names are foreign text: they stand in the note, which no confirmation is bound to. */
function managedRolesView(cluster: Cluster, quote: Quote): DependantView[] {
  const roles = cluster.spec.managed?.roles ?? [];
  if (roles.length === 0) return [];
  const shown = roles.slice(0, 20).map((role) => wordOrQuoted(role.name, quote));
  const rest = roles.length > shown.length ? ` and ${roles.length - shown.length} more` : '';
  return [
    {
      kind: 'managed roles',
      name: 'of this cluster',
      fate: 'go with the cluster',
      note: `${shown.join(', ')}${rest}`,
    },
  ];
}

/** One line for all backups: they come and go by themselves and must not make a confirmation stale. */
function backupView(backups: BackupOutlook | undefined): DependantView[] {
  if (!backups || backups.total === 0) return [];
  const { total, completed, newest, going } = backups;
  const parts = [`${total}, ${completed} completed`];
  if (newest) parts.push(`newest ${newest.name} of ${newest.at}`);
  const fate = going > 0 ? `${going} completed go with the cluster, the others remain` : 'remain';
  return [{ kind: 'Backup', name: 'of this cluster', fate, note: parts.join(', ') }];
}

/** Clusters whose external clusters lead to a service of this one. */
export function followersOf(cluster: Cluster, clusters: readonly Cluster[]): Cluster[] {
  const { name, namespace = '', uid } = cluster.metadata;
  return clusters.filter(
    (other) =>
      other.metadata.uid !== uid &&
      other.spec.externalClusters?.some(({ connectionParameters }) =>
        leadsTo(connectionParameters?.host, name, namespace, other.metadata.namespace ?? ''),
      ),
  );
}

/** `orders-rw`, `orders-rw.demo`, `orders-rw.demo.svc` and `orders-rw.demo.svc.cluster.local`; a list is searched. */
function leadsTo(host: string | undefined, name: string, namespace: string, from: string): boolean {
  const services = serviceNames(name);
  return (host ?? '').split(',').some((one) => {
    const [service = '', where = from, kind = 'svc'] = one.trim().split('.');
    return services.includes(service) && where === namespace && kind === 'svc';
  });
}

/** Names of the Secrets that hold passwords of the cluster's roles. What no Secret can be called names nothing. */
export function roleSecretNames(cluster: Cluster, databaseRoles: readonly DatabaseRole[] = []): string[] {
  const own = databaseRoles.filter(({ spec }) => spec.cluster.name === cluster.metadata.name);
  const specs = [...(cluster.spec.managed?.roles ?? []), ...own.map(({ spec }) => spec)];
  const names = specs.flatMap(({ passwordSecret }) => passwordSecret?.name ?? []);
  return [...new Set(names)].filter((name) => isObjectName(name)).sort();
}
