/** The cluster tools one after the other, with the simulated operator doing its work. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPostgresCluster } from '../src/tools/catalog/create-postgres-cluster.ts';
import { deletePostgresCluster } from '../src/tools/catalog/delete-postgres-cluster.ts';
import { getClusterStatus } from '../src/tools/catalog/get-cluster-status.ts';
import { scalePostgresCluster } from '../src/tools/catalog/scale-postgres-cluster.ts';
import { type Harness, startHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

const orders = { name: 'orders', namespace: 'default' };
const pods = () => harness.simulator.state.list('pods', 'default').map(({ metadata }) => metadata.name);

it('takes a cluster from its creation over 1, 3 and 2 instances to its end', async () => {
  const created = await harness.call(createPostgresCluster, { ...orders, instances: 1, wait: true });
  expect(created.structured).toMatchObject({ state: 'done', result: { primary: 'orders-1' } });

  const grown = await harness.call(scalePostgresCluster, { ...orders, instances: 3, wait: true });
  expect(grown.structured).toMatchObject({ state: 'done', result: { ready_instances: 3 } });

  const shrunk = await harness.call(scalePostgresCluster, { ...orders, instances: 2, wait: true });
  expect(shrunk.structured).toMatchObject({ state: 'done', result: { removed: ['orders-3'] } });

  const status = await harness.call(getClusterStatus, { ...orders, detail_level: 'detailed' });
  expect(status.structured).toMatchObject({ instances: 2, ready_instances: 2, notes: [] });

  const deleted = await harness.confirmed(deletePostgresCluster, orders);
  expect(deleted.structured).toMatchObject({ state: 'done', result: { volumes: 'deleted' } });
  expect(pods()).toEqual([]);
});

it('ends the wait for a cluster whose initdb fails again and again, and names its log', async () => {
  // Made past this server, which refuses such a parameter.
  await harness.kube.create('clusters', {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    metadata: { name: 'doomed', namespace: 'default' },
    spec: {
      instances: 1,
      storage: { size: '1Gi' },
      postgresql: { parameters: { max_connections: 'many' } },
    },
  });
  const doomed = { name: 'doomed', namespace: 'default', instances: 2 };
  const scaled = await harness.call(scalePostgresCluster, { ...doomed, wait: true });
  expect(scaled.structured.state, scaled.text).toBe('failed');
  expect(scaled.text).toMatch(/The job initdb of the instance doomed-1 has failed \d times\./);
  expect(scaled.text).toMatch(/kubectl logs doomed-1-initdb-\w+ -n default -c initdb/);
});
