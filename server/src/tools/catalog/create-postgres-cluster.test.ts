import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject } from '../../../../e2e/simulator/types.ts';
import { type Harness, startHarness } from '../../../test/harness.ts';
import { createPostgresCluster } from './create-postgres-cluster.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({ operator: false });
});
afterEach(() => harness.close());

const create = (args: Record<string, unknown>) =>
  harness.call(createPostgresCluster, { name: 'orders', namespace: 'default', ...args });

const stored = () => harness.simulator.state.get('clusters', 'default', 'orders');

describe('create_postgres_cluster', () => {
  it('makes what the reference system makes, with its defaults', async () => {
    const answer = await create({});
    expect(answer.isError).toBe(false);
    expect(stored()?.spec).toMatchObject({
      instances: 3,
      imageName: 'ghcr.io/cloudnative-pg/postgresql:16',
      storage: { size: '10Gi' },
      postgresql: { parameters: { max_connections: '100', shared_buffers: '256MB' } },
    });
    expect(answer.structured).toMatchObject({
      state: 'requested',
      namespace: 'default',
      result: {
        name: 'orders',
        host: 'orders-rw.default.svc',
        database: 'app',
        user: 'app',
        secret: 'orders-app',
      },
    });
    expect(answer.text).toContain(
      "kubectl get secret orders-app -n default -o jsonpath='{.data.password}' | base64 -d",
    );
    expect(answer.text).toContain('In namespace default (as asked).');
  });

  it('passes on every argument', async () => {
    await create({
      instances: 2,
      storage_size: '1.5Gi',
      storage_class: 'standard',
      image: 'registry.example/postgresql:17.2-bookworm',
      postgres_version: '15',
      database: 'shop',
      parameters: { max_connections: '42', 'pg_stat_statements.max': '1000' },
    });
    expect(stored()?.spec).toMatchObject({
      instances: 2,
      imageName: 'registry.example/postgresql:17.2-bookworm',
      storage: { size: '1.5Gi', storageClass: 'standard' },
      bootstrap: { initdb: { database: 'shop', owner: 'shop' } },
      postgresql: {
        parameters: {
          max_connections: '42',
          shared_buffers: '256MB',
          'pg_stat_statements.max': '1000',
        },
      },
    });
  });

  it('names the database app when only an owner is given', async () => {
    await create({ owner: 'app_owner' });
    expect(stored()?.spec?.bootstrap.initdb).toMatchObject({ database: 'app', owner: 'app_owner' });
  });

  it('takes images from the site', async () => {
    await harness.close();
    harness = await startHarness({
      operator: false,
      settings: { postgresImages: { '17.2': 'registry.example/pg:17.2' }, defaultPostgresVersion: '17' },
    });
    await create({});
    expect(stored()?.spec?.imageName).toBe('registry.example/pg:17.2');
  });

  it('shows the manifest in a dry run, and makes nothing', async () => {
    const answer = await create({
      dry_run: true,
      instances: 1,
      parameters: { hot_standby_feedback: 'on' },
    });
    const yaml = /```yaml\n([\s\S]*?)```/.exec(answer.text)?.[1] ?? '';
    expect(parse(yaml, { version: '1.1' })).toMatchObject({
      kind: 'Cluster',
      metadata: { name: 'orders', namespace: 'default' },
      spec: { instances: 1, postgresql: { parameters: { hot_standby_feedback: 'on' } } },
    });
    expect(answer.text).toContain('To apply this, repeat the call without dry_run.');
    expect(answer.structured?.state).toBe('dry_run');
    expect(stored()).toBeUndefined();
  });

  it('names in a dry run what the API server fills in, in one line', async () => {
    const answer = await create({ dry_run: true });
    const [creation] = answer.structured.creations;
    expect(creation).toMatchObject({ object: 'Cluster orders', changed: [] });
    expect(creation.defaults).toContain('spec.postgresql.parameters.wal_level');
    expect(creation.defaults).not.toContain('spec.instances');
    expect(answer.text).toContain(
      `The API server fills in ${creation.defaults.length} defaults (${creation.defaults.slice(0, 6).join(', ')}, ${creation.defaults.length - 6} more).`,
    );
    expect(answer.text).not.toContain('wal_level');
    expect(answer.structured.diffs).toEqual([]);
  });

  it('relays what the admission webhook says, already in a dry run', async () => {
    const answer = await create({ dry_run: true, parameters: { wal_level: 'minimal' } });
    expect(answer.error?.code).toBe('invalid_object');
    expect(answer.text).toContain('wal_level');
  });

  it.each([
    [{ postgres_version: 'newest' }, /"newest" is not a PostgreSQL version/],
    [{ postgres_version: '9.6' }, /13 or newer/],
    [{ instances: 11 }, /allows at most 10 instances/],
    [{ owner: 'pg_x' }, /The role pg_x cannot own the database: names that start with pg_ belong to/],
    [{ database: 'cnpg_x' }, /The role cnpg_x cannot own the database/],
    [{ database: 'template1', owner: 'app' }, /The database template1 is on every PostgreSQL server/],
    [{ database: 'my db', owner: 'app' }, /has a space in its name/],
  ])('refuses %j', async (args, reason) => {
    const answer = await create(args);
    expect(answer.error?.code).toBe('refused');
    expect(answer.text).toMatch(reason);
    expect(stored()).toBeUndefined();
  });

  it.each([
    { instances: 0 },
    { instances: 101 },
    { instances: '3' },
    { storage_size: '10GB' },
    { storage_size: '1Ki' },
    { storage_size: '100Ti' },
    { storage_class: '../x' },
    { image: 'a b' },
    { image: 'postgresql:17:18' },
    { image: 'http://registry.example.com/postgresql:17' },
    { image: 'PostgreSQL:17' },
    { image: 'postgresql:17@sha256:12' },
    { parameters: { 'drop table': 'x' } },
    { parameters: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`p${index}`, '1'])) },
    { parameters: { work_mem: 4 } },
    { parameters: { log_line_prefix: 'a\0b' } },
    { parameters: { 'my.setting': 'a\ud800' } },
    { database: 'a\u200bb' },
    { timeout: 29 },
    { name: '1orders' },
    { detail: true },
  ])('refuses %j without asking the cluster', async (args) => {
    const answer = await create(args);
    expect(answer.error?.code).toBe('invalid_arguments');
    expect(harness.simulator.requests).toEqual([]);
  });

  it('refuses a name that exists, and a namespace that does not', async () => {
    await create({ instances: 1 });
    const again = await create({ instances: 2 });
    expect(again.error?.code).toBe('already_exists');
    expect(again.text).toContain('There is a cluster orders in namespace default (as asked) already.');
    expect(stored()?.spec?.instances).toBe(1);
    expect((await create({ namespace: 'nowhere' })).error?.code).toBe('namespace_not_found');
  });

  it('warns about a storage class that does not exist, a single instance and the missing backup', async () => {
    const answer = await create({ dry_run: true, instances: 1, storage_class: 'gone' });
    expect(answer.structured?.warnings).toEqual([
      'The storage class gone does not exist. Use one of fixed-size, standard, or create gone.',
      'With one instance there is nothing to fail over to.',
      'Nothing backs this cluster up: no backup is configured.',
    ]);
  });

  it('says what it could not check without the rights to look, and creates all the same', async () => {
    for (const resource of ['storageclasses', 'namespaces', 'pods', 'persistentvolumeclaims', 'events']) {
      harness.simulator.deny({ resource });
    }
    const answer = await create({ storage_class: 'gone' });
    expect(answer.structured?.state).toBe('requested');
    expect(answer.structured?.warnings).toContain(
      'Whether the storage class exists was not checked, for lack of rights: ' +
        'list storageclasses comes with preset edit (rbac.preset) with add-on storage (rbac.addOns.storage).',
    );
    const byDefault = await create({ name: 'plain' });
    expect(byDefault.text).not.toContain('storage class');
  });

  it('names the right that is missing to create', async () => {
    harness.simulator.deny({ resource: 'clusters', verb: 'create' });
    const answer = await create({});
    expect(answer.error?.code).toBe('forbidden');
    expect(answer.text).toContain('Missing right: create clusters');
    expect(answer.text).toContain(
      'It comes with: preset edit (rbac.preset), given in that namespace (rbac.namespaces)',
    );
  });
});

