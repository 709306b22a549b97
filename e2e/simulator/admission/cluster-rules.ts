/** The validating webhook of Cluster: the rules that a tool or its user can run into. */

import { cause, type StatusCause } from '../api/api-error.ts';
import { sameJson } from '../json.ts';
import { parseQuantity } from '../quantity.ts';
import type { Fields, KubeObject } from '../types.ts';
import { archiveMode, defaultParameters, majorOf, tagOf } from './defaults.ts';

/** Parameters that the operator owns: another value than the one it renders is refused. */
const fixedParameters = new Set(
  `allow_system_table_mods archive_mode bonjour bonjour_name cluster_name config_file data_directory data_sync_retry
  event_source external_pid_file hba_file hot_standby ident_file jit_provider listen_addresses logging_collector port
  primary_conninfo primary_slot_name recovery_target recovery_target_action recovery_target_inclusive
  recovery_target_lsn recovery_target_name recovery_target_time recovery_target_timeline recovery_target_xid
  restore_command shared_preload_libraries temp_tablespaces unix_socket_directories unix_socket_group
  unix_socket_permissions archive_cleanup_command archive_command log_destination log_directory log_file_mode
  log_filename log_rotation_age log_rotation_size log_truncate_on_rotation pg_failover_slots.primary_dsn
  pg_failover_slots.standby_slot_names promote_trigger_file recovery_end_command recovery_min_apply_delay
  restart_after_crash ssl ssl_ca_file ssl_cert_file ssl_crl_file ssl_dh_params_file ssl_ecdh_curve ssl_key_file
  ssl_passphrase_command ssl_passphrase_command_supports_reload ssl_prefer_server_ciphers stats_temp_directory
  synchronous_standby_names synchronized_standby_slots syslog_facility syslog_ident syslog_sequence_numbers
  syslog_split_messages`.split(/\s+/),
);

const parameterName = /^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$/;
const label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** True for the role names that PostgreSQL and the operator keep for themselves. */
export function isReservedRole(name: string): boolean {
  return (
    name === 'postgres' || name === 'streaming_replica' || name.startsWith('pg_') || name.startsWith('cnpg_')
  );
}

/** Names and image. */
function identity({ metadata, spec = {} }: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const { name } = metadata;
  if (!label.test(name) || name.length > 63) {
    causes.push(cause.invalid('metadata.name', name, 'cluster name must be a valid DNS label'));
  }
  if (name.length > 50) {
    causes.push(
      cause.invalid('metadata.name', name, 'the maximum length of a cluster name is 50 characters'),
    );
  }
  const image: unknown = spec.imageName;
  if (typeof image === 'string' && image !== '') {
    const wrong = (why: string) => causes.push(cause.invalid('spec.imageName', image, why));
    const major = majorOf(image);
    if (tagOf(image) === 'latest') wrong("Can't use 'latest' as image tag as we can't detect upgrades");
    else if (tagOf(image) === '') wrong("Can't use just the image sha as we can't detect upgrades");
    else if (major === undefined) wrong('invalid version tag');
    else if (major < 13) wrong('Unsupported PostgreSQL version. Versions 13 or newer are supported');
  }
  const hibernation = metadata.annotations?.['cnpg.io/hibernation'];
  if (hibernation !== undefined && hibernation !== 'on' && hibernation !== 'off') {
    const field = 'metadata.annotations.cnpg.io/hibernation';
    causes.push(
      cause.invalid(field, hibernation, 'Annotation value for hibernation should be "on" or "off"'),
    );
  }
  return causes;
}

