/** The namespace `demo`: one cluster that is well, one that limps, one that is down. */

import type { Simulator } from '../index.ts';
import { completedStatus } from '../operator/backups.ts';
import { barmanPlugin } from '../operator/instance-objects.ts';
import { renewLeases, settle } from '../operator/operator.ts';
import { setCondition, worldOf } from '../operator/world.ts';
import type { Fields, KubeObject } from '../types.ts';
import { putBrokenReplica } from './broken-replica.ts';
import { putHealthyCluster } from './clusters.ts';
import { putFullVolume } from './full-volume.ts';

const namespace = 'demo';
const day = 86_400_000;

function cnpg(kind: string, name: string, spec: Fields, more: Partial<KubeObject> = {}): KubeObject {
  return { apiVersion: 'postgresql.cnpg.io/v1', kind, metadata: { name, namespace }, spec, ...more };
}

function password(name: string, username: string): KubeObject {
  const data = Object.fromEntries(
    Object.entries({ username, password: 'a simulated password' }).map(([key, value]) => [
      key,
      Buffer.from(value).toString('base64'),
    ]),
  );
  const metadata = { name, namespace, labels: { 'cnpg.io/reload': 'true' } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/basic-auth', data };
}

/**
 * `orders`: three healthy instances on three nodes, roles, databases, a pooler, nightly backups through the Barman
 * Cloud plugin, a DatabaseRole where the operator knows them.
 */
function putOrders(simulator: Simulator, now: Date): void {
  const { state } = simulator;
  const born = new Date(now.getTime() - 40 * day);
  const world = worldOf(simulator, born);
  const pluginConfiguration = { name: barmanPlugin };
  state.put({
    apiVersion: 'barmancloud.cnpg.io/v1',
    kind: 'ObjectStore',
    metadata: { name: 'orders-store', namespace },
    spec: { configuration: { destinationPath: 's3://backups/orders' }, retentionPolicy: '30d' },
  });
  state.put(password('orders-reporting', 'reporting'));
  putHealthyCluster(
    simulator,
    {
      name: 'orders',
      namespace,
      spec: {
        storage: { size: '20Gi' },
        walStorage: { size: '5Gi' },
        resources: { requests: { cpu: '1', memory: '2Gi' }, limits: { cpu: '1', memory: '2Gi' } },
        postgresql: {
          parameters: { shared_buffers: '512MB', max_connections: '200' },
          synchronous: { method: 'any', number: 1, dataDurability: 'required' },
        },
        bootstrap: { initdb: { database: 'orders', owner: 'orders' } },
        managed: {
          roles: [
            {
              name: 'reporting',
              login: true,
              inRoles: ['pg_read_all_data'],
              passwordSecret: { name: 'orders-reporting' },
            },
            { name: 'migrations', login: false, createdb: true, comment: 'owns schema changes' },
          ],
        },
        plugins: [
          { name: barmanPlugin, isWALArchiver: true, parameters: { barmanObjectName: 'orders-store' } },
        ],
      },
    },
    born,
  );
  const cluster = { name: 'orders' };
  settle(world, () => {
    state.put(
      cnpg('Database', 'orders-analytics', {
        cluster,
        name: 'analytics',
        owner: 'migrations',
        ensure: 'present',
        databaseReclaimPolicy: 'retain',
        extensions: [{ name: 'pg_stat_statements', ensure: 'present' }],
      }),
    );
    state.put(
      cnpg('Pooler', 'orders-pooler-rw', {
        cluster,
        type: 'rw',
        instances: 2,
        pgbouncer: {
          poolMode: 'transaction',
          paused: false,
          parameters: { max_client_conn: '1000', default_pool_size: '25' },
        },
      }),
    );
    if (world.recent) {
      state.put(
        cnpg('DatabaseRole', 'orders-support', {
          cluster,
          name: 'support',
          login: true,
          ensure: 'present',
          inherit: true,
          connectionLimit: 5,
          databaseRoleReclaimPolicy: 'retain',
        }),
      );
    }
  });
  const midnight = new Date(now);
  midnight.setUTCHours(3, 0, 0, 0);
  if (midnight > now) midnight.setTime(midnight.getTime() - day);
  const times = [2, 1, 0].map((ago) => new Date(midnight.getTime() - ago * day));
  for (const time of times)
    putCompletedBackup(simulator, 'orders', time, { method: 'plugin', pluginConfiguration });
  const [, , last = midnight] = times;
  const stamp = (time: Date) => `${time.toISOString().slice(0, 19)}Z`;
  state.put(
    cnpg(
      'ScheduledBackup',
      'orders-nightly',
      {
        cluster,
        schedule: '0 0 3 * * *',
        method: 'plugin',
        pluginConfiguration,
        backupOwnerReference: 'self',
      },
      {
        status: {
          lastCheckTime: stamp(last),
          lastScheduleTime: stamp(last),
          nextScheduleTime: stamp(new Date(last.getTime() + day)),
        },
      },
    ),
  );
  const window = {
    firstRecoverabilityPoint: stamp(new Date((times[0] ?? now).getTime() + 8000)),
    lastSuccessfulBackupTime: stamp(new Date(last.getTime() + 8000)),
  };
  world.status('objectstores', { namespace, name: 'orders-store' }, (status) => {
    status.serverRecoveryWindow = { orders: window };
  });
  world.status('clusters', { namespace, name: 'orders' }, (status) =>
    setCondition(
      status,
      stamp(last),
      'LastBackupSucceeded',
      'True',
      'LastBackupSucceeded',
      'Backup was successful',
    ),
  );
}

/** A backup that was completed eight seconds after `time`, as a child of the nightly schedule. */
function putCompletedBackup({ state }: Simulator, clusterName: string, time: Date, method: Fields): void {
  const cluster = state.get('clusters', namespace, clusterName);
  if (cluster === undefined) return;
  const stamp = (at: Date) => `${at.toISOString().slice(0, 19)}Z`;
  const name = `${clusterName}-nightly-${stamp(time).replace(/[-:TZ]/g, '')}`;
  const backup = cnpg('Backup', name, { cluster: { name: clusterName }, ...method });
  backup.metadata = {
    ...backup.metadata,
    creationTimestamp: stamp(time),
    labels: {
      'cnpg.io/cluster': clusterName,
      'cnpg.io/immediateBackup': 'false',
      'cnpg.io/scheduled-backup': `${clusterName}-nightly`,
    },
  };
  const target = `${clusterName}-2`;
  const pod = state.get('pods', namespace, target);
  backup.status = {
    ...completedStatus(cluster, backup, stamp(time), stamp(new Date(time.getTime() + 8000))),
    instanceID: { podName: target, sessionID: pod?.metadata.uid },
  };
  state.put(backup);
}

/**
 * Fills the namespace `demo`: `orders` is healthy; `billing` has a replica that cannot follow, which its phase does
 * not show; `reports` is down because its archive refuses WAL and the WAL volume filled up.
 */
export function populateDemo(simulator: Simulator): void {
  const world = worldOf(simulator);
  const now = world.machine.now();
  putOrders(simulator, now);
  putBrokenReplica(simulator, { namespace, name: 'billing' }, new Date(now.getTime() - 25 * day));
  putFullVolume(simulator, { namespace, name: 'reports' }, new Date(now.getTime() - 90 * day));
  renewLeases(world);
  forgetOldEvents(simulator, now);
}

/** Kubernetes keeps events for an hour. */
function forgetOldEvents({ state }: Simulator, now: Date): void {
  for (const event of state.list('events', namespace)) {
    const age = now.getTime() - Date.parse(event.lastTimestamp);
    if (age > 3_600_000) state.remove('events', namespace, event.metadata.name);
  }
}
