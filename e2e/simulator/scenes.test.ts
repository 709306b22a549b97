import { describe, expect, it } from 'vitest';
import { clusterFixture, populateDemo, populateMany, putHealthyCluster } from './scenes.ts';
import { cluster, cnpg, core, patch, send, simulate } from './test-client.ts';
import type { Fields } from './types.ts';

const conditionOf = (object: { status?: Fields } | undefined, type: string) =>
  ((object?.status?.conditions ?? []) as Fields[]).find((each) => each.type === type);

describe('the demonstration', () => {
  it('is ready at once', async () => {
    const simulator = await simulate();
    populateDemo(simulator);
    expect(
      simulator.state
        .list('clusters', 'demo')
        .map(({ metadata, status }) => [metadata.name, status?.phase, status?.readyInstances]),
    ).toEqual([
      ['billing', 'Cluster in healthy state', 2],
      ['orders', 'Cluster in healthy state', 3],
      ['reports', 'Not enough disk space', undefined],
    ]);
  });

  it('has a healthy cluster with roles, databases, a pooler and nightly backups', async () => {
    const simulator = await simulate();
    populateDemo(simulator);
    const { state, postgres } = simulator;
    expect(state.get('clusters', 'demo', 'orders')?.status?.managedRolesStatus.byStatus.reconciled).toEqual([
      'migrations',
      'reporting',
    ]);
    expect(postgres.databases('demo', 'orders')).toEqual(['analytics', 'orders', 'postgres']);
    expect(postgres.roleExists('demo', 'orders', 'support')).toBe(true);
    expect(state.list('backups', 'demo').filter(({ status }) => status?.phase === 'completed')).toHaveLength(
      3,
    );
    expect(state.get('scheduledbackups', 'demo', 'orders-nightly')?.status?.nextScheduleTime).toMatch(
      /T03:00:00Z$/,
    );
    expect(state.get('poolers', 'demo', 'orders-pooler-rw')?.status?.phase).toBe('active');
    expect(
      state.get('objectstores', 'demo', 'orders-store')?.status?.serverRecoveryWindow.orders,
    ).toBeDefined();
    const age =
      Date.now() - Date.parse(state.get('clusters', 'demo', 'orders')?.metadata.creationTimestamp ?? '');
    expect(age).toBeGreaterThan(39 * 86_400_000);
  });

  it('has a replica that cannot follow: events, log and /pg/status tell', async () => {
    const simulator = await simulate();
    populateDemo(simulator);
    const events = simulator.state
      .list('events', 'demo')
      .filter(({ involvedObject }) => involvedObject.name === 'billing-3');
    expect(events.map(({ reason, count }) => [reason, count])).toEqual([['Unhealthy', 6]]);
    const log = await send(simulator, 'GET', `${core('demo')}/pods/billing-3/log?tailLines=1`);
    expect(log.body.record.message).toMatch(/requested WAL segment [0-9A-F]{24} has already been removed/);
    const status = await send(simulator, 'GET', `${core('demo')}/pods/https:billing-3:8000/proxy/pg/status`);
    expect(status.body).toMatchObject({ isPrimary: false, isWalReceiverActive: false });
    const primary = await send(simulator, 'GET', `${core('demo')}/pods/https:billing-1:8000/proxy/pg/status`);
    expect(primary.body.replicationInfo).toMatchObject([{ applicationName: 'billing-2' }]);
    expect(primary.body.replicationSlotsInfo[1]).toMatchObject({
      slotName: '_cnpg_billing_3',
      walStatus: 'lost',
    });
  });

  it('has a cluster that is down because its archive refuses WAL', async () => {
    const simulator = await simulate();
    populateDemo(simulator);
    const reports = simulator.state.get('clusters', 'demo', 'reports');
    expect(conditionOf(reports, 'ContinuousArchiving')).toMatchObject({
      status: 'False',
      reason: 'ContinuousArchivingFailing',
      message: 'unexpected failure invoking barman-cloud-wal-archive: exit status 4',
    });
    expect(conditionOf(reports, 'Ready')?.status).toBe('False');
    expect(conditionOf(reports, 'LastBackupSucceeded')?.reason).toBe('LastBackupFailed');
    const [container] = simulator.state.get('pods', 'demo', 'reports-1')?.status?.containerStatuses ?? [];
    expect(container).toMatchObject({
      ready: false,
      restartCount: 24,
      lastState: { terminated: { exitCode: 4 } },
      state: { waiting: { reason: 'CrashLoopBackOff' } },
    });
    const { body } = await send(simulator, 'GET', `${core('demo')}/pods/reports-1/log`);
    expect(body.text).toMatch(/An error occurred \(403\) when calling the HeadBucket operation: Forbidden/);
    expect(body.text).toMatch(/Detected low-disk space condition/);
  });

  it('stays as it is while the operator runs', async () => {
    const simulator = await simulate({ operator: true });
    populateDemo(simulator);
    const look = () =>
      simulator.state
        .list('clusters', 'demo')
        .map(({ metadata, status }) => [
          metadata.name,
          status?.phase,
          status?.readyInstances,
          status?.currentPrimary,
        ]);
    const before = look();
    await send(simulator, 'POST', `${cnpg('other')}/clusters`, cluster('c'));
    putHealthyCluster(simulator, { name: 'later', namespace: 'other', instances: 1 });
    await patch(simulator, `${cnpg('other')}/clusters/later`, { spec: { instances: 2 } });
    await simulator.state.until('clusters', 'other', 'later', (found) => found?.status?.readyInstances === 2);
    expect(look()).toEqual(before);
  });

  it('lets the cluster that is down recover when its WAL volume is enlarged', async () => {
    const simulator = await simulate({ operator: true });
    populateDemo(simulator);
    const change = { spec: { resources: { requests: { storage: '2Gi' } } } };
    await patch(simulator, `${core('demo')}/persistentvolumeclaims/reports-1-wal`, change);
    const found = await simulator.state.until(
      'clusters',
      'demo',
      'reports',
      (each) => each?.status?.phase === 'Cluster in healthy state',
    );
    expect(found?.status?.readyInstances).toBe(1);
    expect(conditionOf(found, 'ContinuousArchiving')?.status).toBe('False');
  });

  it('leaves out what an older operator does not know', async () => {
    const simulator = await simulate({ operatorVersion: '1.28.0' });
    populateDemo(simulator);
    expect(simulator.state.list('leases', 'demo')).toEqual([]);
    expect(simulator.state.get('clusters', 'demo', 'orders')?.status?.readyInstances).toBe(3);
  });
});