function bootstrap({ spec = {} }: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const methods: Fields = spec.bootstrap ?? {};
  if (Object.keys(methods).length > 1) {
    causes.push(cause.forbidden('spec.bootstrap', 'Only one bootstrap method can be specified at a time'));
  }
  for (const [method, { database, owner }] of Object.entries(methods) as [string, Fields][]) {
    if (database !== undefined && owner === undefined) {
      causes.push(
        cause.invalid(`spec.bootstrap.${method}.owner`, '', 'You need to specify the database owner user'),
      );
    }
    if (database === undefined && owner !== undefined) {
      causes.push(
        cause.invalid(`spec.bootstrap.${method}.database`, '', 'You need to specify the database name'),
      );
    }
  }
  const external = (name: string) =>
    ((spec.externalClusters ?? []) as Fields[]).find((each) => each.name === name);
  for (const method of ['pg_basebackup', 'recovery']) {
    const source: unknown = methods[method]?.source;
    if (typeof source === 'string' && external(source) === undefined) {
      causes.push(
        cause.invalid(`spec.bootstrap.${method}.source`, source, `External cluster ${source} not found`),
      );
    }
  }
  const source: unknown = methods.recovery?.source;
  if (typeof source === 'string') {
    const { connectionParameters, barmanObjectStore, plugin } = external(source) ?? {};
    if (connectionParameters === undefined && barmanObjectStore === undefined && plugin === undefined) {
      const why = `External cluster ${source} cannot be used for recovery: missing connection parameters, Barman, or CNPG-i configuration`;
      causes.push(cause.invalid('spec.bootstrap.recovery.source', source, why));
    }
  }
  for (const [index, each] of ((spec.externalClusters ?? []) as Fields[]).entries()) {
    const { connectionParameters, barmanObjectStore, plugin } = each;
    if (connectionParameters === undefined && barmanObjectStore === undefined && plugin === undefined) {
      const why = 'one of connectionParameters, plugin and barmanObjectStore is required';
      causes.push(cause.required(`spec.externalClusters[${index}]`, why));
    }
  }
  const names = ((spec.externalClusters ?? []) as Fields[]).map(({ name }) => name as string);
  if (new Set(names).size !== names.length) {
    const why = 'the list of external clusters contains duplicate values';
    causes.push(cause.invalid('spec.externalClusters', spec.externalClusters, why));
  }
  return causes;
}

function replication({ spec = {} }: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const { instances = 1, minSyncReplicas = 0, maxSyncReplicas = 0, primaryUpdateStrategy } = spec;
  const synchronous: Fields | undefined = spec.postgresql?.synchronous;
  const field = 'spec.postgresql.synchronous';
  if (synchronous !== undefined) {
    const named = [...(synchronous.standbyNamesPre ?? []), ...(synchronous.standbyNamesPost ?? [])].length;
    if (synchronous.number >= instances + named) {
      const why =
        'Invalid synchronous configuration: the number of synchronous replicas must be less than the total number of instances and the provided standby names.';
      causes.push(cause.invalid(field, synchronous, why));
    }
    if (minSyncReplicas > 0 || maxSyncReplicas > 0) {
      const why = "Can't have both legacy synchronous replica configuration and new one";
      causes.push(cause.invalid(field, synchronous, why));
    }
    if (synchronous.failoverQuorum === true && synchronous.number <= named) {
      const why =
        'Invalid failoverQuorum configuration: spec.postgresql.synchronous.number must be greater than the total number of instances in spec.postgresql.synchronous.standbyNamesPre and spec.postgresql.synchronous.standbyNamesPost to allow automatic failover.';
      causes.push(cause.invalid(field, synchronous, why));
    }
  }
  const election: Fields | undefined = spec.postgresql?.syncReplicaElectionConstraint;
  if (election?.enabled === true && (election.nodeLabelsAntiAffinity ?? []).length === 0) {
    const why =
      "Can't enable syncReplicaConstraints without passing labels for comparison inside nodeLabelsAntiAffinity";
    causes.push(
      cause.invalid('spec.postgresql.syncReplicaElectionConstraint.nodeLabelsAntiAffinity', null, why),
    );
  }
  if (minSyncReplicas > maxSyncReplicas) {
    const why = 'minSyncReplicas cannot be greater than maxSyncReplicas';
    causes.push(cause.invalid('spec.minSyncReplicas', minSyncReplicas, why));
  }
  if (maxSyncReplicas >= instances) {
    const why = 'maxSyncReplicas must be lower than the number of instances';
    causes.push(cause.invalid('spec.maxSyncReplicas', maxSyncReplicas, why));
  }
  if (primaryUpdateStrategy === 'supervised' && instances === 1) {
    const why = 'supervised update strategy is not allowed for clusters with a single instance';
    causes.push(cause.invalid('spec.primaryUpdateStrategy', primaryUpdateStrategy, why));
  }
  return causes;
}

