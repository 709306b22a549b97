import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { putHealthyCluster } from '../scenes.ts';
import { cnpg, core, patch, send, simulate } from '../test-client.ts';
import type { Fields, KubeObject } from '../types.ts';

const path = `${cnpg('default')}/clusters/a`;

async function withCluster(spec: Fields = {}) {
  const simulator = await simulate({ operator: true });
  putHealthyCluster(simulator, { name: 'a', instances: 3, spec });
  return simulator;
}

const until = (simulator: Simulator, predicate: (status: Fields) => boolean) =>
  simulator.state.until(
    'clusters',
    'default',
    'a',
    (found) => found?.status !== undefined && predicate(found.status),
  );
const annotate = (simulator: Simulator, annotations: Record<string, string | null>) =>
  patch(simulator, path, { metadata: { annotations } });
const condition = (status: Fields, type: string) =>
  (status.conditions as Fields[]).find((each) => each.type === type);
const isReady = (pod: KubeObject | undefined) =>
  (pod?.status?.conditions as Fields[] | undefined)?.some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  ) === true;

describe('a switchover', () => {
  it('moves the role to the target, on a new timeline', async () => {
    const simulator = await withCluster();
    await patch(simulator, `${path}/status`, {
      status: { targetPrimary: 'a-3', phase: 'Switchover in progress', phaseReason: 'Switching over to a-3' },
    });
    expect(simulator.state.get('clusters', 'default', 'a')?.status?.currentPrimary).toBe('a-1');
    const found = await until(
      simulator,
      ({ phase, currentPrimary }) => phase === 'Cluster in healthy state' && currentPrimary === 'a-3',
    );
    expect(found?.status).toMatchObject({ targetPrimary: 'a-3', timelineID: 2, readyInstances: 3 });
    const roles = ['a-1', 'a-2', 'a-3'].map(
      (name) => simulator.state.get('pods', 'default', name)?.metadata.labels?.['cnpg.io/instanceRole'],
    );
    expect(roles).toEqual(['replica', 'replica', 'primary']);
    await simulator.state.until('leases', 'default', 'a', (lease) => lease?.spec?.holderIdentity === 'a-3');
  });

  it('to an instance that is not ready hangs', async () => {
    const simulator = await withCluster();
    simulator.postgres.behave('default', 'a-3', { ready: false });
    await simulator.state.until('pods', 'default', 'a-3', (pod) => !isReady(pod));
    await patch(simulator, `${path}/status`, { status: { targetPrimary: 'a-3' } });
    await until(simulator, ({ phase }) => phase === 'Switchover in progress');
    simulator.postgres.behave('default', 'a-3', {});
    await until(simulator, ({ currentPrimary }) => currentPrimary === 'a-3');
  });
});

describe('a primary that is gone', () => {
  it('is replaced by a replica, and comes back as one', async () => {
    const simulator = await withCluster();
    await send(simulator, 'DELETE', `${core('default')}/pods/a-1`);
    await until(
      simulator,
      ({ phase, targetPrimary }) => phase === 'Failing over' && targetPrimary === 'pending',
    );
    const found = await until(
      simulator,
      ({ phase, readyInstances }) => phase === 'Cluster in healthy state' && readyInstances === 3,
    );
    expect(found?.status).toMatchObject({ currentPrimary: 'a-2', targetPrimary: 'a-2', timelineID: 2 });
    expect(found?.status?.currentPrimaryFailingSinceTimestamp).toBeUndefined();
    const reasons = simulator.state.list('events', 'default').map(({ reason }) => reason);
    expect(reasons).toEqual(expect.arrayContaining(['FailingOver', 'FailoverTarget']));
  });

  it('that is alone is only made anew', async () => {
    const simulator = await simulate({ operator: true });
    putHealthyCluster(simulator, { name: 'a', instances: 1 });
    const { metadata } = simulator.state.get('pods', 'default', 'a-1') ?? {};
    await send(simulator, 'DELETE', `${core('default')}/pods/a-1`);
    await simulator.state.until(
      'pods',
      'default',
      'a-1',
      (pod) => pod?.metadata.uid !== metadata?.uid && isReady(pod),
    );
    expect(
      (await until(simulator, ({ phase }) => phase === 'Cluster in healthy state'))?.status?.timelineID,
    ).toBe(1);
  });
});