describe('a whole cluster for a test', () => {
  it('is healthy at once, also without an operator, and bears its time', async () => {
    const simulator = await simulate();
    const at = new Date('2026-01-01T00:00:00Z');
    const made = putHealthyCluster(
      simulator,
      { name: 'c', namespace: 'n', instances: 2, spec: { walStorage: { size: '1Gi' } } },
      at,
    );
    expect(made.status).toMatchObject({ phase: 'Cluster in healthy state', readyInstances: 2 });
    expect(
      simulator.state.list('pods', 'n').map(({ metadata }) => [metadata.name, metadata.creationTimestamp]),
    ).toEqual([
      ['c-1', '2026-01-01T00:00:00Z'],
      ['c-2', '2026-01-01T00:00:00Z'],
    ]);
    expect(simulator.state.list('jobs', 'n')).toEqual([]);
    expect(simulator.state.list('persistentvolumeclaims', 'n')).toHaveLength(4);
  });

  it('that cannot become healthy is a mistake of the test', async () => {
    const simulator = await simulate();
    expect(() =>
      putHealthyCluster(simulator, { name: 'c', spec: { storage: { size: '1Gi', storageClass: 'nope' } } }),
    ).toThrow('cluster default/c does not become healthy: "Setting up primary"');
  });
});

describe('many Clusters', () => {
  it('are spread over namespaces and pass the schema', async () => {
    const simulator = await simulate();
    populateMany(simulator, 200, 4);
    const { body } = await send(simulator, 'GET', '/apis/postgresql.cnpg.io/v1/clusters?limit=50');
    expect(body.items).toHaveLength(50);
    expect(body.metadata.remainingItemCount).toBe(150);
    expect(new Set(simulator.state.list('clusters').map(({ metadata }) => metadata.namespace)).size).toBe(4);
    const path = `${cnpg('team-0001')}/clusters/db-0001`;
    const { headers, status } = await patch(simulator, `${path}/status`, { status: { phase: 'x' } });
    expect([status, headers.get('warning')]).toEqual([200, null]);
  });

  it('differ from a fixture only where it says so', () => {
    const fixture = clusterFixture({
      name: 'c',
      instances: 2,
      spec: { description: 'd' },
      status: { readyInstances: 1 },
    });
    expect(fixture).toMatchObject({
      spec: { instances: 2, description: 'd', enablePDB: true },
      status: { readyInstances: 1, instances: 2 },
    });
  });
});