function parameters(cluster: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const given = (cluster.spec?.postgresql?.parameters ?? {}) as Record<string, string>;
  for (const [name, value] of Object.entries(given)) {
    const field = `spec.postgresql.parameters.${name}`;
    if (!parameterName.test(name)) {
      const why =
        'must be a valid PostgreSQL configuration parameter name (a GUC name, optionally namespaced with a single dot)';
      causes.push(cause.invalid(field, name, why));
      continue;
    }
    const rendered = name === 'archive_mode' ? archiveMode(cluster) : defaultParameters[name];
    if (fixedParameters.has(name) && value !== rendered) {
      causes.push(cause.invalid(field, value, "Can't set fixed configuration parameter"));
    }
  }
  const walLevel = given.wal_level ?? 'logical';
  const field = 'spec.postgresql.parameters.wal_level';
  if (!['logical', 'replica', 'minimal'].includes(walLevel)) {
    const why = 'unrecognized `wal_level` value - allowed values: `logical`, `replica`, `minimal`';
    causes.push(cause.invalid(field, walLevel, why));
  } else if (walLevel === 'minimal' && (cluster.spec?.instances > 1 || archiveMode(cluster) !== 'off')) {
    const why =
      "`wal_level` should be set at `logical` or `replica` when `archive_mode` is `on`, '.instances' field is greater than 1, or this is a replica cluster";
    causes.push(cause.invalid(field, walLevel, why));
  }
  if (walLevel === 'minimal' && given.max_wal_senders !== '0') {
    const why = '`max_wal_senders` should be set at `0` when `wal_level` is `minimal`';
    causes.push(cause.invalid('spec.postgresql.parameters.max_wal_senders', walLevel, why));
  }
  const buffers = given.shared_buffers;
  if (buffers !== undefined && !/^\s*\d+(\.\d+)?\s*(B|kB|MB|GB|TB)?\s*$/.test(buffers)) {
    const why =
      'Invalid value for configuration parameter shared_buffers. More info on accepted values format: https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-NAMES-VALUES';
    causes.push(cause.invalid('spec.postgresql.parameters.shared_buffers', 'shared_buffers', why));
  }
  return causes;
}

function storageSize(field: string, storage: Fields | undefined): StatusCause[] {
  const size: unknown = storage?.size;
  if (typeof size === 'string' && size !== '') {
    return Number.isNaN(parseQuantity(size))
      ? [cause.invalid(`${field}.size`, size, "Size value isn't valid")]
      : [];
  }
  if (storage?.pvcTemplate?.resources?.requests?.storage !== undefined) return [];
  const why = 'Size not configured. Please add it, or a storage request in the pvcTemplate.';
  return [cause.invalid(`${field}.size`, '', why)];
}

function storage({ spec = {} }: KubeObject): StatusCause[] {
  const tablespaces = (spec.tablespaces ?? []) as Fields[];
  return [
    ...storageSize('spec.storage', spec.storage),
    ...(spec.walStorage === undefined ? [] : storageSize('spec.walStorage', spec.walStorage)),
    ...tablespaces.flatMap((each, index) => storageSize(`spec.tablespaces[${index}]`, each.storage)),
  ];
}

function managedRoles({ spec = {} }: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const seen = new Set<string>();
  for (const role of (spec.managed?.roles ?? []) as Fields[]) {
    const wrong = (value: unknown, why: string) =>
      causes.push(cause.invalid('spec.managed.roles', value, why));
    if (seen.has(role.name)) wrong(role.name, 'Role name is duplicate of another');
    seen.add(role.name);
    if (role.connectionLimit < -1) {
      wrong(role.connectionLimit, 'Connection limit should be positive, unless defaulting to -1');
    }
    if (isReservedRole(role.name)) wrong(role.name, 'This role is reserved for operator use');
    if (role.disablePassword === true && role.passwordSecret !== undefined) {
      wrong(role.name, 'This role both sets and disables a password');
    }
  }
  return causes;
}

