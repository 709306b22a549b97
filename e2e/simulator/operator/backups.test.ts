import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { putHealthyCluster } from '../scenes.ts';
import { cnpg, core, object, patch, send, simulate } from '../test-client.ts';
import type { Fields, SimulatorOptions } from '../types.ts';

const s3Credentials = { inheritFromIAMRole: true };
const backup = {
  barmanObjectStore: { destinationPath: 's3://backups', s3Credentials },
  target: 'prefer-standby',
};
const plugin = {
  name: 'barman-cloud.cloudnative-pg.io',
  isWALArchiver: true,
  parameters: { barmanObjectName: 'store' },
};

async function withCluster(spec: Fields = { backup }, options: SimulatorOptions = {}) {
  const simulator = await simulate({ operator: true, ...options });
  putHealthyCluster(simulator, { name: 'a', instances: 2, spec });
  return simulator;
}

const backups = `${cnpg('default')}/backups`;
const create = (simulator: Simulator, name: string, spec: Fields = {}) =>
  send(simulator, 'POST', backups, object('Backup', name, { cluster: { name: 'a' }, ...spec }));
const untilPhase = (simulator: Simulator, name: string, phase: string) =>
  simulator.state.until('backups', 'default', name, (found) => found?.status?.phase === phase);
const lastBackup = (simulator: Simulator) => {
  const conditions: Fields[] = simulator.state.get('clusters', 'default', 'a')?.status?.conditions ?? [];
  return conditions.find(({ type }) => type === 'LastBackupSucceeded');
};

describe('a Backup', () => {
  it('goes from pending over started and running to completed', async () => {
    const simulator = await withCluster();
    const phases: string[] = [];
    const watching = simulator.state.until('backups', 'default', 'b', (found) => {
      const phase = found?.status?.phase;
      if (phase !== undefined && phases.at(-1) !== phase) phases.push(phase);
      return phase === 'completed';
    });
    await create(simulator, 'b');
    await untilPhase(simulator, 'b', 'started');
    expect(lastBackup(simulator)).toMatchObject({ status: 'False', reason: 'BackupStarted' });
    const found = await watching;
    expect(phases).toEqual(['pending', 'started', 'running', 'completed']);
    expect(found?.status).toMatchObject({
      method: 'barmanObjectStore',
      backupId: expect.stringMatching(/^\d{8}T\d{6}$/),
      instanceID: { podName: 'a-2' },
      majorVersion: 18,
      destinationPath: 's3://backups',
      beginWal: expect.stringMatching(/^[0-9A-F]{24}$/),
    });
    expect(lastBackup(simulator)).toMatchObject({ status: 'True', reason: 'LastBackupSucceeded' });
    expect(simulator.state.get('clusters', 'default', 'a')?.status?.lastSuccessfulBackup).toBe(
      found?.status?.stoppedAt,
    );
  });

  it.each([
    [
      'no backup section',
      {},
      {},
      'cannot proceed with the backup as the cluster has no backup section',
      'ClusterHasBackupConfigured',
    ],
    [
      'no object store',
      { backup: { target: 'primary' } },
      {},
      'no barmanObjectStore section defined on the target cluster',
      'ClusterHasNoBarmanSection',
    ],
    [
      'no plugin',
      { backup },
      { method: 'plugin', pluginConfiguration: { name: 'x' } },
      'cannot proceed with the backup as the cluster has no plugin configured',
      'ClusterHasNoBackupExecutorPlugin',
    ],
    [
      'another plugin',
      { plugins: [plugin] },
      { method: 'plugin', pluginConfiguration: { name: 'x' } },
      'requested plugin is not available: x',
      'Error',
    ],
  ])('of a cluster with %s fails', async (_, spec, method, error, reason) => {
    const simulator = await withCluster(spec);
    await create(simulator, 'b', method);
    const found = await untilPhase(simulator, 'b', 'failed');
    expect(found?.status?.error).toBe(error);
    const events = simulator.state
      .list('events', 'default')
      .filter(({ involvedObject }) => involvedObject.kind === 'Backup');
    expect(events.map((event) => [event.type, event.reason, event.message])).toEqual([
      ['Warning', reason, error],
    ]);
    await simulator.state.until(
      'clusters',
      'default',
      'a',
      () => lastBackup(simulator)?.reason === 'LastBackupFailed',
    );
  });

  it('of a cluster that is not there stays pending', async () => {
    const simulator = await withCluster();
    await create(simulator, 'b', { cluster: { name: 'nope' } });
    await untilPhase(simulator, 'b', 'pending');
    const [event] = simulator.state
      .list('events', 'default')
      .filter(({ reason }) => reason === 'FindingCluster');
    expect(event?.message).toBe('Unknown cluster nope, will retry in 30 seconds');
  });

  it('waits for the one before it', async () => {
    const simulator = await withCluster();
    await create(simulator, 'first');
    await untilPhase(simulator, 'first', 'started');
    await create(simulator, 'second');
    await untilPhase(simulator, 'second', 'pending');
    await simulator.state.until('backups', 'default', 'second', (second) => {
      const underWay = ['started', 'running', 'completed'].includes(second?.status?.phase);
      const first = simulator.state.get('backups', 'default', 'first')?.status?.phase;
      if (underWay && first !== 'completed') throw new Error(`the second runs while the first is ${first}`);
      return second?.status?.phase === 'completed';
    });
  });

  it('fails when its instance is made anew', async () => {
    const simulator = await withCluster();
    await create(simulator, 'b');
    await untilPhase(simulator, 'b', 'started');
    await send(simulator, 'DELETE', `${core('default')}/pods/a-2?gracePeriodSeconds=0`);
    const found = await untilPhase(simulator, 'b', 'failed');
    expect(found?.status?.error).toBe('instance manager was restarted during backup on pod a-2');
  });

  it('through the plugin fills the window of the object store, not the fields of the Cluster', async () => {
    const simulator = await withCluster({ plugins: [plugin] });
    simulator.state.put({
      apiVersion: 'barmancloud.cnpg.io/v1',
      kind: 'ObjectStore',
      metadata: { name: 'store', namespace: 'default' },
      spec: { configuration: { destinationPath: 's3://x' } },
    });
    await create(simulator, 'b', { method: 'plugin', pluginConfiguration: { name: plugin.name } });
    const found = await untilPhase(simulator, 'b', 'completed');
    expect(found?.status?.pluginMetadata).toMatchObject({ pluginName: plugin.name, version: '0.13.0' });
    expect(found?.status?.destinationPath).toBeUndefined();
    const store = await simulator.state.until(
      'objectstores',
      'default',
      'store',
      (each) => each?.status !== undefined,
    );
    expect(store?.status?.serverRecoveryWindow.a).toEqual({
      firstRecoverabilityPoint: found?.status?.stoppedAt,
      lastSuccessfulBackupTime: found?.status?.stoppedAt,
    });
    expect(simulator.state.get('clusters', 'default', 'a')?.status?.lastSuccessfulBackup).toBeUndefined();
    expect(simulator.state.get('pods', 'default', 'a-1')?.spec?.initContainers[1]).toMatchObject({
      name: 'plugin-barman-cloud',
      restartPolicy: 'Always',
    });
  });
});

