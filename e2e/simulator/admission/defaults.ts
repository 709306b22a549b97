/** The mutating webhook of Cluster: what the operator fills in before a Cluster is stored. */

import type { Fields, KubeObject } from '../types.ts';

/** The image of PostgreSQL when a Cluster names none, by the operator's version. */
function defaultImage(operatorVersion: string): string {
  const tag = operatorVersion.startsWith('1.28') ? '18.1-system-trixie' : '18.4-system-trixie';
  return `ghcr.io/cloudnative-pg/postgresql:${tag}`;
}

/** The major version in an image's tag; undefined when the tag is not one of a PostgreSQL version. */
export function majorOf(image: string | undefined): number | undefined {
  const tag = tagOf(image ?? '');
  const match = /^(\d+)(?:[.\-_]|$)/.exec(tag);
  return match === null ? undefined : Number(match[1]);
}

/** The tag of an image reference; '' when it has only a digest, 'latest' when it has neither. */
export function tagOf(image: string): string {
  const [name = '', digest] = image.split('@');
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  return tag ?? (digest === undefined ? 'latest' : '');
}

/** Parameters that the operator writes into every Cluster unless the user sets them. */
export const defaultParameters: Readonly<Record<string, string>> = {
  archive_mode: 'on',
  archive_timeout: '5min',
  dynamic_shared_memory_type: 'posix',
  full_page_writes: 'on',
  log_destination: 'csvlog',
  log_directory: '/controller/log',
  log_filename: 'postgres',
  log_rotation_age: '0',
  log_rotation_size: '0',
  log_truncate_on_rotation: 'false',
  logging_collector: 'on',
  max_parallel_workers: '32',
  max_replication_slots: '32',
  max_worker_processes: '32',
  shared_memory_type: 'mmap',
  shared_preload_libraries: '',
  ssl_max_protocol_version: 'TLSv1.3',
  ssl_min_protocol_version: 'TLSv1.3',
  wal_keep_size: '512MB',
  wal_level: 'logical',
  wal_log_hints: 'on',
  wal_receiver_timeout: '5s',
  wal_sender_timeout: '5s',
};

/** `archive_mode` follows an annotation and the cluster's role. */
export function archiveMode(cluster: KubeObject): string {
  if (cluster.metadata.annotations?.['cnpg.io/skipWalArchiving'] === 'enabled') return 'off';
  return cluster.spec?.replica === undefined ? 'on' : 'always';
}

function defaultBootstrap(spec: Fields): void {
  spec.bootstrap ??= {};
  const method: Fields | undefined = spec.bootstrap.recovery ?? spec.bootstrap.pg_basebackup;
  if (method !== undefined) {
    method.database ??= 'app';
    method.owner ??= method.database;
    return;
  }
  spec.bootstrap.initdb ??= { database: 'app', owner: 'app' };
  const initdb: Fields = spec.bootstrap.initdb;
  if (initdb.import?.type !== 'monolith') initdb.database ??= 'app';
  if (initdb.database !== undefined) initdb.owner ??= initdb.database;
  initdb.encoding ??= 'UTF8';
  initdb.localeCollate ??= 'C';
  initdb.localeCType ??= 'C';
}

/** Quantities given as numbers become texts, by passing through the operator's types. */
function withTexts(resources: Fields): Fields {
  const texts = (quantities: Fields) =>
    Object.fromEntries(Object.entries(quantities).map(([name, value]) => [name, String(value)]));
  const { limits, requests } = resources;
  return {
    ...resources,
    ...(limits === undefined ? {} : { limits: texts(limits) }),
    ...(requests === undefined ? {} : { requests: texts(requests) }),
  };
}

/** Fills in the defaults of a Cluster, in place. */
export function defaultCluster(cluster: KubeObject, operatorVersion: string): void {
  const spec: Fields = cluster.spec ?? {};
  if (spec.imageName === undefined && spec.imageCatalogRef === undefined) {
    spec.imageName = defaultImage(operatorVersion);
  }
  defaultBootstrap(spec);
  spec.affinity ??= {};
  if (spec.affinity.enablePodAntiAffinity !== false) spec.affinity.podAntiAffinityType ??= 'preferred';
  spec.postgresql ??= {};
  // An image whose tag names no version gets no parameters: validation refuses it.
  if (spec.imageCatalogRef !== undefined || majorOf(spec.imageName) !== undefined) {
    spec.postgresql.parameters = {
      ...defaultParameters,
      archive_mode: archiveMode(cluster),
      ...spec.postgresql.parameters,
    };
  }
  if (spec.postgresql.synchronous !== undefined) {
    spec.postgresql.synchronous.dataDurability ??= 'required';
    spec.postgresql.synchronous.failoverQuorum ??= false;
  }
  // The operator puts the syncReplicaElectionConstraint there by writing its whole type.
  spec.postgresql.syncReplicaElectionConstraint ??= { enabled: false };
  spec.monitoring ??= {};
  if (spec.monitoring.disableDefaultQueries !== true) {
    const queries: Fields[] = spec.monitoring.customQueriesConfigMap ?? [];
    if (!queries.some(({ name }) => name === 'cnpg-default-monitoring')) {
      spec.monitoring.customQueriesConfigMap = [
        { key: 'queries', name: 'cnpg-default-monitoring' },
        ...queries,
      ];
    }
  }
  spec.monitoring.disableDefaultQueries ??= false;
  spec.monitoring.enablePodMonitor ??= false;
  spec.replicationSlots ??= {};
  spec.replicationSlots.highAvailability ??= { enabled: true, slotPrefix: '_cnpg_' };
  spec.replicationSlots.synchronizeReplicas ??= { enabled: true };
  spec.resources = withTexts(spec.resources ?? {});
  const owner = spec.bootstrap.initdb?.owner ?? 'postgres';
  for (const tablespace of (spec.tablespaces ?? []) as Fields[]) tablespace.owner ??= { name: owner };
  spec.probes ??= {};
  spec.probes.liveness ??= {};
  spec.probes.liveness.isolationCheck ??= { enabled: true, requestTimeout: 1000, connectionTimeout: 1000 };
  cluster.spec = spec;
}