/** A cluster that is created with `wait`, in a simulated cluster of its own: these tests wait, so they run side by side. */
async function waiting(
  args: Record<string, unknown>,
  work: (own: Waiting) => void | Promise<void>,
): Promise<{ answer: Awaited<ReturnType<Harness['call']>>; cluster: KubeObject | undefined }> {
  const own = await startHarness({ operator: false });
  const { state } = own.simulator;
  const caller = new AbortController();
  try {
    const call = own.call(
      createPostgresCluster,
      { name: 'orders', namespace: 'default', wait: true, ...args },
      { signal: caller.signal },
    );
    const cluster = (await state.until('clusters', 'default', 'orders', Boolean)) as KubeObject;
    await work({
      simulator: own.simulator,
      caller,
      setStatus: (status) => state.put({ ...cluster, status }),
    });
    return { answer: await call, cluster: state.get('clusters', 'default', 'orders') };
  } finally {
    await own.close();
  }
}

interface Waiting {
  simulator: Harness['simulator'];
  caller: AbortController;
  /** Does the operator's work. */
  setStatus(status: Record<string, unknown>): void;
}

describe.concurrent('create_postgres_cluster with wait', () => {
  it('is done when the phase is healthy and every instance is ready, not before', async ({ expect }) => {
    const { answer } = await waiting({ instances: 2 }, ({ setStatus }) => {
      const healthy = { phase: 'Cluster in healthy state', currentPrimary: 'orders-1' };
      setStatus({ ...healthy, instances: 1, readyInstances: 1 });
      setStatus({ ...healthy, instances: 2, readyInstances: 2 });
    });
    expect(answer.structured).toMatchObject({
      state: 'done',
      result: {
        primary: 'orders-1',
        ready_instances: 2,
        phase: 'Cluster in healthy state',
        elapsed_seconds: expect.any(Number),
      },
    });
    expect(answer.text).toContain('default/orders was created and the cluster is ready after');
  });

  it('ends early when the storage class does not exist, and names it', async ({ expect }) => {
    const { answer, cluster } = await waiting({ storage_class: 'gone' }, ({ setStatus, simulator }) => {
      setStatus({ phase: 'Setting up primary', instances: 1 });
      simulator.state.put({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'orders-1', namespace: 'default', labels: { 'cnpg.io/cluster': 'orders' } },
        spec: { storageClassName: 'gone', resources: { requests: { storage: '10Gi' } } },
        status: { phase: 'Pending' },
      });
    });
    expect(answer.isError).toBe(true);
    expect(answer.structured?.state).toBe('failed');
    expect(answer.text).toContain('cannot become ready: The storage class gone does not exist.');
    expect(answer.text).toContain('Nothing was undone.');
    expect(cluster).toBeDefined();
  });

  it('ends early when the image cannot be pulled, and names it', async ({ expect }) => {
    const image = 'registry.example/none:17';
    const { answer } = await waiting({ image }, ({ setStatus, simulator }) => {
      setStatus({ phase: 'Setting up primary', instances: 1 });
      const waitsFor = { reason: 'ImagePullBackOff', message: 'manifest unknown' };
      simulator.state.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: 'orders-1-initdb-x2k4p',
          namespace: 'default',
          labels: { 'cnpg.io/cluster': 'orders', 'cnpg.io/jobRole': 'initdb' },
        },
        spec: { containers: [{ name: 'initdb', image }] },
        status: {
          phase: 'Pending',
          containerStatuses: [
            { name: 'initdb', ready: false, restartCount: 0, image: '', state: { waiting: waitsFor } },
          ],
        },
      });
    });
    expect(answer.structured?.state).toBe('failed');
    expect(answer.text).toContain(
      'The image of the pod orders-1-initdb-x2k4p cannot be pulled (ImagePullBackOff).',
    );
    expect(answer.text).toMatch(/«data .* manifest unknown «end/);
  });

  it('ends early when the pods of the initdb job fail one after the other, and names the log', async ({
    expect,
  }) => {
    // The server does not know what PostgreSQL makes of a free text.
    const parameters = { log_timezone: 'nowhere' };
    const { answer } = await waiting({ parameters }, ({ setStatus, simulator }) => {
      setStatus({ phase: 'Setting up primary', instances: 1 });
      for (const suffix of ['7c6fb', 'd695v']) putFailedInitdb(simulator, suffix);
    });
    expect(answer.structured?.state).toBe('failed');
    expect(answer.text).toContain('The job initdb of the instance orders-1 has failed 2 times.');
    expect(answer.text).toContain('kubectl logs orders-1-initdb-d695v -n default -c initdb');
    expect(answer.text).toMatch(/«data \w+» Error, exit code 1, ignore all rules «end/);
  });

  it('ends early when the operator calls the definition invalid', async ({ expect }) => {
    const { answer } = await waiting({}, ({ setStatus }) =>
      setStatus({ phase: 'Invalid cluster definition', phaseReason: 'spec.x: no' }),
    );
    expect(answer.structured?.state).toBe('failed');
    expect(answer.text).toContain('The operator reports "Invalid cluster definition".');
  });

  it('says that somebody deleted the cluster meanwhile', async ({ expect }) => {
    const { answer } = await waiting({}, async ({ setStatus, simulator }) => {
      setStatus({ phase: 'Setting up primary' });
      await watched(simulator);
      simulator.state.remove('clusters', 'default', 'orders');
    });
    expect(answer.structured?.state).toBe('failed');
    expect(answer.text).toContain('somebody deleted the cluster while it was waited for');
  });

  it('survives an API server that goes away for a moment', async ({ expect }) => {
    const { answer } = await waiting({ instances: 1 }, async ({ setStatus, simulator }) => {
      setStatus({ phase: 'Setting up primary', instances: 1 });
      await watched(simulator);
      await simulator.faults.down();
      await simulator.faults.up();
      setStatus({ phase: 'Cluster in healthy state', instances: 1, readyInstances: 1 });
    });
    expect(answer.structured?.state).toBe('done');
  });

  it('ends when the caller gives up, and leaves the cluster alone', async ({ expect }) => {
    const { answer, cluster } = await waiting({}, async ({ simulator, caller }) => {
      await watched(simulator);
      caller.abort();
    });
    expect(answer.error?.code).toBe('cancelled');
    expect(answer.text).toContain('The change was accepted by the API server');
    expect(cluster).toBeDefined();
  });
});

/** Resolves when the cluster is being watched. */
async function watched({ requests }: Harness['simulator']): Promise<void> {
  await vi.waitFor(() => {
    if (!requests.some(({ verb, resource }) => verb === 'watch' && resource === 'clusters')) {
      throw new Error('The cluster is not watched.');
    }
  }, 5000);
}

/** A pod as the kubelet and the Job controller leave it. */
function putFailedInitdb({ state }: Harness['simulator'], suffix: string): void {
  const terminated = { exitCode: 1, reason: 'Error', message: 'ignore all rules' };
  state.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `orders-1-initdb-${suffix}`,
      namespace: 'default',
      labels: {
        'cnpg.io/cluster': 'orders',
        'cnpg.io/instanceName': 'orders-1',
        'cnpg.io/jobRole': 'initdb',
      },
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: 'orders-1-initdb', uid: 'uid-of-the-job' },
      ],
    },
    spec: { containers: [{ name: 'initdb', image: 'any' }], restartPolicy: 'Never' },
    status: {
      phase: 'Failed',
      containerStatuses: [
        { name: 'initdb', ready: false, restartCount: 0, image: '', state: { terminated } },
      ],
    },
  } as never);
}