describe('fencing', () => {
  it('makes the instance unready and leaves the phase as it is', async () => {
    const simulator = await withCluster();
    await annotate(simulator, { 'cnpg.io/fencedInstances': '["a-2"]' });
    const found = await until(simulator, ({ readyInstances }) => readyInstances === 2);
    expect(found?.status).toMatchObject({
      phase: 'Cluster in healthy state',
      instancesStatus: { healthy: ['a-1', 'a-3'], replicating: ['a-2'] },
    });
    expect(
      (await send(simulator, 'GET', `${core('default')}/pods/https:a-2:8000/proxy/pg/status`)).body
        .mightBeUnavailable,
    ).toBe(true);
    await annotate(simulator, { 'cnpg.io/fencedInstances': null });
    await until(simulator, ({ readyInstances }) => readyInstances === 3);
  });

  it('of all instances leaves even Ready True: only ConsistentSystemID flips', async () => {
    const simulator = await withCluster();
    await annotate(simulator, { 'cnpg.io/fencedInstances': '["*"]' });
    const { status = {} } =
      (await until(simulator, ({ readyInstances }) => readyInstances === undefined)) ?? {};
    expect(status.phase).toBe('Cluster in healthy state');
    expect(condition(status, 'Ready')?.status).toBe('True');
    expect(condition(status, 'ConsistentSystemID')).toMatchObject({ status: 'False', reason: 'NotFound' });
  });

  it('of the primary causes no failover', async () => {
    const simulator = await withCluster();
    await annotate(simulator, { 'cnpg.io/fencedInstances': '["a-1"]' });
    await until(simulator, ({ readyInstances }) => readyInstances === 2);
    await annotate(simulator, { 'cnpg.io/fencedInstances': null });
    const found = await until(simulator, ({ readyInstances }) => readyInstances === 3);
    expect(found?.status).toMatchObject({ currentPrimary: 'a-1', timelineID: 1 });
  });

  it('of the primary that ends without PostgreSQL coming back does cause one', async () => {
    const simulator = await withCluster();
    await annotate(simulator, { 'cnpg.io/fencedInstances': '["a-1"]' });
    await until(simulator, ({ readyInstances }) => readyInstances === 2);
    simulator.postgres.behave('default', 'a-1', { ready: false });
    await annotate(simulator, { 'cnpg.io/fencedInstances': null });
    await until(simulator, ({ currentPrimary, timelineID }) => currentPrimary === 'a-2' && timelineID === 2);
  });
});

describe('hibernation', () => {
  it('removes the pods, keeps the volumes, and ends', async () => {
    const simulator = await withCluster();
    await annotate(simulator, { 'cnpg.io/hibernation': 'on' });
    const found = await until(
      simulator,
      (status) => condition(status, 'cnpg.io/hibernation')?.status === 'True',
    );
    expect(condition(found?.status ?? {}, 'cnpg.io/hibernation')).toMatchObject({
      reason: 'Hibernated',
      message: 'Cluster has been hibernated',
    });
    expect(found?.status?.phase).toBe('Cluster in healthy state');
    expect(simulator.state.list('pods', 'default')).toEqual([]);
    expect(simulator.state.list('persistentvolumeclaims', 'default')).toHaveLength(3);
    await annotate(simulator, { 'cnpg.io/hibernation': 'off' });
    const back = await until(
      simulator,
      ({ phase, readyInstances }) => phase === 'Cluster in healthy state' && readyInstances === 3,
    );
    expect(condition(back?.status ?? {}, 'cnpg.io/hibernation')).toBeUndefined();
    expect(back?.status?.currentPrimary).toBe('a-1');
  });

  it('ends the primary first', async () => {
    const simulator = await withCluster();
    await patch(simulator, `${path}/status`, { status: { targetPrimary: 'a-2' } });
    await until(
      simulator,
      ({ phase, currentPrimary }) => phase === 'Cluster in healthy state' && currentPrimary === 'a-2',
    );
    await annotate(simulator, { 'cnpg.io/hibernation': 'on' });
    const found = await until(
      simulator,
      (status) => condition(status, 'cnpg.io/hibernation')?.reason === 'WaitingPodsDeletion',
    );
    expect(condition(found?.status ?? {}, 'cnpg.io/hibernation')?.message).toBe(
      'Waiting for a-2 to be deleted',
    );
  });

  it('waits for a cluster that is not healthy', async () => {
    const simulator = await withCluster();
    await patch(simulator, `${path}/status`, { status: { phase: 'Upgrading cluster' } });
    simulator.postgres.behave('default', 'a-3', { ready: false });
    await annotate(simulator, { 'cnpg.io/hibernation': 'on' });
    await until(simulator, (status) => condition(status, 'cnpg.io/hibernation') !== undefined);
    expect(simulator.state.get('pods', 'default', 'a-1')).toBeDefined();
  });
});

