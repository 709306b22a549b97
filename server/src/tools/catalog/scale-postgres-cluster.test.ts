import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../../../e2e/simulator/index.ts';
import { putCluster, putInstances } from '../../../test/clusters.ts';
import { type Harness, startHarness } from '../../../test/harness.ts';
import type { Cluster } from '../../cnpg/types.ts';
import { scalePostgresCluster } from './scale-postgres-cluster.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({ operator: false });
});
afterEach(() => harness.close());

const scale = (args: Record<string, unknown>) =>
  harness.call(scalePostgresCluster, { name: 'orders', namespace: 'demo', ...args });
const stored = () => harness.simulator.state.get('clusters', 'demo', 'orders') as KubeObject;

function put(instances: number, change?: (cluster: Cluster) => void, notReady: number[] = []): void {
  putInstances(
    harness.simulator,
    putCluster(harness.simulator, 'orders', 'demo', instances, change),
    notReady,
  );
}

describe('scale_postgres_cluster', () => {
  it('changes the number of instances and nothing else', async () => {
    put(1);
    const before = stored();
    const answer = await scale({ instances: 3 });
    expect(answer.structured).toMatchObject({
      state: 'requested',
      summary: 'Scale demo/orders from 1 to 3 instances.',
      losses: [],
      result: { from: 1, to: 3, leaving: [] },
    });
    expect(stored().spec).toMatchObject({ ...before.spec, instances: 3 });
  });

  it('says which standby goes with its copy of the data, and calls that no loss', async () => {
    put(3);
    const answer = await scale({ instances: 2 });
    expect(answer.structured).toMatchObject({
      losses: [],
      warnings: [
        'The standby orders-3 goes with its copy of the data (1 volume, 400Mi); the databases stay on the other instances.',
      ],
      result: { leaving: ['orders-3'] },
    });
    expect(answer.text).not.toContain('Lost for good');
  });

  it('scales down where nothing may be destroyed', async () => {
    await harness.close();
    harness = await startHarness({ operator: false, policy: { noDestroy: true } });
    put(3);
    expect((await scale({ instances: 2 })).structured?.state).toBe('requested');
    expect(stored().spec?.instances).toBe(2);
  });

  it('says that fewer can go at once than asked for', async () => {
    put(3, undefined, [2]);
    const answer = await scale({ instances: 1, dry_run: true });
    expect(answer.structured?.warnings).toEqual([
      'The standby orders-3 goes with its copy of the data (1 volume, 400Mi); the databases stay on the other instances.',
      'Only 1 of 2 instances can go now: the operator removes ready standbys only.',
      'With one instance there is nothing to fail over to.',
    ]);
    expect(stored().spec?.instances).toBe(3);
  });

  it('does nothing when the number is that already', async () => {
    put(3);
    const { resourceVersion } = stored().metadata;
    const answer = await scale({ instances: 3 });
    expect(answer.structured?.state).toBe('unchanged');
    expect(stored().metadata.resourceVersion).toBe(resourceVersion);
  });

  it('refuses to scale below the synchronous quorum', async () => {
    put(3, ({ spec }) => {
      spec.postgresql = { synchronous: { method: 'any', number: 1 } };
    });
    const answer = await scale({ instances: 1 });
    expect(answer.error?.code).toBe('refused');
    expect(answer.text).toContain('orders needs at least 2 instances: postgresql.synchronous.number is 1.');
    expect(stored().spec?.instances).toBe(3);
  });

  it('refuses during a switchover, above the limit of the site, and while the cluster is being deleted', async () => {
    put(3, ({ status }) => Object.assign(status ?? {}, { targetPrimary: 'orders-2' }));
    expect((await scale({ instances: 2 })).text).toContain("The primary's role of orders is moving");
    put(3);
    expect((await scale({ instances: 11 })).text).toContain('allows at most 10 instances');
    put(3, ({ metadata }) => {
      metadata.finalizers = ['example.com/hold'];
      metadata.deletionTimestamp = new Date().toISOString();
    });
    expect((await scale({ instances: 4 })).text).toContain('orders is being deleted.');
    expect(stored().spec?.instances).toBe(3);
  });

  it('refuses when somebody else scaled between the plan and the change', async () => {
    put(3);
    harness.simulator.faults.add({ match: { verb: 'list', resource: 'pods' }, delayMs: 300, times: 1 });
    const call = scale({ instances: 2 });
    await vi.waitFor(() =>
      expect(harness.simulator.requests.map(({ resource }) => resource)).toContain('pods'),
    );
    harness.simulator.state.put({ ...stored(), spec: { ...stored().spec, instances: 5 } });
    const answer = await call;
    expect(answer.error?.code).toBe('conflict');
    expect(answer.text).toContain('Somebody else set orders to 5 instances in the meantime.');
    expect(stored().spec?.instances).toBe(5);
  });

  it('survives a change of the status between reading and writing', async () => {
    put(3);
    harness.simulator.faults.add({
      match: { verb: 'patch', resource: 'clusters' },
      status: 409,
      times: 1,
    });
    expect((await scale({ instances: 2 })).structured?.state).toBe('requested');
    expect(stored().spec?.instances).toBe(2);
  });

  it('waits until the instance is gone, and names it', async () => {
    put(3);
    const call = scale({ instances: 2, wait: true });
    await harness.simulator.state.until(
      'clusters',
      'demo',
      'orders',
      (cluster) => cluster?.spec?.instances === 2,
    );
    const status = { ...stored().status, phase: 'Cluster in healthy state' };
    harness.simulator.state.put({ ...stored(), status: { ...status, instances: 3, readyInstances: 2 } });
    harness.simulator.state.put({
      ...stored(),
      status: { ...status, instances: 2, readyInstances: 2, instanceNames: ['orders-1', 'orders-2'] },
    });
    const answer = await call;
    expect(answer.structured).toMatchObject({
      state: 'done',
      result: { from: 3, to: 2, removed: ['orders-3'], ready_instances: 2, primary: 'orders-1' },
    });
  });

  it('works without the optional rights, and says what it did not see', async () => {
    put(3);
    for (const resource of ['pods', 'persistentvolumeclaims', 'namespaces', 'events', 'storageclasses']) {
      harness.simulator.deny({ resource });
    }
    const answer = await scale({ instances: 2 });
    expect(answer.structured).toMatchObject({
      state: 'requested',
      warnings: [
        'The standby orders-3 goes with its copy of the data; the databases stay on the other instances.',
        'Which standbys are ready was not checked, for lack of rights: another one may go.',
      ],
    });
  });

  it('names the right that is missing, and changes nothing', async () => {
    put(3);
    harness.simulator.deny({ resource: 'clusters', verb: 'patch' });
    const answer = await scale({ instances: 2 });
    expect(answer.error?.code).toBe('forbidden');
    expect(answer.text).toContain('Missing right: patch clusters');
    expect(stored().spec?.instances).toBe(3);
  });

  it.each([{ instances: 0 }, { instances: -1 }, { instances: 1.5 }, { instances: 101 }, {}])(
    'refuses %j without asking the cluster',
    async (args) => {
      expect((await scale(args)).error?.code).toBe('invalid_arguments');
      expect(harness.simulator.requests).toEqual([]);
    },
  );
});
