import { describe, expect, it, vi } from 'vitest';
import { ordersRoles } from '../../../test/orders-roles.ts';
import {
  demo,
  managedRoles,
  orders,
  passwordIn,
  primaryNotReady,
  putDatabaseRole,
  writes,
} from '../../../test/running-cluster.ts';
import { createPostgresRole } from './create-postgres-role.ts';

const roles = ordersRoles();
const { create, createUntilSecret, secret, inPostgres } = roles;

describe('create_postgres_role', () => {
  it('makes the role in PostgreSQL, with a generated password that is only in its Secret', async () => {
    const answer = await create('clerk', { createdb: true });
    expect(answer.structured).toMatchObject({
      state: 'done',
      result: {
        name: 'clerk',
        login: true,
        createdb: true,
        superuser: false,
        defined_in: 'spec.managed.roles',
      },
    });
    const name = 'cnpg-orders-user-clerk';
    expect(inPostgres('clerk')).toMatchObject({
      attributes: { login: true, createdb: true, inherit: true },
      passwordVersion: secret('clerk')?.metadata.resourceVersion,
    });
    const password = passwordIn(roles.harness, name);
    expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(JSON.stringify([answer, roles.harness.audits])).not.toContain(password);
    expect(answer.text).toContain(
      `kubectl get secret ${name} -n demo -o jsonpath='{.data.password}' | base64 -d`,
    );
    expect(answer.text).toContain('postgresql://clerk:<password>@orders-rw.demo.svc:5432/shop');
  });

  it('makes thirty roles at once, and none of the calls gets in the way of another', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `clerk${index}`);
    const answers = await Promise.all(names.map((role_name) => create(role_name, { timeout: 60 })));
    expect(answers.map(({ structured }) => structured?.state)).toEqual(names.map(() => 'done'));
    expect(managedRoles(roles.harness).map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    expect(managedRoles(roles.harness)).toHaveLength(30);
    const edits = roles.harness.simulator.requests.filter(
      ({ verb, resource }) => verb === 'patch' && resource === 'clusters',
    );
    // Two each; some more for conflicts with the operator, which writes the status meanwhile.
    expect(edits.length).toBeLessThan(90);
  });

  it('marks the Secret as its own, for this very cluster, and makes the operator watch it', async () => {
    await create('clerk');
    expect(secret('clerk')).toMatchObject({
      type: 'kubernetes.io/basic-auth',
      metadata: {
        labels: {
          'app.kubernetes.io/name': 'cnpg',
          'app.kubernetes.io/managed-by': 'cnpg-mcp',
          'cnpg.io/cluster': 'orders',
          'cnpg.io/role': 'clerk',
          'cnpg.io/reload': 'true',
        },
        annotations: { 'cnpg-mcp.io/owner-uid': orders(roles.harness).metadata.uid },
        ownerReferences: [
          {
            apiVersion: 'postgresql.cnpg.io/v1',
            kind: 'Cluster',
            name: 'orders',
            uid: orders(roles.harness).metadata.uid,
            controller: false,
            blockOwnerDeletion: false,
          },
        ],
      },
      data: { username: Buffer.from('clerk').toString('base64') },
    });
  });

  it('makes a DatabaseRole when the cluster uses those', async () => {
    await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
    const answer = await create('clerk', { in_roles: ['first', 'pg_monitor'] });
    expect(answer.structured).toMatchObject({
      state: 'done',
      result: { defined_in: 'DatabaseRole', crd_name: 'orders-clerk' },
    });
    expect(roles.harness.simulator.state.get('databaseroles', demo, 'orders-clerk')?.spec).toMatchObject({
      cluster: { name: 'orders' },
      name: 'clerk',
      inRoles: ['first', 'pg_monitor'],
      passwordSecret: { name: 'cnpg-orders-user-clerk' },
    });
    expect(managedRoles(roles.harness)).toEqual([]);
    expect(inPostgres('clerk')).toBeDefined();
  });

  it('finds a free object name when another cluster has taken the plain one', async () => {
    await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
    roles.harness.simulator.state.put({
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'DatabaseRole',
      metadata: { name: 'orders-clerk', namespace: demo },
      spec: { cluster: { name: 'else' }, name: 'x' },
    });
    const answer = await create('clerk');
    expect(answer.structured.result.crd_name).toBe('orders-role-clerk');
  });

  it.each(['app_user', 'App User', 'straße', 'a.b$c'])('makes a role named %s', async (role_name) => {
    const answer = await create(role_name);
    expect(answer.structured.state).toBe('done');
    expect(managedRoles(roles.harness)).toMatchObject([{ name: role_name }]);
    expect(inPostgres(role_name)).toBeDefined();
  });

  it('asks the operator again when it has made the role and does not say so', async () => {
    roles.harness.simulator.postgres.keepPending(demo, 'orders', 'clerk');
    const answer = await create('clerk');
    expect(answer.structured.state, answer.text).toBe('done');
    expect(answer.text).toMatch(/annotate the Cluster, which makes it look again. \(done\)/);
  });

  it('says "requested" when it did not wait, and when the time was too short', async () => {
    expect((await create('clerk', { wait: false })).structured.state).toBe('requested');
    const { answering } = await createUntilSecret('late', { timeout: 1 });
    await primaryNotReady(roles.harness);
    const answer = await answering;
    expect(answer.isError).toBe(false);
    expect(answer.structured.state).toBe('requested');
    expect(answer.text).toMatch(/was not seen within \d s/);
    expect(answer.structured.steps.at(-1).status).toBe('not_seen');
    expect(answer.text).toContain('(nothing seen in this time; went on)');
  });

  it("warns of a membership in a role that is not known, fails with PostgreSQL's words, and gives the way on", async () => {
    const answer = await create('clerk', { in_roles: ['nosuch', 'shop', 'pg_monitor'] });
    expect(answer.isError).toBe(true);
    expect(answer.structured.warnings).toEqual([
      'No role nosuch is known for this cluster. Until it exists the operator cannot create clerk as a member of it: make it with create_postgres_role.',
    ]);
    expect(answer.text).toContain(
      'correct it with update_postgres_role, or remove it with delete_postgres_role',
    );
    expect(answer.text).toMatch(/«data \w+» .*role "nosuch" does not exist «end/);
  });

  it('warns loudly about superusers and replication', async () => {
    const answer = await create('boss', { superuser: true, replication: true, dry_run: true });
    expect(answer.structured.warnings.slice(0, 2)).toEqual([
      expect.stringContaining('SUPERUSER: boss may do everything'),
      expect.stringContaining('REPLICATION: boss may copy the whole server'),
    ]);
  });

  it('changes nothing in a dry run, and shows no password', async () => {
    const before = orders(roles.harness).spec;
    const answer = await create('clerk', { dry_run: true });
    expect(answer.structured.state).toBe('dry_run');
    expect(answer.text).toContain('password: (not shown)');
    expect(writes(roles.harness)).toEqual([]);
    expect(orders(roles.harness).spec).toEqual(before);
    expect(secret('clerk')).toBeUndefined();
  });

  it.each([
    ['postgres', 'refused'],
    ['pg_mine', 'refused'],
    ['none', 'refused'],
    ['public', 'refused'],
    ['cnpg_mine', 'refused'],
    ['shop', 'already_exists'],
  ])('refuses the name %s before anything is written', async (role_name, code) => {
    const answer = await create(role_name);
    expect(answer.structured.error.code).toBe(code);
    expect(writes(roles.harness)).toEqual([]);
  });

  it('refuses a role that exists in either place', async () => {
    await create('inline');
    await putDatabaseRole(roles.harness, 'any-name', { name: 'object' });
    roles.harness.simulator.clearRequests();
    expect((await create('inline')).text).toContain('in spec.managed.roles');
    expect((await create('object')).text).toContain('in DatabaseRole any-name');
    expect(writes(roles.harness)).toEqual([]);
  });

  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'says of a role in %s that an earlier call may still be under way, as long as it is not applied',
    async (place) => {
      if (place === 'DatabaseRole') await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
      const { answering } = await createUntilSecret('clerk', { wait: false });
      await primaryNotReady(roles.harness);
      expect((await answering).structured.state).toBe('requested');
      const repeated = (await create('clerk')).structured.error;
      expect(repeated).toMatchObject({
        code: 'already_exists',
        message: expect.stringContaining('but the operator has not applied it'),
        hint: expect.stringContaining('may still be under way'),
      });
      roles.harness.simulator.postgres.behave(demo, 'orders-1', {});
      await vi.waitFor(() => expect(inPostgres('clerk')).toBeDefined());
      await vi.waitFor(async () =>
        expect((await create('clerk')).structured.error.hint).toBe(
          'Change it with update_postgres_role, or choose another name.',
        ),
      );
    },
  );

  it('is written to the audit with the name of the role, and that of the cluster beside it', async () => {
    await create('clerk', { dry_run: true });
    await create('postgres');
    expect(roles.harness.audits).toMatchObject([
      { object: 'clerk', cluster: 'orders', outcome: 'dry_run' },
      { object: 'postgres', cluster: 'orders', outcome: 'refused' },
    ]);
  });

  it('never overwrites a Secret that is there', async () => {
    const theirs = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'cnpg-orders-user-clerk', namespace: demo },
      data: { password: 'dGhlaXJz' },
    };
    roles.harness.simulator.state.put(theirs);
    const answer = await create('clerk');
    expect(answer.structured.error).toMatchObject({
      code: 'already_exists',
      message: expect.stringContaining('Secret cnpg-orders-user-clerk'),
    });
    expect(passwordIn(roles.harness, 'cnpg-orders-user-clerk')).toBe('theirs');
    expect(managedRoles(roles.harness)).toEqual([]);
  });

  it('advises to remove a Secret only when an earlier role of this very cluster has left it', async () => {
    await create('clerk');
    const ours = secret('clerk');
    if (!ours) throw new Error('no Secret');
    const key = { name: 'orders', namespace: demo };
    const body = [{ op: 'remove' as const, path: '/spec/managed/roles/0' }];
    await roles.harness.kube.patch('clusters', key, { type: 'json', body });
    const hint = async () => (await create('clerk')).structured.error.hint;
    expect(await hint()).toContain('remove it with delete_postgres_role');
    const annotations = { ...ours.metadata.annotations, 'cnpg-mcp.io/owner-uid': 'another' };
    roles.harness.simulator.state.put({ ...ours, metadata: { ...ours.metadata, annotations } });
    expect(await hint()).toMatch(/may be in use. Choose another role name/);
    roles.harness.simulator.state.put({ ...ours, metadata: { ...ours.metadata, labels: {} } });
    expect(await hint()).toMatch(/did not make it. Choose another role name/);
  });

  it('does not overwrite a Secret that appears between plan and apply either', async () => {
    const { answering } = await createUntilSecret('clerk');
    roles.harness.simulator.state.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'cnpg-orders-user-clerk', namespace: demo },
      data: { password: 'dGhlaXJz' },
    });
    expect((await answering).structured.error.code).toBe('already_exists');
    expect(passwordIn(roles.harness, 'cnpg-orders-user-clerk')).toBe('theirs');
    expect(managedRoles(roles.harness)).toEqual([]);
  });

  it('removes the Secret again when the role cannot be added, and says what could not be taken back', async () => {
    const { answering } = await createUntilSecret('clerk');
    roles.harness.simulator.deny({ verb: 'patch', resource: 'clusters' });
    const answer = await answering;
    expect(answer.structured.error).toMatchObject({
      code: 'forbidden',
      missing_right: { verb: 'patch', resource: 'clusters', namespace: demo },
    });
    expect(answer.structured.steps.slice(0, 5).map(({ status }: { status: string }) => status)).toEqual([
      'done',
      'done',
      'undone',
      'failed',
      'not_done',
    ]);
    expect(secret('clerk')).toBeUndefined();
  });

  it('leaves nothing behind when the cluster is deleted between plan and apply', async () => {
    const { answering } = await createUntilSecret('clerk');
    roles.harness.simulator.state.remove('clusters', demo, 'orders');
    const answer = await answering;
    expect(answer.structured.error.code).toBe('not_found');
    expect(secret('clerk')).toBeUndefined();
  });

  it('loses no role when several are made at once', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const answers = await Promise.all(names.map((role_name) => create(role_name)));
    expect(answers.map(({ structured }) => structured.state)).toEqual(['done', 'done', 'done', 'done']);
    expect(managedRoles(roles.harness).map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    expect(managedRoles(roles.harness)).toHaveLength(4);
  });

  it('makes a role once when two ask for it at once', async () => {
    const answers = await Promise.all([create('clerk'), create('clerk')]);
    const codes = answers.map(({ structured }) => structured.error?.code ?? structured.state);
    expect(codes.sort()).toEqual(['already_exists', 'done']);
    expect(managedRoles(roles.harness)).toHaveLength(1);
    expect(secret('clerk')).toBeDefined();
  });

  it('names each right that is missing, and leaves nothing behind', async () => {
    for (const { verbs, resource, optional } of createPostgresRole.permissions) {
      for (const verb of verbs) {
        if (
          optional ||
          verb === 'delete' ||
          verb === 'watch' ||
          (resource === 'databaseroles' && verb === 'create')
        ) {
          continue;
        }
        roles.harness.simulator.deny({ verb, resource });
        const answer = await create('clerk');
        expect(answer.structured.error).toMatchObject({
          code: 'forbidden',
          missing_right: { verb, resource },
        });
        roles.harness.simulator.resetAccess();
      }
    }
    expect(managedRoles(roles.harness)).toEqual([]);
    expect(secret('clerk')).toBeUndefined();
  });

  it('works with an operator that has no DatabaseRole', async () => {
    await roles.restart({ operatorVersion: '1.28.0' });
    expect((await create('clerk')).structured.state).toBe('done');
    expect(roles.harness.simulator.requests.filter(({ resource }) => resource === 'databaseroles')).toEqual(
      [],
    );
  });

  it('refuses to write to a replica cluster', async () => {
    const cluster = orders(roles.harness);
    roles.harness.simulator.state.put({
      ...cluster,
      spec: { ...cluster.spec, replica: { enabled: true, source: 'main' } },
    });
    const answer = await create('clerk');
    expect(answer.structured.error).toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('source cluster'),
    });
    expect(writes(roles.harness)).toEqual([]);
  });
});