describe('a restart', () => {
  it('of the cluster makes the replicas anew, then the primary, without a switchover', async () => {
    const simulator = await withCluster();
    const uid = (name: string) => simulator.state.get('pods', 'default', name)?.metadata.uid;
    const before = ['a-1', 'a-2', 'a-3'].map(uid);
    await annotate(simulator, { 'kubectl.kubernetes.io/restartedAt': '2026-11-24T10:00:00Z' });
    await until(
      simulator,
      ({ phase }) => phase === 'Primary instance is being restarted without a switchover',
    );
    const found = await until(
      simulator,
      ({ phase, readyInstances }) => phase === 'Cluster in healthy state' && readyInstances === 3,
    );
    expect(found?.status).toMatchObject({ currentPrimary: 'a-1', timelineID: 1 });
    expect(['a-1', 'a-2', 'a-3'].map(uid).filter((each) => before.includes(each))).toEqual([]);
  });

  it('of the primary in place ends healthy with the same pod', async () => {
    const simulator = await withCluster();
    const uid = simulator.state.get('pods', 'default', 'a-1')?.metadata.uid;
    await patch(simulator, `${path}/status`, {
      status: { phase: 'Primary instance is being restarted in-place', phaseReason: 'Requested by the user' },
    });
    await until(simulator, ({ phase }) => phase === 'Cluster in healthy state');
    expect(simulator.state.get('pods', 'default', 'a-1')?.metadata.uid).toBe(uid);
  });

  it('waits for the user with the supervised strategy', async () => {
    const simulator = await withCluster({ primaryUpdateStrategy: 'supervised' });
    await annotate(simulator, { 'kubectl.kubernetes.io/restartedAt': '2026-11-24T10:00:00Z' });
    const found = await until(simulator, ({ phase }) => phase === 'Waiting for user action');
    expect(found?.status?.phaseReason).toBe('User must issue a supervised switchover');
  });

  it('by switchover leaves the old primary a replica', async () => {
    const simulator = await withCluster({ primaryUpdateMethod: 'switchover' });
    await annotate(simulator, { 'kubectl.kubernetes.io/restartedAt': '2026-11-24T10:00:00Z' });
    const found = await until(
      simulator,
      ({ phase, timelineID, readyInstances }) =>
        phase === 'Cluster in healthy state' && timelineID === 2 && readyInstances === 3,
    );
    expect(found?.status?.currentPrimary).toBe('a-2');
  });

  it('follows a parameter that needs one, and not another', async () => {
    const simulator = await withCluster();
    const uid = () => simulator.state.get('pods', 'default', 'a-3')?.metadata.uid;
    const before = uid();
    await patch(simulator, path, { spec: { postgresql: { parameters: { work_mem: '8MB' } } } });
    await patch(simulator, path, { spec: { postgresql: { parameters: { max_connections: '300' } } } });
    await until(
      simulator,
      ({ phaseReason }) =>
        phaseReason?.includes('Postgres needs a restart to apply some configuration changes') === true,
    );
    await until(
      simulator,
      ({ phase, readyInstances }) => phase === 'Cluster in healthy state' && readyInstances === 3,
    );
    expect(uid()).not.toBe(before);
  });
});

describe('a replica that does not stream', () => {
  it('is not shown by the phase', async () => {
    const simulator = await withCluster();
    simulator.postgres.behave('default', 'a-3', { ready: false, status: { isWalReceiverActive: false } });
    const found = await until(simulator, ({ readyInstances }) => readyInstances === 2);
    expect(found?.status?.phase).toBe('Cluster in healthy state');
  });
});