describe('a ScheduledBackup', () => {
  const schedules = `${cnpg('default')}/scheduledbackups`;
  const schedule = (simulator: Simulator, spec: Fields) =>
    send(
      simulator,
      'POST',
      schedules,
      object('ScheduledBackup', 's', { cluster: { name: 'a' }, schedule: '0 0 3 * * *', ...spec }),
    );

  it('that is immediate makes a backup at once and tells the next time', async () => {
    const simulator = await withCluster();
    await schedule(simulator, { immediate: true, backupOwnerReference: 'self' });
    const found = await simulator.state.until(
      'scheduledbackups',
      'default',
      's',
      (each) => each?.status?.nextScheduleTime !== undefined,
    );
    expect(found?.status?.nextScheduleTime).toMatch(/T03:00:00Z$/);
    const [child] = simulator.state.list('backups', 'default');
    expect(child?.metadata).toMatchObject({
      name: expect.stringMatching(/^s-\d{14}$/),
      labels: { 'cnpg.io/cluster': 'a', 'cnpg.io/immediateBackup': 'true', 'cnpg.io/scheduled-backup': 's' },
      ownerReferences: [{ kind: 'ScheduledBackup', name: 's' }],
    });
    await untilPhase(simulator, child?.metadata.name ?? '', 'completed');
  });

  it('that is not waits for its time', async () => {
    const simulator = await withCluster();
    await schedule(simulator, {});
    const found = await simulator.state.until(
      'scheduledbackups',
      'default',
      's',
      (each) => each?.status?.lastCheckTime !== undefined,
    );
    expect(found?.status?.nextScheduleTime).toBeUndefined();
    expect(simulator.state.list('backups', 'default')).toEqual([]);
  });

  it('makes a backup when its time has come', async () => {
    let at = new Date('2026-11-24T02:59:59Z');
    const simulator = await withCluster({ backup }, { now: () => at });
    await schedule(simulator, {});
    await simulator.state.until(
      'scheduledbackups',
      'default',
      's',
      (each) => each?.status?.lastCheckTime !== undefined,
    );
    at = new Date('2026-11-24T03:00:01Z');
    await patch(simulator, `${schedules}/s`, { metadata: { annotations: { touched: 'yes' } } });
    const found = await simulator.state.until(
      'scheduledbackups',
      'default',
      's',
      (each) => each?.status?.lastScheduleTime !== undefined,
    );
    expect(found?.status).toMatchObject({
      lastScheduleTime: '2026-11-24T03:00:00Z',
      nextScheduleTime: '2026-11-25T03:00:00Z',
    });
    expect(simulator.state.get('backups', 'default', 's-20261124030000')).toBeDefined();
  });

  it('is postponed by a backup that is not over', async () => {
    let at = new Date('2026-11-24T02:00:00Z');
    const simulator = await withCluster({ backup }, { now: () => at });
    simulator.state.put({
      ...object('Backup', 'stuck', { cluster: { name: 'nope' } }),
      metadata: { name: 'stuck', namespace: 'default', labels: { 'cnpg.io/scheduled-backup': 's' } },
      status: { phase: 'walArchivingFailing' },
    });
    await schedule(simulator, {});
    await simulator.state.until(
      'scheduledbackups',
      'default',
      's',
      (each) => each?.status?.lastCheckTime !== undefined,
    );
    at = new Date('2026-11-24T03:00:01Z');
    await patch(simulator, `${schedules}/s`, { metadata: { annotations: { touched: 'yes' } } });
    await patch(simulator, `${schedules}/s`, { spec: { suspend: true } });
    expect(simulator.state.get('backups', 'default', 's-20261124030000')).toBeUndefined();
  });

  it('that slipped past admission with a wrong schedule says so', async () => {
    const simulator = await withCluster();
    const spec = { cluster: { name: 'a' }, schedule: 'bad' };
    simulator.state.put({
      ...object('ScheduledBackup', 's', spec),
      metadata: { name: 's', namespace: 'default' },
    });
    const found = await simulator.state.until(
      'scheduledbackups',
      'default',
      's',
      (each) => each?.status?.error !== undefined,
    );
    expect(found?.status?.error).toBe('Expected 5 to 6 fields, found 1: bad');
  });

  it('that is suspended makes none', async () => {
    const simulator = await withCluster();
    await schedule(simulator, { immediate: true, suspend: true });
    await create(simulator, 'other');
    await untilPhase(simulator, 'other', 'completed');
    expect(simulator.state.list('backups', 'default').map(({ metadata }) => metadata.name)).toEqual([
      'other',
    ]);
  });
});

