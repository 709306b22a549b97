import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject as StoredObject } from '../../../e2e/simulator/index.ts';
import { putCluster, putInstances } from '../../test/clusters.ts';
import { type Harness, startHarness } from '../../test/harness.ts';
import { outcomeOf } from '../cnpg/ready-verdict.ts';
import { findTrouble } from '../cnpg/startup-trouble.ts';
import { awaitReady, awaitReadyPermissions } from './await-ready.ts';
import type { ToolContext } from './define-tool.ts';
import { Fence } from './fence.ts';
import { guardGateway } from './guarded-gateway.ts';
import { lookAround, unreadKinds } from './look-around.ts';
import { defaultToolSettings } from './settings.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({ operator: false });
});
afterEach(() => harness.close());

const never = new AbortController().signal;

function context(progress: ToolContext['progress'] = () => undefined): ToolContext {
  return {
    kube: guardGateway(harness.kube, { name: 'test', permissions: awaitReadyPermissions }, never),
    namespace: { name: 'demo', source: 'argument' },
    settings: defaultToolSettings,
    mayLookEverywhere: true,
    protectingPattern: () => undefined,
    signal: never,
    fence: new Fence(),
    progress,
    now: () => new Date(),
  };
}

const starting = (instances = 3) =>
  putCluster(harness.simulator, 'orders', 'demo', instances, ({ status }) => {
    Object.assign(status ?? {}, {
      phase: 'Creating a new replica',
      instances: 1,
      readyInstances: 1,
      instanceNames: ['orders-1'],
    });
  });

describe('awaitReady', () => {
  it('says after its time what was seen last and what it could not see, without calling it a failure', async () => {
    harness.simulator.deny({ resource: 'pods' });
    putInstances(harness.simulator, starting());
    const told: unknown[] = [];
    const verdict = await awaitReady(
      context((...report) => told.push(report)),
      'orders',
      4,
    );
    expect(outcomeOf('demo/orders was created', verdict)).toEqual({
      state: 'requested',
      message:
        'demo/orders was created, but the cluster is not ready within 4 s; the operator goes on. ' +
        'Last seen: Creating a new replica; 1 of 3 instances ready. Not looked at, for lack of rights: pods.',
    });
    expect(told).toEqual([['Creating a new replica; 1 of 3 instances ready', 1, 3]]);
  });

  it('points at operator and quota when nothing at all has appeared', async () => {
    starting();
    const { message } = outcomeOf('It was created', await awaitReady(context(), 'orders', 2));
    expect(message).toContain('No pod and no volume claim was made');
  });

  it('still sees that the cluster is ready when it may not watch', async () => {
    harness.simulator.deny({ resource: 'clusters', verb: 'watch' });
    const cluster = starting(1);
    const waits = awaitReady(context(), 'orders', 10);
    harness.simulator.state.put({
      ...(cluster as unknown as StoredObject),
      status: { phase: 'Cluster in healthy state', instances: 1, readyInstances: 1 },
    });
    expect((await waits).state).toBe('ready');
  });
});

describe('lookAround', () => {
  const claim = (status: string) =>
    harness.simulator.state.put({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'orders-1', namespace: 'demo', labels: { 'cnpg.io/cluster': 'orders' } },
      spec: { storageClassName: 'gone' },
      status: { phase: status },
    });
  const event = (name: string, secondsAgo: number) =>
    harness.simulator.state.put({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${secondsAgo}`, namespace: 'demo' },
      type: 'Warning',
      reason: 'ProvisioningFailed',
      message: `storage class of ${name} not found`,
      involvedObject: { kind: 'PersistentVolumeClaim', name, namespace: 'demo' },
      lastTimestamp: new Date(Date.now() - secondsAgo * 1000).toISOString(),
    });

  it('finds the cause in events of this cluster when storage classes may not be read', async () => {
    harness.simulator.deny({ resource: 'storageclasses' });
    const cluster = putCluster(harness.simulator, 'orders', 'demo', 1, ({ metadata }) => {
      metadata.creationTimestamp = new Date(Date.now() - 60_000).toISOString();
    });
    claim('Pending');
    event('orders-1', 10);
    event('other-1', 5);
    event('orders-1', 3600);
    const around = await lookAround(context(), cluster, never);
    expect(around.events?.map(({ metadata }) => metadata.name)).toEqual(['orders-1.10']);
    expect(findTrouble(cluster, around)).toMatchObject({
      cause: 'No volume could be made for the claim orders-1 (storage class gone).',
      quoted: 'storage class of orders-1 not found',
    });
  });

  it('asks for events and classes only while something is missing', async () => {
    const cluster = putCluster(harness.simulator, 'orders', 'demo');
    putInstances(harness.simulator, cluster);
    await lookAround(context(), cluster, never);
    const asked = harness.simulator.requests.map(({ resource }) => resource).sort();
    expect(asked).toEqual(['persistentvolumeclaims', 'pods']);
  });

  it('finds a quota that stops a further instance, beside the pods that there are', async () => {
    const cluster = putCluster(harness.simulator, 'orders', 'demo', 2);
    cluster.status = { ...cluster.status, phase: 'Creating a new replica', instanceNames: ['orders-1'] };
    putInstances(harness.simulator, cluster);
    harness.simulator.state.put({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'orders-2-join.1', namespace: 'demo' },
      type: 'Warning',
      reason: 'FailedCreate',
      message: 'pods "orders-2-join-x" is forbidden: exceeded quota: pods',
      involvedObject: { kind: 'Job', name: 'orders-2-join', namespace: 'demo' },
      lastTimestamp: new Date(Date.now() + 1000).toISOString(),
    });
    expect(findTrouble(cluster, await lookAround(context(), cluster, never))?.id).toBe('quota');
  });

  it('names what it may not read', async () => {
    for (const resource of ['pods', 'events']) harness.simulator.deny({ resource });
    const cluster = putCluster(harness.simulator, 'orders', 'demo');
    claim('Pending');
    expect(unreadKinds(await lookAround(context(), cluster, never))).toEqual(['pods', 'events']);
  });
});
