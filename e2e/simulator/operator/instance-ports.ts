/**
 * What an instance's manager answers on its ports: /pg/status and the probes on 8000, metrics on 9187. Everything is
 * derived from the stored Cluster and Pods; {@link Postgres.behave} changes it.
 */

import { ApiError } from '../api/api-error.ts';
import type { Machine } from '../api/machine.ts';
import type { PodPorts, ProxyAnswer } from '../api/pods.ts';
import { parseQuantity } from '../quantity.ts';
import type { Fields, KubeObject } from '../types.ts';
import { isFenced, isReady } from './instances.ts';
import type { Postgres } from './postgres.ts';

const mebibyte = 2 ** 20;

/** An LSN as PostgreSQL prints it, for a position in bytes. */
export function lsn(position: number): string {
  return `${Math.floor(position / 2 ** 32)
    .toString(16)
    .toUpperCase()}/${(position % 2 ** 32).toString(16).toUpperCase()}`;
}

/** The name of the WAL segment (16 MiB) that a position is in. */
export function walFile(timeline: number, position: number): string {
  const segment = Math.floor(position / (16 * mebibyte));
  const part = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  return `${part(timeline)}${part(Math.floor(segment / 256))}${part(segment % 256)}`;
}

/** Where the primary writes: advances by 4 kB a second, from 64 MiB at the cluster's creation. */
function writePosition(machine: Machine, cluster: KubeObject): number {
  const created = Date.parse(cluster.metadata.creationTimestamp ?? '') || 0;
  const age = Math.max(0, Math.floor((machine.now().getTime() - created) / 1000));
  return 64 * mebibyte + age * 4096;
}

interface Instance {
  machine: Machine;
  postgres: Postgres;
  operatorVersion: string;
  pod: KubeObject;
  cluster: KubeObject;
}

function replicas({ machine, postgres, pod, cluster }: Instance): KubeObject[] {
  const pods = machine.store.list(machine.resources.named('pods'), pod.metadata.namespace);
  return pods.filter(
    (each) =>
      each.metadata.labels?.['cnpg.io/cluster'] === cluster.metadata.name &&
      each.metadata.labels?.['cnpg.io/podRole'] === 'instance' &&
      each.metadata.name !== cluster.status?.currentPrimary &&
      isReady(each) &&
      postgres.behaviour(pod.metadata.namespace ?? '', each.metadata.name).status?.isWalReceiverActive !==
        false,
  );
}

/** The body of /pg/status. */
function pgStatus(instance: Instance): Fields {
  const { machine, postgres, operatorVersion, pod, cluster } = instance;
  const namespace = pod.metadata.namespace ?? '';
  const { name } = pod.metadata;
  const status = cluster.status ?? {};
  const position = writePosition(machine, cluster);
  const timeline: number = status.timelineID ?? 1;
  const systemID: string = status.systemID ?? '';
  const common = {
    systemID,
    timeLineID: timeline,
    loadedConfigurationHash: '7f9c1d4c6e',
    executableHash: status.cloudNativePGOperatorHash ?? '',
    instanceManagerVersion: operatorVersion,
    instanceArch: 'amd64',
    sessionID: pod.metadata.uid,
    ...(isFenced(cluster, name) ? { mightBeUnavailable: true } : {}),
  };
  const current = lsn(position);
  const own =
    status.currentPrimary === name
      ? {
          ...common,
          currentLsn: current,
          isPrimary: true,
          isArchivingWAL: true,
          lastArchivedWAL: walFile(timeline, position - 16 * mebibyte),
          lastArchivedWALTime: machine.now().toISOString(),
          currentWAL: walFile(timeline, position),
          replicationInfo: replicas(instance).map((replica) =>
            standby(cluster, replica.metadata.name, current),
          ),
          replicationSlotsInfo: slots(instance, current),
        }
      : { ...common, receivedLsn: current, replayLsn: current, isPrimary: false, isWalReceiverActive: true };
  return { ...own, ...postgres.behaviour(namespace, name).status };
}

function standby(cluster: KubeObject, name: string, position: string): Fields {
  const synchronous = cluster.spec?.postgresql?.synchronous;
  return {
    applicationName: name,
    state: 'streaming',
    receivedLsn: position,
    writeLsn: position,
    flushLsn: position,
    replayLsn: position,
    writeLag: '00:00:00.0004',
    flushLag: '00:00:00.0011',
    replayLag: '00:00:00.0013',
    syncState: synchronous === undefined ? 'async' : synchronous.method === 'any' ? 'quorum' : 'sync',
    syncPriority: synchronous === undefined ? '0' : '1',
  };
}