function objectStore({ spec = {} }: KubeObject): StatusCause[] {
  const store: Fields | undefined = spec.backup?.barmanObjectStore;
  if (store === undefined) return [];
  const given = ['azureCredentials', 's3Credentials', 'googleCredentials'].filter(
    (field) => store[field] !== undefined,
  );
  if (given.length === 1) return [];
  const what = given.length === 0 ? 'missing' : 'too many';
  const why = `${what} credentials. One and only one of azureCredentials, s3Credentials and googleCredentials are required`;
  return [cause.invalid('spec.backup.barmanObjectStore', store, why)];
}

function plugins({ spec = {} }: KubeObject): StatusCause[] {
  const archivers = ((spec.plugins ?? []) as Fields[])
    .filter(({ enabled, isWALArchiver }) => enabled !== false && isWALArchiver === true)
    .map(({ name }) => name as string);
  const causes: StatusCause[] = [];
  if (archivers.length > 0 && spec.backup?.barmanObjectStore !== undefined) {
    const why = 'Cannot enable a WAL archiver plugin when barmanObjectStore is configured';
    causes.push(cause.invalid('spec.plugins', archivers, why));
  }
  if (archivers.length > 1) {
    causes.push(cause.invalid('spec.plugins', archivers, 'Cannot enable more than one WAL archiver plugin'));
  }
  return causes;
}

function primaryLease({ spec = {} }: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const {
    leaseDurationSeconds = 15,
    renewDeadlineSeconds = 10,
    retryPeriodSeconds = 2,
  } = spec.primaryLease ?? {};
  const wrong = (field: string, value: number, why: string) =>
    causes.push(cause.invalid(`spec.primaryLease.${field}`, value, `${field} must be greater than ${why}`));
  if (leaseDurationSeconds <= renewDeadlineSeconds) {
    wrong('leaseDurationSeconds', leaseDurationSeconds, 'renewDeadlineSeconds');
  }
  if (5 * renewDeadlineSeconds <= 6 * retryPeriodSeconds) {
    wrong('renewDeadlineSeconds', renewDeadlineSeconds, 'retryPeriodSeconds multiplied by 1.2');
  }
  return causes;
}

/** What is wrong with a Cluster on its own. */
export function clusterCauses(cluster: KubeObject): StatusCause[] {
  return [
    identity,
    bootstrap,
    storage,
    replication,
    objectStore,
    parameters,
    managedRoles,
    plugins,
    primaryLease,
  ].flatMap((rules) => rules(cluster));
}

function shrunk(field: string, before: Fields | undefined, after: Fields | undefined): StatusCause[] {
  const [was, is] = [before?.size, after?.size];
  if (typeof was !== 'string' || typeof is !== 'string' || parseQuantity(is) >= parseQuantity(was)) return [];
  return [cause.invalid(field, is, `can't shrink existing storage from ${was} to ${is}`)];
}

/** What is wrong with a change of a Cluster. */
export function clusterChangeCauses(cluster: KubeObject, before: KubeObject): StatusCause[] {
  const [spec, old] = [cluster.spec ?? {}, before.spec ?? {}];
  const causes = shrunk('spec.storage', old.storage, spec.storage);
  if (old.walStorage !== undefined && spec.walStorage === undefined) {
    causes.push(cause.invalid('spec.walStorage', null, 'walStorage cannot be disabled once configured'));
  } else causes.push(...shrunk('spec.walStorage', old.walStorage, spec.walStorage));
  for (const [index, was] of ((old.tablespaces ?? []) as Fields[]).entries()) {
    const is = ((spec.tablespaces ?? []) as Fields[]).find(({ name }) => name === was.name);
    const field = `spec.tablespaces[${index}]`;
    if (is === undefined)
      causes.push(cause.invalid(field, spec.tablespaces, 'no tablespace can be deleted once created'));
    else causes.push(...shrunk(field, was.storage, is.storage));
  }
  for (const field of ['postgresGID', 'postgresUID']) {
    if (old[field] !== spec[field]) {
      const what = field.replace('postgres', '');
      causes.push(cause.invalid(`spec.${field}`, spec[field], `${what} is an immutable field in the spec`));
    }
  }
  causes.push(...imageChange(spec, old, before.status?.pgDataImageInfo?.majorVersion));
  return causes;
}

