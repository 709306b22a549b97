/** The twelve tools on a real cluster, over both transports. What is true is read from PostgreSQL and Kubernetes. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  deleteNamespace,
  getObject,
  kubectl,
  logIn,
  makeNamespace,
  names,
  psql,
  streamingReplicas,
  until,
} from './support/kubernetes.ts';
import { type RunningServer, startServer, transports } from './support/server.ts';

describe.each(transports)('a PostgreSQL cluster from creation to deletion, over %s', (transport) => {
  let server: RunningServer;
  let namespace: string;
  const name = 'orders';
  const at = (args: Record<string, unknown> = {}) => ({ ...args, namespace });
  const ofCluster = (args: Record<string, unknown> = {}) => at({ cluster_name: name, ...args });

  beforeAll(async () => {
    namespace = await makeNamespace(`e2e-life-${transport}`);
    server = await startServer(transport);
  });
  afterAll(async () => {
    await server?.stop();
    if (namespace) await deleteNamespace(namespace);
  });

  it('lists an empty namespace as empty, names it, and calls a missing one an error', async () => {
    const empty = await server.call('list_postgres_clusters', at());
    expect(empty).toMatchObject({ isError: false, structured: { count: 0, clusters: [] } });
    expect(empty.text).toContain(namespace);
    expect(empty.text).not.toMatch(/cluster-wide|all namespaces/i);
    const missing = await server.call('list_postgres_clusters', { namespace: 'no-such-namespace' });
    expect(missing).toMatchObject({ isError: true, structured: { error: { code: 'namespace_not_found' } } });
    expect(missing.text).toContain('no-such-namespace');
  });

  it('shows a creation without making it', async () => {
    const before = await counts(namespace);
    const answer = await server.call(
      'create_postgres_cluster',
      at({ ...createArguments(name), dry_run: true }),
    );
    expect(answer).toMatchObject({ isError: false, structured: { state: 'dry_run' } });
    expect(answer.text).toContain('kind: Cluster');
    expect(answer.text).toMatch(/The API server fills in \d+ defaults \(.+\)\./);
    expect(answer.structured.creations, answer.text).toMatchObject([{ changed: [] }]);
    expect(await counts(namespace)).toEqual(before);
  });

  it.each([
    [{ max_conections: '50' }, 'did you mean max_connections?'],
    [{ work_mem: 'banana' }, 'does not start with work_mem "banana"'],
    [{ port: '5433' }, 'The operator sets this itself'],
  ])('refuses the parameters %j, with which there would be no cluster', async (parameters, why) => {
    const before = await counts(namespace);
    const answer = await server.call(
      'create_postgres_cluster',
      at({ ...createArguments('never'), parameters }),
    );
    expect(answer.isError, answer.text).toBe(true);
    expect(answer.text).toContain(why);
    expect(await counts(namespace)).toEqual(before);
  });

  it('creates a cluster and waits until it is healthy, with progress', async () => {
    const seen: string[] = [];
    const answer = await server.call(
      'create_postgres_cluster',
      at({ ...createArguments(name), wait: true, timeout: 300 }),
      {
        onprogress: (message) => seen.push(message),
      },
    );
    expect(answer, answer.text).toMatchObject({ isError: false, structured: { state: 'done' } });
    expect(seen.length).toBeGreaterThan(1);
    expect(await psql(namespace, name, 'show max_connections')).toBe('50');
    expect(await psql(namespace, name, "select datname from pg_database where datname = 'shop'")).toBe(
      'shop',
    );
    expect((await getObject('cluster', name, namespace)).status.phase).toBe('Cluster in healthy state');
  });

  it('refuses to create it again', async () => {
    const answer = await server.call('create_postgres_cluster', at(createArguments(name)));
    expect(answer.isError).toBe(true);
    expect(answer.text).toContain('exists');
  });

  it('tells its status, and lists it in its namespace and among all', async () => {
    const status = await server.call('get_cluster_status', at({ name, detail_level: 'detailed' }));
    expect(status.structured).toMatchObject({
      name,
      namespace,
      instances: 1,
      ready_instances: 1,
      current_primary: `${name}-1`,
    });
    for (const args of [at(), { all_namespaces: true }]) {
      const list = await server.call('list_postgres_clusters', args);
      const listed = list.structured.clusters.find(
        (item: { namespace: string; name: string }) => item.namespace === namespace,
      );
      expect(listed).toMatchObject({ name, instances: 1, ready_instances: 1 });
    }
  });

  it('shows a new role without making it', async () => {
    const before = await fingerprint(namespace, name);
    const answer = await server.call(
      'create_postgres_role',
      ofCluster({ role_name: 'app_user', dry_run: true }),
    );
    expect(answer, answer.text).toMatchObject({ isError: false, structured: { state: 'dry_run' } });
    expect(await fingerprint(namespace, name)).toEqual(before);
  });

  it('creates a role that can log in with the password of its Secret', async () => {
    const answer = await server.call(
      'create_postgres_role',
      ofCluster({ role_name: 'app_user', createdb: true, wait: true, timeout: 180 }),
    );
    expect(answer, answer.text).toMatchObject({ isError: false, structured: { state: 'done' } });
    const secret = await roleSecret(namespace, name, 'app_user');
    expect(await logIn(namespace, name, secret)).toBe('app_user');
    expect(
      await psql(namespace, name, "select rolcreatedb, rolsuper from pg_roles where rolname = 'app_user'"),
    ).toBe('t|f');
    const password = await passwordOf(namespace, secret);
    expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(answer.text).not.toContain(password);
    expect(JSON.stringify(answer.structured)).not.toContain(password);
    expect(server.log()).not.toContain(password);
  });

  it.each(['postgres', 'streaming_replica', 'pg_read_all_data', 'cnpg_pooler_pgbouncer'])(
    'refuses the reserved role %s before anything is written',
    async (role) => {
      const before = await fingerprint(namespace, name);
      const answer = await server.call('create_postgres_role', ofCluster({ role_name: role }));
      expect(answer.isError).toBe(true);
      expect(answer.text).toContain('reserved');
      expect(await fingerprint(namespace, name)).toEqual(before);
    },
  );

  it('changes one role only, and resets its password', async () => {
    await server.call('create_postgres_role', ofCluster({ role_name: 'second', wait: true, timeout: 180 }));
    const secret = await roleSecret(namespace, name, 'app_user');
    const old = await passwordOf(namespace, secret);
    const answer = await server.call(
      'update_postgres_role',
      ofCluster({
        role_name: 'app_user',
        createdb: false,
        in_roles: ['second'],
        reset_password: true,
        wait: true,
        timeout: 180,
      }),
    );
    expect(answer, answer.text).toMatchObject({ isError: false, structured: { state: 'done' } });
    expect(await passwordOf(namespace, secret)).not.toBe(old);
    await until(
      'the new password is accepted',
      60,
      async () => (await logIn(namespace, name, secret)) === 'app_user',
    );
    const membership =
      "select r.rolcreatedb, g.rolname from pg_roles r join pg_auth_members m on m.member = r.oid join pg_roles g on g.oid = m.roleid where r.rolname = 'app_user'";
    expect(await psql(namespace, name, membership)).toBe('f|second');
    expect(await psql(namespace, name, "select rolcanlogin from pg_roles where rolname = 'second'")).toBe(
      't',
    );
  });

  it('lists the roles with what the operator says of them', async () => {
    const answer = await server.call('list_postgres_roles', ofCluster({ format: 'json' }));
    expect(answer.structured.roles.map(({ name: role }: { name: string }) => role).sort()).toEqual([
      'app_user',
      'second',
    ]);
    expect(JSON.parse(answer.text)).toEqual(answer.structured);
  });

  it('creates databases, one to keep and one to drop', async () => {
    for (const [database, policy] of [
      ['kept_db', 'retain'],
      ['dropped_db', 'delete'],
    ] as const) {
      const answer = await server.call(
        'create_postgres_database',
        ofCluster({
          database_name: database,
          owner: 'app_user',
          reclaim_policy: policy,
          wait: true,
          timeout: 120,
        }),
      );
      expect(answer, answer.text).toMatchObject({ isError: false, structured: { state: 'done' } });
    }
    expect(await databases(namespace, name)).toEqual(['dropped_db', 'kept_db', 'shop']);
    const list = await server.call('list_postgres_databases', ofCluster());
    expect(
      list.structured.databases.map((item: { database_name: string }) => item.database_name).sort(),
    ).toEqual(['dropped_db', 'kept_db']);
  });

  it('warns of an owner that does not exist, and reports what PostgreSQL says', async () => {
    const answer = await server.call(
      'create_postgres_database',
      ofCluster({ database_name: 'orphan', owner: 'nobody_here', wait: true, timeout: 60 }),
    );
    expect(answer.text).toContain('nobody_here');
    expect(answer.structured.state ?? 'error').not.toBe('done');
    expect(await databases(namespace, name)).not.toContain('orphan');
    await server.call('delete_postgres_database', ofCluster({ database_name: 'orphan' }));
  });

  it('refuses to drop the owner of databases that are managed here, with the error that PostgreSQL has for it', async () => {
    const before = await fingerprint(namespace, name);
    const answer = await server.call('delete_postgres_role', ofCluster({ role_name: 'app_user' }));
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'refused' } } });
    expect(answer.text).toContain('2BP01');
    expect(await fingerprint(namespace, name)).toEqual(before);
  });

  it('says which error PostgreSQL gave when the role owns objects, and goes on from there when it no longer does', async () => {
    await psql(namespace, name, 'create table owned (); alter table owned owner to second', 'shop');
    const answer = await server.confirmed('delete_postgres_role', ofCluster({ role_name: 'second' }));
    expect(answer).toMatchObject({ isError: true, structured: { state: 'failed' } });
    expect(answer.text).toContain('2BP01');
    expect(await psql(namespace, name, "select count(*) from pg_roles where rolname = 'second'")).toBe('1');
    expect(await getObject('secret', await roleSecret(namespace, name, 'second'), namespace)).toBeDefined();
    await psql(namespace, name, 'drop table owned', 'shop');
  });

  it('deletes a database with retain from Kubernetes only, and with delete from PostgreSQL too', async () => {
    const kept = await server.call('delete_postgres_database', ofCluster({ database_name: 'kept_db' }));
    expect(kept, kept.text).toMatchObject({ isError: false });
    const dropped = await server.confirmed(
      'delete_postgres_database',
      ofCluster({ database_name: 'dropped_db' }),
    );
    expect(dropped, dropped.text).toMatchObject({ isError: false, structured: { state: 'done' } });
    expect(await databases(namespace, name)).toEqual(['kept_db', 'shop']);
    expect(await names('database', namespace)).toEqual([]);
  });

  it('drops a role, its entry and its Secret once nothing depends on it', async () => {
    const secret = await roleSecret(namespace, name, 'second');
    const answer = await server.confirmed('delete_postgres_role', ofCluster({ role_name: 'second' }));
    expect(answer, answer.text).toMatchObject({ isError: false, structured: { state: 'done' } });
    expect(await psql(namespace, name, "select count(*) from pg_roles where rolname = 'second'")).toBe('0');
    expect(await getObject('secret', secret, namespace)).toBeUndefined();
    const roles = (await getObject('cluster', name, namespace)).spec.managed?.roles ?? [];
    expect(roles.map(({ name: role }: { name: string }) => role)).not.toContain('second');
  });

  // The whole scaling is shown once; over stdio the cluster keeps to one instance.
  if (transport === 'http') {
    it('scales 1 to 3 to 2, and ends with that many streaming replicas', async () => {
      const up = await server.call(
        'scale_postgres_cluster',
        at({ name, instances: 3, wait: true, timeout: 400 }),
      );
      expect(up, up.text).toMatchObject({ isError: false, structured: { state: 'done' } });
      expect(await streamingReplicas(namespace, name)).toBe(2);
      const down = await server.call(
        'scale_postgres_cluster',
        at({ name, instances: 2, wait: true, timeout: 200 }),
      );
      expect(down, down.text).toMatchObject({ isError: false, structured: { state: 'done' } });
      expect(down.text).toContain(`${name}-3`);
      await until('one replica streams', 60, async () => (await streamingReplicas(namespace, name)) === 1);
      await until(
        'the volume is gone',
        60,
        async () => !(await names('pvc', namespace)).includes(`${name}-3`),
      );
    });
  }

  it('refuses to scale beyond the bounds, and changes nothing', async () => {
    const before = await fingerprint(namespace, name);
    for (const instances of [0, -1, 11, 1.5, '3']) {
      expect(
        (await server.call('scale_postgres_cluster', at({ name, instances }))).isError,
        String(instances),
      ).toBe(true);
    }
    expect(await fingerprint(namespace, name)).toEqual(before);
  });

  it('deletes nothing without, and with a wrong or used confirmation', async () => {
    const before = await getObject('cluster', name, namespace);
    const plan = await server.call('delete_postgres_cluster', at({ name }));
    expect(plan).toMatchObject({ isError: false, structured: { state: 'confirmation_required' } });
    expect(plan.text).toMatch(/no completed backup|never|no backup/i);
    const { confirm_token: token } = plan.structured.confirmation;
    const attempts = [
      { confirm_deletion: true },
      { confirm_deletion: true, confirm_name: name },
      { confirm_deletion: true, confirm_name: 'other', confirm_token: token },
      { confirm_deletion: false, confirm_name: name, confirm_token: token },
      { confirm_deletion: true, confirm_name: name, confirm_token: `${token.slice(0, -4)}AAAA` },
      { confirm_deletion: true, confirm_name: name, confirm_token: 'made-up' },
    ];
    for (const attempt of attempts) await server.call('delete_postgres_cluster', at({ name, ...attempt }));
    const after = await getObject('cluster', name, namespace);
    expect(after.metadata.deletionTimestamp).toBeUndefined();
    expect(after.metadata.uid).toBe(before.metadata.uid);
  });

  it('deletes the cluster with its volumes and its own Secrets, and leaves other Secrets alone', async () => {
    await kubectl('create', 'secret', 'generic', 'not-ours', '-n', namespace, '--from-literal=password=x');
    await kubectl('label', 'secret', 'not-ours', '-n', namespace, `cnpg.io/cluster=${name}`);
    const secret = await roleSecret(namespace, name, 'app_user');
    const answer = await server.confirmed('delete_postgres_cluster', at({ name }));
    expect(answer, answer.text).toMatchObject({ isError: false });
    await until(
      'the cluster is gone',
      120,
      async () => (await getObject('cluster', name, namespace)) === undefined,
    );
    await until('the volumes are gone', 120, async () => (await names('pvc', namespace)).length === 0);
    expect(await getObject('secret', secret, namespace)).toBeUndefined();
    expect(await getObject('secret', 'not-ours', namespace)).toBeDefined();
  });
});

function createArguments(name: string): Record<string, unknown> {
  const { postgresImages, storageClass } = inject('cluster');
  const [version] = Object.keys(postgresImages).sort((a, b) => Number(b) - Number(a));
  return {
    name,
    instances: 1,
    storage_size: '400Mi',
    storage_class: storageClass,
    postgres_version: version,
    database: 'shop',
    owner: 'shop',
    parameters: { max_connections: '50', shared_buffers: '64MB' },
  };
}

/** What a dry run must leave as it was: the version of the Cluster and how many objects there are. */
async function fingerprint(namespace: string, name: string): Promise<unknown> {
  const { metadata, spec } = await getObject('cluster', name, namespace);
  return {
    generation: metadata.generation,
    roles: spec.managed?.roles,
    instances: spec.instances,
    ...(await counts(namespace)),
  };
}

async function counts(namespace: string): Promise<Record<string, number>> {
  const kinds = ['clusters.postgresql.cnpg.io', 'databases.postgresql.cnpg.io', 'secrets', 'pvc'];
  return Object.fromEntries(
    await Promise.all(kinds.map(async (kind) => [kind, (await names(kind, namespace)).length])),
  );
}

async function roleSecret(namespace: string, cluster: string, role: string): Promise<string> {
  const { spec } = await getObject('cluster', cluster, namespace);
  const entry = spec.managed.roles.find((item: { name: string }) => item.name === role);
  return entry.passwordSecret.name;
}

async function passwordOf(namespace: string, secret: string): Promise<string> {
  return Buffer.from((await getObject('secret', secret, namespace)).data.password, 'base64').toString('utf8');
}

async function databases(namespace: string, cluster: string): Promise<string[]> {
  const rows = await psql(
    namespace,
    cluster,
    "select datname from pg_database where not datistemplate and datname <> 'postgres' order by 1",
  );
  return rows.split('\n');
}
