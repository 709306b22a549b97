/** The validating webhooks of Backup, ScheduledBackup, Pooler and Database. */

import { cause, type StatusCause } from '../api/api-error.ts';
import { parseSchedule } from '../cron.ts';
import type { Fields, KubeObject } from '../types.ts';

/** The parameters of PgBouncer that a Pooler may set. */
const poolerParameters = new Set(
  `application_name_add_host auth_type autodb_idle_timeout cancel_wait_timeout client_idle_timeout
  client_login_timeout client_tls_ciphers client_tls_sslmode client_tls13_ciphers default_pool_size disable_pqexec
  dns_max_ttl dns_nxdomain_ttl idle_transaction_timeout ignore_startup_parameters listen_backlog log_connections
  log_disconnections log_pooler_errors log_stats max_client_conn max_db_connections max_packet_size
  max_prepared_statements max_user_connections min_pool_size pkt_buf query_timeout query_wait_timeout
  reserve_pool_size reserve_pool_timeout sbuf_loopcnt server_check_delay server_check_query server_connect_timeout
  server_fast_close server_idle_timeout server_lifetime server_login_retry server_reset_query
  server_reset_query_always server_round_robin server_tls_ciphers server_tls13_ciphers server_tls_protocols
  server_tls_sslmode stats_period suspend_timeout tcp_defer_accept tcp_socket_buffer tcp_keepalive tcp_keepcnt
  tcp_keepidle tcp_keepintvl tcp_user_timeout track_extra_parameters verbose`.split(/\s+/),
);

const noSnapshots =
  'Cannot use volumeSnapshot backup method due to missing VolumeSnapshot CRD. If you installed the CRD after having started the operator, please restart it to enable VolumeSnapshot support';

function methodCauses(spec: Fields, what: string): StatusCause[] {
  const causes: StatusCause[] = [];
  // Snapshots are not simulated, so their kind is not installed.
  if (spec.method === 'volumeSnapshot') causes.push(cause.invalid('spec.method', spec.method, noSnapshots));
  if (spec.method === 'barmanObjectStore' && spec.online !== undefined) {
    const why = `Online parameter can be specified only if the ${what} is volumeSnapshot`;
    causes.push(cause.invalid('spec.online', spec.online, why));
  }
  if (spec.method === 'barmanObjectStore' && spec.onlineConfiguration !== undefined) {
    const why = `OnlineConfiguration parameter can be specified only if the ${what} is volumeSnapshot`;
    causes.push(cause.invalid('spec.onlineConfiguration', spec.onlineConfiguration, why));
  }
  return causes;
}

/** What is wrong with a Backup. */
export function backupCauses({ metadata, spec = {} }: KubeObject): StatusCause[] {
  const causes = methodCauses(spec, 'backup method');
  if (spec.method === 'plugin' && (spec.pluginConfiguration?.name ?? '') === '') {
    causes.push(
      cause.invalid('spec.pluginConfiguration', null, 'cannot be empty when the backup method is plugin'),
    );
  }
  const deadline = metadata.annotations?.['cnpg.io/volumeSnapshotDeadline'];
  if (deadline !== undefined && !/^[+-]?\d+$/.test(deadline)) {
    const field = 'metadata.annotations.cnpg.io/volumeSnapshotDeadline';
    causes.push(cause.invalid(field, deadline, 'must be an integer'));
  }
  return causes;
}

/** What is wrong with a ScheduledBackup. Its plugin configuration is not looked at, as in the operator. */
export function scheduledBackupCauses({ spec = {} }: KubeObject): StatusCause[] {
  const causes = methodCauses(spec, 'method');
  try {
    parseSchedule(spec.schedule ?? '');
  } catch (error) {
    causes.unshift(
      cause.invalid('spec.schedule', spec.schedule, error instanceof Error ? error.message : ''),
    );
  }
  return causes;
}

export function scheduledBackupWarnings({ spec = {} }: KubeObject): string[] {
  const fields = String(spec.schedule ?? '')
    .trim()
    .split(/\s+/).length;
  return fields === 6
    ? []
    : ['Schedule parameter may not have the right number of arguments (usually six arguments are needed)'];
}

/** What is wrong with a Pooler. */
export function poolerCauses({ metadata, spec = {} }: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const { authQuery = '', authQuerySecret, serverTLSSecret, parameters = {} } = spec.pgbouncer ?? {};
  const authenticates = (authQuerySecret?.name ?? '') !== '' || (serverTLSSecret?.name ?? '') !== '';
  if (authenticates && authQuery === '') {
    const why = 'must specify an auth query when providing an auth query secret';
    causes.push(cause.invalid('spec.pgbouncer.authQuery', '', why));
  }
  if (!authenticates && authQuery !== '') {
    const why = 'must specify an existing auth query secret when providing an auth query secret';
    causes.push(cause.invalid('spec.pgbouncer.authQuerySecret.name', '', why));
  }
  for (const name of Object.keys(parameters)) {
    if (!poolerParameters.has(name)) {
      causes.push(cause.invalid('spec.cluster.parameters', name, 'Invalid or reserved parameter'));
    }
  }
  if ((spec.cluster?.name ?? '') === '') {
    causes.push(cause.invalid('spec.cluster.name', '', 'must specify a cluster name'));
  }
  if (spec.cluster?.name === metadata.name) {
    const why = 'the pooler resource cannot have the same name of a cluster';
    causes.push(cause.invalid('metadata.name', metadata.name, why));
  }
  return causes;
}

export function poolerWarnings({ metadata, spec = {} }: KubeObject): string[] {
  const { authQuery, authQuerySecret, serverTLSSecret } = spec.pgbouncer ?? {};
  const warnings: string[] = [];
  if ([authQuery, authQuerySecret, serverTLSSecret].some((each) => each !== undefined)) {
    warnings.push(
      `The operator won't handle the Pooler "${metadata.name}" integration with the Cluster "${spec.cluster?.name}" ("${metadata.namespace}"). Manually configure it as described in the docs.`,
    );
  }
  if (authQuerySecret !== undefined)
    warnings.push('The .spec.pgbouncer.authQuerySecret field has been deprecated');
  if (spec.monitoring?.enablePodMonitor === true) {
    warnings.push(
      'spec.monitoring is deprecated and will be removed in a future release. Set this field to false and create a PodMonitor resource for your pooler as described in the documentation',
    );
  }
  return warnings;
}

/** What is wrong with a Database: nothing may be named twice, and a server's wrapper must be in the list. */
export function databaseCauses({ spec = {} }: KubeObject): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const list of ['extensions', 'schemas', 'fdws', 'servers']) {
    const seen = new Set<string>();
    for (const [index, { name }] of ((spec[list] ?? []) as Fields[]).entries()) {
      if (seen.has(name)) causes.push(cause.duplicate(`spec.${list}[${index}].name`, name));
      seen.add(name);
    }
  }
  const wrappers = new Set(((spec.fdws ?? []) as Fields[]).map(({ name }) => name as string));
  for (const [index, { fdw }] of ((spec.servers ?? []) as Fields[]).entries()) {
    if (!wrappers.has(fdw)) {
      causes.push(
        cause.invalid(`spec.servers[${index}].fdw`, fdw, 'referenced fdw not defined in spec.fdws'),
      );
    }
  }
  return causes;
}