function imageChange(spec: Fields, old: Fields, running: number | undefined): StatusCause[] {
  const causes: StatusCause[] = [];
  const wanted: number | undefined = spec.imageCatalogRef?.major ?? majorOf(spec.imageName);
  const field = spec.imageCatalogRef === undefined ? 'spec.imageName' : 'spec.imageCatalogRef.major';
  if (running !== undefined && wanted !== undefined && running > wanted) {
    causes.push(cause.invalid(field, String(wanted), `can't downgrade from major ${running} to ${wanted}`));
  }
  if (running !== undefined && wanted !== undefined && running < wanted && wanted < 16) {
    const why = 'major upgrades are only supported to version 16 or higher';
    causes.push(cause.invalid(field, String(wanted), why));
  }
  const [before, after] = [old.postgresql?.parameters, spec.postgresql?.parameters];
  if (
    old.imageName !== spec.imageName &&
    spec.primaryUpdateMethod === 'switchover' &&
    !sameJson(before, after)
  ) {
    const why =
      "Can't change image name and configuration at the same time when `primaryUpdateMethod` is set to `switchover`. There are differences in PostgreSQL configuration parameters";
    causes.push(cause.invalid('spec.imageName', spec.imageName, why));
  }
  return causes;
}

/** What the webhook warns of without refusing. */
export function clusterWarnings({ spec = {} }: KubeObject): string[] {
  const warnings: string[] = [];
  const barman = [
    ...(spec.backup?.barmanObjectStore === undefined ? [] : ['spec.backup.barmanObjectStore']),
    ...((spec.externalClusters ?? []) as Fields[]).flatMap((each, index) =>
      each.barmanObjectStore === undefined ? [] : [`spec.externalClusters.${index}.barmanObjectStore`],
    ),
  ];
  if (barman.length > 0) {
    warnings.push(
      `Native support for Barman Cloud backups and recovery is deprecated and will be completely removed in CloudNativePG 1.31.0. Found usage in: ${barman.join(', ')}. Please migrate existing clusters to the new Barman Cloud Plugin to ensure a smooth transition.`,
    );
  } else if (spec.backup?.retentionPolicy !== undefined) {
    warnings.push(
      'Retention policies specified in .spec.backup.retentionPolicy are only used by the in-tree barman-cloud support, which is not being used in this cluster. Please use a backup plugin and migrate this configuration to the plugin configuration',
    );
  }
  if (spec.monitoring?.enablePodMonitor === true) {
    warnings.push(
      'spec.monitoring.enablePodMonitor is deprecated and will be removed in a future release. Please migrate to manually managing your PodMonitor resources. Set this field to false and create a PodMonitor resource for your cluster as described in the documentation.',
    );
  }
  if (spec.nodeMaintenanceWindow !== undefined) {
    warnings.push('Consider using `.spec.enablePDB` instead of the node maintenance window feature');
  }
  const buffers: unknown = spec.postgresql?.parameters?.shared_buffers;
  if (typeof buffers === 'string' && /^\d+$/.test(buffers)) {
    warnings.push(
      `\`shared_buffers\` value '${buffers}' is missing a unit (e.g., MB, GB). While this is currently allowed, future releases will require an explicit unit. Please update your configuration to specify a valid unit, such as '${buffers}MB'.`,
    );
  }
  return warnings;
}
