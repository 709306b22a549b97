import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeObject as StoredObject } from '../../../../e2e/simulator/index.ts';
import { putCluster, putInstances } from '../../../test/clusters.ts';
import { type Harness, startHarness } from '../../../test/harness.ts';
import type { Cluster } from '../../cnpg/types.ts';
import { deletePostgresCluster } from './delete-postgres-cluster.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({ operator: false });
});
afterEach(() => harness.close());

const call = (args: Record<string, unknown> = {}) =>
  harness.call(deletePostgresCluster, { name: 'orders', namespace: 'demo', ...args });
const confirmed = (args: Record<string, unknown> = {}) =>
  harness.confirmed(deletePostgresCluster, { name: 'orders', namespace: 'demo', ...args });
const exists = (resource: string, name: string) =>
  harness.simulator.state.get(resource, 'demo', name) !== undefined;

/** The token of a first call. */
async function firstToken(): Promise<string> {
  const { structured } = await call();
  return (structured?.confirmation as { confirm_token: string } | undefined)?.confirm_token ?? '';
}

function put(change?: (cluster: Cluster) => void): Cluster {
  const cluster = putCluster(harness.simulator, 'orders', 'demo', 3, change);
  putInstances(harness.simulator, cluster);
  return cluster;
}

const putCnpg = (
  kind: string,
  name: string,
  spec: Record<string, unknown>,
  extra: Record<string, unknown> = {},
) =>
  harness.simulator.state.put({
    apiVersion: 'postgresql.cnpg.io/v1',
    kind,
    metadata: { name, namespace: 'demo' },
    spec,
    ...extra,
  });

function putSecret(
  name: string,
  annotations: Record<string, string>,
  labels: Record<string, string> = {},
): void {
  harness.simulator.state.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace: 'demo',
      labels: { 'app.kubernetes.io/managed-by': 'cnpg-mcp', 'cnpg.io/cluster': 'orders', ...labels },
      annotations,
    },
    type: 'kubernetes.io/basic-auth',
    data: { password: Buffer.from('never-shown').toString('base64') },
  });
}

