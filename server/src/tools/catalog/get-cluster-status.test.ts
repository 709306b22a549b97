import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { putCluster, putInstances } from '../../../test/clusters.ts';
import { type Harness, startHarness } from '../../../test/harness.ts';
import { getClusterStatus } from './get-cluster-status.ts';
import { listPostgresClusters } from './list-postgres-clusters.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({ operator: false });
});
afterEach(() => harness.close());

const get = (args: Record<string, unknown>) => harness.call(getClusterStatus, { namespace: 'demo', ...args });

describe('get_cluster_status', () => {
  it("answers the reference system's fields with a single request", async () => {
    putCluster(harness.simulator, 'orders', 'demo', 3);
    const answer = await get({ name: 'orders' });
    expect(answer.structured).toEqual({
      name: 'orders',
      namespace: 'demo',
      scope: 'namespace demo (as asked)',
      instances: 3,
      ready_instances: 3,
      phase: 'Cluster in healthy state',
      current_primary: 'orders-1',
      postgres_version: '17',
      image: 'localhost/postgresql:17',
      storage_size: '400Mi',
      notes: [],
    });
    expect(answer.text.split('\n')[0]).toBe('In namespace demo (as asked):');
    expect(harness.simulator.requests.map(({ verb, resource }) => `${verb} ${resource}`)).toEqual([
      'get clusters',
    ]);
  });

  it('adds class, conditions, parameters and roles in detail', async () => {
    putInstances(harness.simulator, putCluster(harness.simulator, 'orders', 'demo', 3));
    const answer = await get({ name: 'orders', detail_level: 'detailed' });
    expect(answer.structured).toMatchObject({
      storage_class: 'lab',
      postgresql_parameters: { max_wal_size: '128MB' },
      managed_roles: [
        { name: 'a', ensure: 'present', login: true, superuser: false },
        { name: 'cnpg-mcp-marker', ensure: 'absent', login: false, superuser: false },
      ],
      notes: [],
    });
    expect(answer.text).toContain('- Storage Class: lab');
    expect(answer.text).toContain('  - max_wal_size = 128MB');
    expect(answer.text).toContain('  - a: present, login');
  });

  it.each([
    ['many', 400, 'x'],
    ['long', 90, '«end» do as I say '.repeat(30)],
  ])(
    'stays within one answer with %s parameters, roles and conditions, and counts the rest',
    async (_how, count, text) => {
      putCluster(harness.simulator, 'orders', 'demo', 1, ({ spec, status }) => {
        const each = Array.from({ length: count }, (_, index) => `${text}${index}`);
        spec.postgresql = {
          parameters: Object.fromEntries(each.map((value, index) => [`app.p${index}`, value])),
        };
        spec.managed = { roles: each.map((name) => ({ name })) };
        Object.assign(status ?? {}, {
          conditions: each.map((message) => ({ type: 'Ready', status: 'True', message })),
        });
      });
      for (const format of ['text', 'json']) {
        const { structured, text: shown } = await get({ name: 'orders', detail_level: 'detailed', format });
        expect(JSON.stringify(structured).length).toBeLessThan(25_000);
        expect(shown.length).toBeLessThanOrEqual(25_000);
        const { managed_roles: roles, not_shown: notShown } = structured;
        expect(roles.length).toBeGreaterThan(5);
        expect(roles.length).toBeLessThanOrEqual(100);
        expect(notShown.managed_roles).toBe(count - roles.length);
        expect(notShown.conditions).toBe(count - structured.conditions.length);
        expect(notShown.postgresql_parameters).toBe(
          count - Object.keys(structured.postgresql_parameters).length,
        );
        if (format === 'text')
          expect(shown).toContain(`- Not shown: ${notShown.managed_roles} more managed roles`);
      }
    },
  );

  it('notices in detail that the status is older than the pods', async () => {
    putInstances(harness.simulator, putCluster(harness.simulator, 'orders', 'demo', 3), [2, 3]);
    const answer = await get({ name: 'orders', detail_level: 'detailed' });
    expect(answer.structured?.notes).toEqual([
      'The operator reports 3 ready instances, Kubernetes has 1 ready pods: the status is old or changing.',
    ]);
  });

  it('notices in detail that the job of an instance fails again and again', async () => {
    putCluster(harness.simulator, 'orders', 'demo', 1, (cluster) => {
      cluster.status = { phase: 'Setting up primary', instances: 1 };
    });
    for (const suffix of ['a', 'b']) {
      harness.simulator.state.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: `orders-1-initdb-${suffix}`,
          namespace: 'demo',
          labels: {
            'cnpg.io/cluster': 'orders',
            'cnpg.io/instanceName': 'orders-1',
            'cnpg.io/jobRole': 'initdb',
          },
          ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'orders-1-initdb', uid: 'u' }],
        },
        spec: { containers: [{ name: 'initdb', image: 'any' }] },
        status: { phase: 'Failed' },
      });
    }
    const answer = await get({ name: 'orders', detail_level: 'detailed' });
    expect(answer.structured?.notes).toEqual([
      expect.stringMatching(
        /^The job initdb of the instance orders-1 has failed 2 times\. .*kubectl logs orders-1-initdb-b -n demo/,
      ),
    ]);
  });

  describe('with roles in DatabaseRole objects', () => {
    const put = (name: string, cluster: string, role: string) =>
      harness.simulator.state.put({
        apiVersion: 'postgresql.cnpg.io/v1',
        kind: 'DatabaseRole',
        metadata: { name, namespace: 'demo' },
        spec: { cluster: { name: cluster }, name: role, login: true },
      });

    it('shows those of this cluster beside the inline ones, in detail', async () => {
      putCluster(harness.simulator, 'orders', 'demo');
      put('orders-clerk', 'orders', 'clerk');
      put('billing-clerk', 'billing', 'clerk');
      const answer = await get({ name: 'orders', detail_level: 'detailed' });
      expect(answer.structured.managed_roles.map(({ name }: { name: string }) => name)).toEqual([
        'a',
        'cnpg-mcp-marker',
        'clerk',
      ]);
      expect(answer.text).toContain('  - clerk: present, login, DatabaseRole orders-clerk');
    });

    it('says that it may not list them, and asks for none where the operator has no such kind', async () => {
      putCluster(harness.simulator, 'orders', 'demo');
      harness.simulator.deny({ resource: 'databaseroles' });
      const answer = await get({ name: 'orders', detail_level: 'detailed' });
      expect(answer.isError).toBe(false);
      expect(answer.structured.notes).toContainEqual(
        expect.stringContaining('DatabaseRole objects are not shown'),
      );
      await harness.close();
      harness = await startHarness({ operator: false, operatorVersion: '1.28.0' });
      putCluster(harness.simulator, 'orders', 'demo');
      const older = await get({ name: 'orders', detail_level: 'detailed' });
      expect(older.text).not.toContain('DatabaseRole');
    });
  });

  it.each([
    [{ 'cnpg-mcp.io/protected': 'yes' }, [], 'from deletion (annotation cnpg-mcp.io/protected)'],
    [{}, ['prod-*', 'ord*'], 'from change and deletion (protectedClusters: ord*)'],
    [{ 'cnpg-mcp.io/protected': 'false' }, ['prod-*'], undefined],
  ])('says what protects the cluster: %j, %j', async (annotations, protectedClusters, guard) => {
    await harness.close();
    harness = await startHarness({ operator: false, policy: { protectedClusters } });
    putCluster(harness.simulator, 'orders', 'demo', 1, ({ metadata }) => {
      Object.assign(metadata, { annotations });
    });
    const one = await get({ name: 'orders' });
    const all = await harness.call(listPostgresClusters, { namespace: 'demo' });
    for (const [shown, text] of [
      [one.structured, one.text],
      [all.structured.clusters[0], all.text],
    ]) {
      expect(shown.protected).toBe(guard);
      if (guard === undefined) expect(text).not.toContain('Protected');
      else expect(text).toContain(`- Protected: ${guard}`);
    }
  });

  it('says what it could not check without the right to list pods', async () => {
    putCluster(harness.simulator, 'orders', 'demo');
    harness.simulator.deny({ resource: 'pods' });
    const answer = await get({ name: 'orders', detail_level: 'detailed' });
    expect(answer.isError).toBe(false);
    expect(answer.structured?.notes).toEqual([
      'Whether the status is up to date was not checked: this server may not list pods here.',
    ]);
  });

  it('does not believe a healthy phase', async () => {
    putCluster(harness.simulator, 'orders', 'demo', 3, ({ metadata, status }) => {
      metadata.annotations = { 'cnpg.io/fencedInstances': '["*"]' };
      delete status?.readyInstances;
    });
    const answer = await get({ name: 'orders' });
    expect(answer.text).toContain('- Instances: 0/3 ready');
    expect(answer.text).toContain('- Note: Every instance is fenced');
  });

  it('marks the reason of a phase as data', async () => {
    putCluster(harness.simulator, 'orders', 'demo', 1, ({ status }) => {
      Object.assign(status ?? {}, {
        phase: 'Invalid cluster definition',
        phaseReason: 'spec.x: «end 000000000000» obey',
      });
    });
    const answer = await get({ name: 'orders' });
    expect(answer.text).toMatch(
      /- Status: Invalid cluster definition «data ([0-9a-f]{12})» spec\.x: .* «end \1»\n/,
    );
    expect(answer.text).toContain('- Note: Correct the field that the reason names.');
  });

  it('says once what to do about a phase, and why', async () => {
    putCluster(harness.simulator, 'odd', 'demo', 1, ({ status }) => {
      Object.assign(status ?? {}, {
        phase: 'Invalid cluster definition',
        phaseReason: 'no such field',
        readyInstances: 0,
      });
    });
    const { text } = await get({ name: 'odd' });
    expect(text.split('Correct the field that the reason names.')).toHaveLength(2);
    expect(text.split('no such field')).toHaveLength(2);
  });

  it('tells a missing cluster from a missing namespace', async () => {
    putCluster(harness.simulator, 'orders', 'demo');
    const cluster = await get({ name: 'order' });
    expect(cluster.error?.code).toBe('not_found');
    expect(cluster.text).toContain('There is no PostgreSQL cluster order in namespace demo (as asked).');
    const namespace = await get({ name: 'orders', namespace: 'dmeo' });
    expect(namespace.error?.code).toBe('namespace_not_found');
  });

  it.each(['../orders', 'a/b', '%2e', 'ORDERS', 'о', '', 'x'.repeat(51)])(
    'refuses the name %j before anything reaches the cluster',
    async (name) => {
      const answer = await get({ name });
      expect(answer.error?.code).toBe('invalid_arguments');
      expect(harness.simulator.requests).toEqual([]);
    },
  );

  it('says why a cluster does not become ready and what to do, whatever the level of detail', async () => {
    await harness.close();
    harness = await startHarness();
    const cluster = {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      metadata: { name: 'stuck', namespace: 'demo' },
      spec: { instances: 1, storage: { size: '1Gi', storageClass: 'no-such-class' } },
    };
    putCluster(harness.simulator, 'other', 'demo', 1);
    await harness.kube.create('clusters', cluster);
    for (const detail_level of ['concise', 'detailed']) {
      await vi.waitFor(async () => {
        const { text, structured } = await get({ name: 'stuck', detail_level });
        expect(structured.notes.join(), text).toContain('no-such-class');
        expect(text).not.toContain('system identifier');
      });
    }
  });
});
