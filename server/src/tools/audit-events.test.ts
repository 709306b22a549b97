/** Events about changes, on the simulated cluster. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { putCluster } from '../../test/clusters.ts';
import { type Harness, startHarness } from '../../test/harness.ts';
import type { KubeObject } from '../kube/gateway.ts';
import { localPrincipal } from '../policy/principal.ts';
import { createAuditEvents } from './audit-events.ts';
import { getClusterStatus } from './catalog/get-cluster-status.ts';
import { scalePostgresCluster } from './catalog/scale-postgres-cluster.ts';

let harness: Harness;
let problems: string[];
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
beforeEach(() => {
  problems = [];
  harness.audits.length = 0;
  putCluster(harness.simulator, 'orders', 'default', 3);
});

const ada = {
  ...localPrincipal,
  id: 'https://idp|ada',
  displayName: 'ada',
  kind: 'oidc' as const,
  client: 'editor',
};
const events = async () =>
  (await harness.kube.list<KubeObject>('events', { namespace: 'default' })).items.filter(
    ({ reason }) => reason === 'ChangedThroughMcp',
  );

/** Calls a tool, and lets its audit record leave what it leaves. */
async function call(...given: Parameters<Harness['call']>): Promise<void> {
  await harness.call(...given);
  const leave = createAuditEvents(harness.kube, (message) => problems.push(message));
  for (const record of harness.audits.splice(0)) leave(record);
}

describe('a change of a cluster', () => {
  it('leaves an Event that names the cluster, what was done, and who asked for it', async () => {
    await call(
      scalePostgresCluster,
      { name: 'orders', namespace: 'default', instances: 2 },
      { principal: ada },
    );
    await vi.waitFor(async () => expect(await events()).toHaveLength(1));
    const [event] = await events();
    const { uid } = (await harness.kube.get('clusters', { name: 'orders', namespace: 'default' })).metadata;
    expect(event).toMatchObject({
      involvedObject: { kind: 'Cluster', name: 'orders', namespace: 'default', uid },
      reason: 'ChangedThroughMcp',
      message: expect.stringMatching(
        /^scale_postgres_cluster: \w+\. Asked for by ada \(https:\/\/idp\|ada, client editor\), request test-\d+\.$/,
      ),
      source: { component: 'cnpg-mcp' },
    });
  });
});

describe('what changes nothing', () => {
  it('leaves none: a look, a dry run, a refusal', async () => {
    harness.simulator.clearRequests();
    const target = { name: 'orders', namespace: 'default' };
    await call(getClusterStatus, target);
    await call(scalePostgresCluster, { ...target, instances: 1, dry_run: true });
    await call(scalePostgresCluster, { ...target, instances: 99 });
    await call(scalePostgresCluster, { ...target, name: 'missing', instances: 2 });
    const made = harness.simulator.requests.filter(
      ({ method, path }) => method === 'POST' && /events/.test(path),
    );
    expect(made).toEqual([]);
  });
});

describe('an Event that cannot be written', () => {
  it('is reported, and the change is as it was', async () => {
    harness.simulator.deny({ resource: 'events', verb: 'create' });
    await call(scalePostgresCluster, { name: 'orders', namespace: 'default', instances: 2 });
    await vi.waitFor(() => expect(problems).toEqual([expect.stringContaining('was not written')]));
    harness.simulator.resetAccess();
  });
});