describe('a Pooler', () => {
  const poolers = `${cnpg('default')}/poolers`;
  const untilPooler = (simulator: Simulator, predicate: (status: Fields) => boolean) =>
    simulator.state.until(
      'poolers',
      'default',
      'p',
      (found) => found?.status !== undefined && predicate(found.status),
    );

  it('becomes active, scales and pauses', async () => {
    const simulator = await withCluster();
    await send(
      simulator,
      'POST',
      poolers,
      object('Pooler', 'p', { cluster: { name: 'a' }, instances: 2, pgbouncer: {} }),
    );
    await untilPooler(simulator, ({ phase, instances }) => phase === 'active' && instances === 2);
    await simulator.state.until(
      'deployments',
      'default',
      'p',
      (found) => found?.status?.availableReplicas === 2,
    );
    expect(simulator.state.get('services', 'default', 'p')?.spec?.selector).toEqual({
      'cnpg.io/poolerName': 'p',
    });
    await patch(simulator, `${poolers}/p`, { spec: { instances: 1, pgbouncer: { paused: true } } });
    await untilPooler(simulator, ({ phase, instances }) => phase === 'paused' && instances === 1);
  });

  it.each([
    ['its cluster', { cluster: { name: 'nope' }, pgbouncer: {} }, 'Cluster "nope" not found'],
    [
      'a Secret',
      { cluster: { name: 'a' }, pgbouncer: { clientTLSSecret: { name: 'x' } } },
      'ClientTLSSecret "x" not found',
    ],
  ])('is inactive without %s', async (_, spec, reason) => {
    const simulator = await withCluster();
    await send(simulator, 'POST', poolers, object('Pooler', 'p', spec));
    await untilPooler(simulator, ({ phase, phaseReason }) => phase === 'inactive' && phaseReason === reason);
  });

  it('shows no phase under an older operator', async () => {
    const simulator = await withCluster({ backup }, { operatorVersion: '1.28.0' });
    await send(simulator, 'POST', poolers, object('Pooler', 'p', { cluster: { name: 'a' }, pgbouncer: {} }));
    const found = await untilPooler(simulator, ({ instances }) => instances === 1);
    expect(found?.status?.phase).toBeUndefined();
  });
});