function slots(instance: Instance, position: string): Fields[] {
  const { cluster } = instance;
  const streaming = new Set(replicas(instance).map(({ metadata }) => metadata.name));
  const names = ((cluster.status?.instanceNames ?? []) as string[]).filter(
    (name) => name !== cluster.status?.currentPrimary,
  );
  return names.map((name) => ({
    slotName: `_cnpg_${name.replaceAll('-', '_')}`,
    slotType: 'physical',
    restartLsn: position,
    walStatus: 'reserved',
    active: streaming.has(name),
  }));
}

function metrics(instance: Instance): string {
  const { pod, cluster, postgres } = instance;
  const status = pgStatus(instance);
  const volume = parseQuantity(cluster.spec?.walStorage?.size ?? cluster.spec?.storage?.size ?? '1Gi');
  const namespace = pod.metadata.namespace ?? '';
  const databases = postgres.databases(namespace, cluster.metadata.name);
  const primary = status.isPrimary === true;
  const lines = [
    'cnpg_collector_up{cluster="CLUSTER"} 1',
    `cnpg_collector_fencing_on ${isFenced(cluster, pod.metadata.name) ? 1 : 0}`,
    `cnpg_collector_nodes_used ${cluster.status?.topology?.nodesUsed ?? 0}`,
    `cnpg_collector_pg_wal_archive_status{value="ready"} ${status.readyWalFiles ?? 0}`,
    `cnpg_collector_pg_wal{value="size"} ${status.walSize ?? 80 * mebibyte}`,
    `cnpg_collector_pg_wal{value="volume_size"} ${volume}`,
    `cnpg_pg_replication_in_recovery ${primary ? 0 : 1}`,
    `cnpg_pg_replication_is_wal_receiver_up ${status.isWalReceiverActive === true ? 1 : 0}`,
    'cnpg_pg_replication_lag 0',
    `cnpg_pg_replication_streaming_replicas ${(status.replicationInfo ?? []).length}`,
    'cnpg_backends_total{datname="app",state="active",usename="app"} 3',
    'cnpg_backends_total{datname="app",state="idle",usename="app"} 12',
    'cnpg_backends_waiting_total 0',
    'cnpg_pg_settings_setting{name="max_connections"} 100',
    ...databases.flatMap((database, index) => [
      `cnpg_pg_database_size_bytes{datname="${database}"} ${(index + 1) * 7_500_000}`,
      `cnpg_pg_database_xid_age{datname="${database}"} ${1000 + index}`,
    ]),
  ];
  return `${lines.join('\n').replaceAll('CLUSTER', cluster.metadata.name)}\n`;
}

/** The ports of the instances of every simulated cluster. */
export function instancePorts(machine: Machine, postgres: Postgres, operatorVersion: string): PodPorts {
  const text = (body: string): ProxyAnswer => ({ status: 200, contentType: 'text/plain', body });
  return (pod, scheme, port, path) => {
    const namespace = pod.metadata.namespace ?? '';
    const name = pod.metadata.labels?.['cnpg.io/cluster'];
    if (name === undefined || pod.metadata.labels?.['cnpg.io/podRole'] !== 'instance') return undefined;
    const cluster = machine.store.get(machine.resources.named('clusters'), namespace, name);
    const running = ((pod.status?.containerStatuses ?? []) as Fields[]).some(
      (each) => each.state?.running !== undefined,
    );
    if (cluster === undefined || !running) return undefined;
    if (postgres.behaviour(namespace, pod.metadata.name).reachable === false) return undefined;
    const instance = { machine, postgres, operatorVersion, pod, cluster };
    if (port !== 9187 && port !== 8000) return undefined;
    const encrypted = port === 8000 || cluster.spec?.monitoring?.tls?.enabled === true;
    if (!encrypted && scheme === 'https') {
      const why = 'error trying to reach service: tls: first record does not look like a TLS handshake';
      throw new ApiError(503, 'ServiceUnavailable', why);
    }
    if (encrypted && scheme !== 'https') {
      return {
        status: 400,
        contentType: 'text/plain',
        body: 'Client sent an HTTP request to an HTTPS server.\n',
      };
    }
    if (port === 9187) return path === '/metrics' ? text(metrics(instance)) : { ...text(''), status: 404 };
    if (path === '/pg/status') {
      return { status: 200, contentType: 'application/json', body: JSON.stringify(pgStatus(instance)) };
    }
    if (path === '/healthz' || (path === '/readyz' && isReady(pod))) return text('OK');
    return { status: path === '/readyz' ? 500 : 404, contentType: 'text/plain', body: '' };
  };
}