describe('delete_postgres_cluster', () => {
  it('changes nothing at the first call, and says what would be lost', async () => {
    put();
    putCnpg('Database', 'orders-shop', { cluster: { name: 'orders' }, name: 'shop', owner: 'a' });
    putCnpg('Pooler', 'orders-pool', { cluster: { name: 'orders' }, type: 'rw', instances: 1 });
    const answer = await call();
    expect(answer.structured).toMatchObject({
      state: 'confirmation_required',
      losses: [
        'All databases of this cluster (3 volumes, 1.2Gi), unless the reclaim policy of a volume keeps its data.',
        'THERE IS NO BACKUP of this cluster, and none is configured: its data cannot be brought back.',
      ],
      confirmation: { confirm_name: 'orders' },
    });
    const dependants = answer.structured?.dependants as { kind: string; name: string; fate: string }[];
    expect(dependants.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'PersistentVolumeClaim orders-1',
      'PersistentVolumeClaim orders-2',
      'PersistentVolumeClaim orders-3',
      'Database orders-shop',
      'managed roles of this cluster',
      'Pooler orders-pool',
    ]);
    expect(answer.text).toContain('In namespace demo (as asked).');
    expect(answer.text).toContain('kubectl delete database/orders-shop pooler/orders-pool -n demo');
    expect(exists('clusters', 'orders')).toBe(true);
  });

  it('deletes the cluster and sees that the volume claims are gone', async () => {
    put();
    putCnpg('Pooler', 'orders-pool', { cluster: { name: 'orders' }, type: 'rw', instances: 1 });
    const answer = await confirmed();
    expect(answer.structured).toMatchObject({
      state: 'done',
      result: { name: 'orders', volumes: 'deleted', deleted_secrets: [] },
    });
    expect(answer.text).toContain('demo/orders is deleted, and so are its volume claims.');
    expect(answer.text).toContain('a person can: kubectl delete pooler/orders-pool -n demo');
    expect(exists('clusters', 'orders')).toBe(false);
    expect(harness.simulator.state.list('persistentvolumeclaims', 'demo')).toEqual([]);
    expect(exists('poolers', 'orders-pool')).toBe(true);
  });

  it('does nothing without confirm_deletion, with another name, or with a token of another cluster', async () => {
    put();
    putCluster(harness.simulator, 'other', 'demo');
    const confirm_token = await firstToken();
    const given = { confirm_deletion: true, confirm_name: 'orders', confirm_token };
    for (const args of [
      { ...given, confirm_deletion: false },
      { ...given, confirm_name: 'order' },
      { ...given, name: 'other', confirm_name: 'other' },
    ]) {
      expect((await call(args)).error?.code).toBe('confirmation_invalid');
    }
    expect(exists('clusters', 'orders') && exists('clusters', 'other')).toBe(true);
    expect((await call({ confirm_deletion: true })).structured?.state).toBe('confirmation_required');
    expect(exists('clusters', 'orders')).toBe(true);
  });

  it('can still be confirmed while the status changes and backups are made', async () => {
    put();
    const backup = (name: string) =>
      putCnpg(
        'Backup',
        name,
        { cluster: { name: 'orders' }, method: 'plugin' },
        { status: { phase: 'completed', stoppedAt: '2026-11-24T03:00:00Z' } },
      );
    backup('nightly-1');
    const confirm_token = await firstToken();
    backup('nightly-2');
    const cluster = harness.simulator.state.get('clusters', 'demo', 'orders');
    harness.simulator.state.put({
      ...(cluster as NonNullable<typeof cluster>),
      status: { ...cluster?.status, phase: 'Failing over' },
    });
    const answer = await call({ confirm_deletion: true, confirm_name: 'orders', confirm_token });
    expect(answer.structured?.state).toBe('done');
  });

  it.each(['true', 'True', 'yes', ''])(
    'refuses a cluster protected by %j, and says how to take it off',
    async (value) => {
      put(({ metadata }) => {
        metadata.annotations = { 'cnpg-mcp.io/protected': value };
      });
      const answer = await call();
      expect(answer.error?.code).toBe('refused');
      expect(answer.text).toContain('kubectl annotate cluster orders -n demo cnpg-mcp.io/protected-');
      expect(exists('clusters', 'orders')).toBe(true);
    },
  );

  it('keeps an answer with 400 databases short, and binds the confirmation to those not shown', async () => {
    put();
    for (let index = 100; index < 500; index += 1) {
      putCnpg('Database', `db-${index}`, { cluster: { name: 'orders' }, name: `db_${index}`, owner: 'a' });
    }
    const first = await call();
    expect(JSON.stringify(first.structured).length).toBeLessThan(25_000);
    expect(first.text).toMatch(/- Database db-119: .*\n- Database and 380 more \(digest/);
    const { confirm_token } = first.structured.confirmation;
    harness.simulator.state.remove('databases', 'demo', 'db-400');
    putCnpg('Database', 'db-new', { cluster: { name: 'orders' }, name: 'new', owner: 'a' });
    const answer = await call({ confirm_deletion: true, confirm_name: 'orders', confirm_token });
    expect(answer.error?.code).toBe('confirmation_invalid');
    expect(exists('clusters', 'orders')).toBe(true);
  });

  it('does not take "false" for protection', async () => {
    put(({ metadata }) => {
      metadata.annotations = { 'cnpg-mcp.io/protected': 'false' };
    });
    expect((await call()).structured?.state).toBe('confirmation_required');
  });

  it('deletes the Secrets that this server made for this very cluster, and no other', async () => {
    const cluster = put(({ spec }) => {
      spec.managed = {
        roles: ['ours', 'foreign', 'older', 'kept', 'missing'].map((name) => ({
          name,
          passwordSecret: { name: `s-${name}` },
        })),
      };
    });
    const uid = cluster.metadata.uid as string;
    putSecret('s-ours', { 'cnpg-mcp.io/owner-uid': uid });
    putSecret('s-role', { 'cnpg-mcp.io/owner-uid': uid });
    putSecret('s-foreign', { 'cnpg-mcp.io/owner-uid': uid }, { 'app.kubernetes.io/managed-by': 'helm' });
    putSecret('s-older', { 'cnpg-mcp.io/owner-uid': 'uid-of-an-earlier-cluster' });
    putSecret('s-kept', { 'cnpg-mcp.io/owner-uid': uid, 'cnpg-mcp.io/protected': 'true' });
    putSecret('unrelated', { 'cnpg-mcp.io/owner-uid': uid });
    putCnpg('DatabaseRole', 'orders-role', {
      cluster: { name: 'orders' },
      name: 'role',
      passwordSecret: { name: 's-role' },
    });
    const answer = await confirmed();
    expect(answer.structured).toMatchObject({
      state: 'done',
      result: {
        deleted_secrets: ['s-ours', 's-role'],
        kept_secrets: ['s-foreign', 's-kept', 's-older'],
      },
    });
    const left = harness.simulator.state.list('secrets', 'demo').map(({ metadata }) => metadata.name);
    expect(left).toEqual(['s-foreign', 's-kept', 's-older', 'unrelated']);
    expect(JSON.stringify(answer)).not.toContain('never-shown');
    expect(
      harness.simulator.requests.filter(({ verb, resource }) => resource === 'secrets' && verb === 'list'),
    ).toEqual([]);
  });

  it('does not promise to keep a protected Secret that Kubernetes takes with its owner', async () => {
    const cluster = put();
    const uid = cluster.metadata.uid as string;
    putSecret('s-a', { 'cnpg-mcp.io/owner-uid': uid, 'cnpg-mcp.io/protected': 'true' });
    const secret = harness.simulator.state.get('secrets', 'demo', 's-a') as StoredObject;
    const owner = { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: 'orders', uid };
    harness.simulator.state.put({
      ...secret,
      metadata: { ...secret.metadata, ownerReferences: [owner] },
    });
    expect((await call()).text).toContain(
      '- Secret s-a: deleted by Kubernetes with the cluster, which owns it although it is protected',
    );
    expect((await confirmed()).structured?.result).toMatchObject({ deleted_secrets: [], kept_secrets: [] });
    expect(exists('secrets', 's-a')).toBe(false);
  });

  it('leaves no password behind when the caller leaves during the wait', async () => {
    const cluster = put(({ metadata }) => {
      metadata.finalizers = ['example.com/hold'];
    });
    putSecret('s-a', { 'cnpg-mcp.io/owner-uid': cluster.metadata.uid as string });
    const confirm_token = await firstToken();
    const caller = new AbortController();
    const args = { name: 'orders', namespace: 'demo', confirm_deletion: true, confirm_name: 'orders' };
    const call = harness.call(deletePostgresCluster, { ...args, confirm_token }, { signal: caller.signal });
    await vi.waitFor(() => {
      const waits = harness.simulator.requests.some(
        ({ verb, resource }) => verb === 'watch' && resource === 'clusters',
      );
      expect(waits).toBe(true);
    }, 5000);
    caller.abort();
    expect((await call).error?.code).toBe('cancelled');
    expect(exists('clusters', 'orders')).toBe(true);
    expect(exists('secrets', 's-a')).toBe(false);
  });

  it('names the newest backup that outlives the cluster', async () => {
    put();
    putCnpg(
      'Backup',
      'nightly',
      { cluster: { name: 'orders' }, method: 'plugin' },
      { status: { phase: 'completed', stoppedAt: '2026-11-24T03:00:00Z' } },
    );
    const answer = await call();
    expect(answer.text).toContain('The newest completed backup is nightly of 2026-11-24T03:00:00Z (plugin)');
    expect(answer.text).not.toContain('THERE IS NO');
  });

  it('names clusters that replicate from this one', async () => {
    put();
    putCluster(harness.simulator, 'copy', 'demo', 1, ({ spec }) => {
      spec.externalClusters = [{ name: 'origin', connectionParameters: { host: 'orders-rw.demo.svc' } }];
    });
    expect((await call()).text).toContain('- Cluster copy: remains and loses its source');
  });

  it('reads the reclaim policy of the volumes', async () => {
    put();
    for (const claim of harness.simulator.state.list('persistentvolumeclaims', 'demo')) {
      harness.simulator.state.put({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: claim.spec?.volumeName },
        spec: { persistentVolumeReclaimPolicy: 'Retain' },
      });
    }
    const answer = await call();
    expect(answer.structured?.losses).toContain(
      'The cluster and its claims; the data stays in 3 volumes, 1.2Gi with reclaim policy Retain, to be recovered by hand.',
    );
  });

  it('says what it could not look at, instead of failing or pretending', async () => {
    put();
    const optional = [
      'databases',
      'databaseroles',
      'poolers',
      'scheduledbackups',
      'backups',
      'persistentvolumeclaims',
      'persistentvolumes',
      'secrets',
      'namespaces',
    ];
    for (const resource of optional) harness.simulator.deny({ resource });
    harness.simulator.deny({ resource: 'clusters', verb: 'list' });
    const answer = await call();
    expect(answer.structured).toMatchObject({
      state: 'confirmation_required',
      losses: ['All databases of this cluster, with its volume claims (which may not be listed here).'],
      warnings: [
        'Whether there is a backup was not checked, for lack of rights.',
        'Not looked at, for lack of rights: databases, database roles, poolers, scheduled backups, replica clusters.',
        'Replica clusters in other namespaces are not looked for.',
        'Secrets with passwords of roles remain (s-a): this server may not read them, so it cannot tell whose they are.',
      ],
    });
  });

  it('deletes without the right to see the volume claims, and says that it did not look', async () => {
    put();
    harness.simulator.deny({ resource: 'persistentvolumeclaims' });
    const answer = await confirmed();
    expect(answer.structured).toMatchObject({ state: 'done', result: { volumes: 'unknown' } });
    expect(exists('clusters', 'orders')).toBe(false);
  });

  it('names the right that is missing to delete, and leaves the Secrets alone', async () => {
    const cluster = put();
    putSecret('s-a', { 'cnpg-mcp.io/owner-uid': cluster.metadata.uid as string });
    harness.simulator.deny({ resource: 'clusters', verb: 'delete' });
    const answer = await confirmed();
    expect(answer.error?.code).toBe('forbidden');
    expect(answer.text).toContain('Missing right: delete clusters');
    expect(exists('clusters', 'orders') && exists('secrets', 's-a')).toBe(true);
  });

  it('does not delete a cluster that was made anew between the plan and the confirmation', async () => {
    put();
    const confirm_token = await firstToken();
    harness.simulator.state.remove('clusters', 'demo', 'orders');
    put();
    const answer = await call({ confirm_deletion: true, confirm_name: 'orders', confirm_token });
    expect(answer.error?.code).toBe('confirmation_invalid');
    expect(exists('clusters', 'orders')).toBe(true);
  });

  it('has nothing to do while the cluster is being deleted', async () => {
    put(({ metadata }) => {
      metadata.finalizers = ['example.com/hold'];
      metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    });
    const answer = await call();
    expect(answer.structured?.state).toBe('unchanged');
    expect(answer.text).toContain('demo/orders is being deleted since 2026-11-24T16:00:00Z.');
  });

  it('shows in a dry run what would be done, and does none of it', async () => {
    const cluster = put();
    putSecret('s-a', { 'cnpg-mcp.io/owner-uid': cluster.metadata.uid as string });
    const answer = await call({ dry_run: true, confirm_deletion: true });
    expect(answer.structured).toMatchObject({
      state: 'dry_run',
      steps: [
        {
          what: 'Delete Cluster orders; Kubernetes then removes its pods and volume claims.',
          status: 'checked',
        },
        { what: 'Delete Secret s-a, which this server made for a role of orders.', status: 'checked' },
        { what: 'Wait until Cluster orders is gone.', status: 'planned' },
      ],
    });
    expect(exists('clusters', 'orders') && exists('secrets', 's-a')).toBe(true);
  });

  it('tells a cluster that is not there', async () => {
    put();
    expect((await call({ name: 'nothing' })).error?.code).toBe('not_found');
    expect((await call({ namespace: 'nowhere' })).error?.code).toBe('namespace_not_found');
  });
});
