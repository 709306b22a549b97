/** The Kubernetes and CloudNativePG kinds that this server touches; nothing else can be asked of the gateway. */

/** A kind, as discovery names it. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const core = (plural: string, kind: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

const cnpg = (plural: string, kind: string, namespaced = true): ResourceType => ({
  group: 'postgresql.cnpg.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

/** Every kind by its plural name. */
export const resources = {
  clusters: cnpg('clusters', 'Cluster'),
  databases: cnpg('databases', 'Database'),
  databaseroles: cnpg('databaseroles', 'DatabaseRole'),
  backups: cnpg('backups', 'Backup'),
  scheduledbackups: cnpg('scheduledbackups', 'ScheduledBackup'),
  poolers: cnpg('poolers', 'Pooler'),
  namespaces: core('namespaces', 'Namespace', false),
  secrets: core('secrets', 'Secret'),
  pods: core('pods', 'Pod'),
  events: core('events', 'Event'),
  persistentvolumeclaims: core('persistentvolumeclaims', 'PersistentVolumeClaim'),
  persistentvolumes: core('persistentvolumes', 'PersistentVolume', false),
  storageclasses: {
    group: 'storage.k8s.io',
    version: 'v1',
    plural: 'storageclasses',
    kind: 'StorageClass',
    namespaced: false,
  },
  customresourcedefinitions: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    namespaced: false,
  },
} as const satisfies Record<string, ResourceType>;

/** Plural name of a kind that the gateway serves. */
export type ResourceName = keyof typeof resources;

/** `apiVersion` of a kind: `v1`, `postgresql.cnpg.io/v1`. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}
