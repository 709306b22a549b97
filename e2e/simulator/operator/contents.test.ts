import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { putHealthyCluster } from '../scenes.ts';
import { cnpg, core, object, patch, send, simulate } from '../test-client.ts';
import type { Fields, SimulatorOptions } from '../types.ts';

const path = `${cnpg('default')}/clusters/a`;

async function withCluster(options: SimulatorOptions = {}) {
  const simulator = await simulate({ operator: true, ...options });
  putHealthyCluster(simulator, { name: 'a', instances: 1 });
  return simulator;
}

const setRoles = (simulator: Simulator, roles: Fields[]) =>
  patch(simulator, path, { spec: { managed: { roles } } });
const untilRoles = async (simulator: Simulator, predicate: (status: Fields) => boolean) => {
  const found = await simulator.state.until('clusters', 'default', 'a', (each) =>
    predicate(each?.status?.managedRolesStatus ?? {}),
  );
  return found?.status?.managedRolesStatus as Fields;
};
const putPassword = (simulator: Simulator, name: string, username: string) =>
  send(simulator, 'POST', `${core('default')}/secrets`, {
    metadata: { name },
    type: 'kubernetes.io/basic-auth',
    stringData: { username, password: 'p' },
  });
const untilObject = (
  simulator: Simulator,
  resource: string,
  name: string,
  predicate: (status: Fields) => boolean,
) =>
  simulator.state.until(
    resource,
    'default',
    name,
    (found) => found !== undefined && predicate(found.status ?? {}),
  );

describe('managed roles', () => {
  it('are pending, then reconciled', async () => {
    const simulator = await withCluster();
    await setRoles(simulator, [{ name: 'reader', login: true }]);
    await untilRoles(simulator, ({ byStatus }) => byStatus?.['pending-reconciliation']?.includes('reader'));
    const status = await untilRoles(simulator, ({ byStatus }) => byStatus?.reconciled?.includes('reader'));
    expect(status.byStatus).toEqual({
      'not-managed': ['app'],
      reconciled: ['reader'],
      reserved: ['postgres', 'streaming_replica'],
    });
    expect(simulator.postgres.role('default', 'a', 'reader')?.attributes).toMatchObject({
      login: true,
      connectionLimit: -1,
    });
  });

  it('with a new Secret are forbidden it at first, then get the password', async () => {
    const simulator = await withCluster();
    await putPassword(simulator, 's', 'reader');
    await setRoles(simulator, [{ name: 'reader', passwordSecret: { name: 's' } }]);
    const first = await untilRoles(simulator, ({ cannotReconcile }) => cannotReconcile !== undefined);
    expect(first.cannotReconcile).toEqual({
      reader: [
        'failed to get password secret s: secrets "s" is forbidden: User "system:serviceaccount:default:a" cannot get resource "secrets" in API group "" in the namespace "default"',
      ],
    });
    const done = await untilRoles(simulator, ({ byStatus }) => byStatus?.reconciled?.includes('reader'));
    expect(done.cannotReconcile).toBeUndefined();
    const version = simulator.state.get('secrets', 'default', 's')?.metadata.resourceVersion;
    expect(done.passwordStatus.reader).toEqual({
      resourceVersion: version,
      transactionID: expect.any(Number),
    });
  });

  it('follow a changed password', async () => {
    const simulator = await withCluster();
    await putPassword(simulator, 's', 'reader');
    await setRoles(simulator, [{ name: 'reader', passwordSecret: { name: 's' } }]);
    const before = await untilRoles(simulator, ({ passwordStatus }) => passwordStatus?.reader !== undefined);
    await patch(simulator, `${core('default')}/secrets/s`, { stringData: { password: 'q' } });
    const version = simulator.state.get('secrets', 'default', 's')?.metadata.resourceVersion;
    const after = await untilRoles(
      simulator,
      ({ passwordStatus }) => passwordStatus?.reader?.resourceVersion === version,
    );
    expect(after.passwordStatus.reader.transactionID).toBeGreaterThan(
      before.passwordStatus.reader.transactionID,
    );
  });

  it.each([
    [
      'a Secret that is not there',
      { passwordSecret: { name: 'nope' } },
      'failed to get password secret nope: secrets "nope" not found',
    ],
    [
      'a Secret of another user',
      { passwordSecret: { name: 's' } },
      'the username in secret "s" does not match role "reader"',
    ],
    [
      'a parent role that is not there',
      { inRoles: ['nope'] },
      'could not perform UPDATE_MEMBERSHIPS on role reader: role "nope" does not exist',
    ],
  ])('cannot be reconciled with %s', async (_, role, message) => {
    const simulator = await withCluster();
    await putPassword(simulator, 's', 'somebody');
    await setRoles(simulator, [{ name: 'reader', ...role }]);
    await untilRoles(simulator, ({ cannotReconcile }) => cannotReconcile?.reader?.[0] === message);
    expect(simulator.postgres.roleExists('default', 'a', 'reader')).toBe(false);
  });

  it('that are to be absent are dropped', async () => {
    const simulator = await withCluster();
    await setRoles(simulator, [{ name: 'reader' }]);
    await untilRoles(simulator, ({ byStatus }) => byStatus?.reconciled?.includes('reader'));
    await setRoles(simulator, [{ name: 'reader', ensure: 'absent' }]);
    await simulator.state.until(
      'clusters',
      'default',
      'a',
      () => !simulator.postgres.roleExists('default', 'a', 'reader'),
    );
    await untilRoles(simulator, ({ byStatus }) => byStatus?.reconciled?.includes('reader'));
  });

  it('that own objects are not dropped', async () => {
    const simulator = await withCluster();
    await setRoles(simulator, [{ name: 'reader' }]);
    await untilRoles(simulator, ({ byStatus }) => byStatus?.reconciled?.includes('reader'));
    simulator.postgres.ownsObjects('default', 'a', 'reader');
    await setRoles(simulator, [{ name: 'reader', ensure: 'absent' }]);
    const status = await untilRoles(
      simulator,
      ({ cannotReconcile }) => cannotReconcile?.reader !== undefined,
    );
    expect(status.cannotReconcile.reader).toEqual([
      'could not perform DELETE on role reader: 1 object in database app',
    ]);
    expect(status.byStatus['pending-reconciliation']).toEqual(['reader']);
    expect(simulator.postgres.roleExists('default', 'a', 'reader')).toBe(true);
  });

  it('leave their old status behind when the list becomes empty', async () => {
    const simulator = await withCluster();
    await setRoles(simulator, [{ name: 'reader' }]);
    const before = await untilRoles(simulator, ({ byStatus }) => byStatus?.reconciled?.includes('reader'));
    await setRoles(simulator, []);
    await send(
      simulator,
      'POST',
      `${cnpg('default')}/databases`,
      object('Database', 'd', { cluster: { name: 'a' }, name: 'd', owner: 'app' }),
    );
    await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === true);
    expect(simulator.state.get('clusters', 'default', 'a')?.status?.managedRolesStatus).toEqual(before);
    expect(simulator.postgres.roleExists('default', 'a', 'reader')).toBe(true);
  });
});

describe('a DatabaseRole', () => {
  const roles = `${cnpg('default')}/databaseroles`;
  const create = (simulator: Simulator, name: string, spec: Fields = {}) =>
    send(
      simulator,
      'POST',
      roles,
      object('DatabaseRole', name, { cluster: { name: 'a' }, name: 'support', ...spec }),
    );

  it('is applied, and observed', async () => {
    const simulator = await withCluster();
    await create(simulator, 'r', { login: true });
    const found = await untilObject(simulator, 'databaseroles', 'r', ({ applied }) => applied === true);
    expect(found?.status).toEqual({ applied: true, observedGeneration: 1 });
    expect(found?.metadata.finalizers).toEqual(['cnpg.io/deleteRole']);
    expect(simulator.postgres.role('default', 'a', 'support')?.attributes.login).toBe(true);
    await patch(simulator, `${roles}/r`, { spec: { createdb: true } });
    await untilObject(simulator, 'databaseroles', 'r', ({ observedGeneration }) => observedGeneration === 2);
    expect(simulator.postgres.role('default', 'a', 'support')?.attributes.createdb).toBe(true);
  });

  it('says first that its Secret is forbidden, then that it is not found', async () => {
    const simulator = await withCluster();
    await create(simulator, 'r', { passwordSecret: { name: 'nope' } });
    await untilObject(
      simulator,
      'databaseroles',
      'r',
      ({ applied, message }) => applied === false && /forbidden/.test(message),
    );
    await untilObject(
      simulator,
      'databaseroles',
      'r',
      ({ message }) => message === 'secrets "nope" not found',
    );
    await putPassword(simulator, 'nope', 'support');
    await untilObject(
      simulator,
      'databaseroles',
      'r',
      ({ applied, message }) => applied === true && message === undefined,
    );
  });

  it.each([
    [
      'another object has applied',
      (simulator: Simulator) => create(simulator, 'first'),
      '"support" is already managed by object "first"',
    ],
    [
      'the Cluster manages itself',
      (simulator: Simulator) => setRoles(simulator, [{ name: 'support' }]),
      'database role is already managed by the CNPG cluster',
    ],
  ])('is not applied to a role that %s', async (_, before, message) => {
    const simulator = await withCluster();
    await before(simulator);
    await simulator.state.until('clusters', 'default', 'a', () =>
      simulator.postgres.roleExists('default', 'a', 'support'),
    );
    await simulator.state.until(
      'databaseroles',
      'default',
      'first',
      (first) => first === undefined || first.status?.applied === true,
    );
    await create(simulator, 'second');
    await untilObject(
      simulator,
      'databaseroles',
      'second',
      (status) => status.applied === false && status.message === message,
    );
  });

  it('of a cluster that is not there says so', async () => {
    const simulator = await withCluster();
    await create(simulator, 'r', { cluster: { name: 'nope' } });
    await untilObject(
      simulator,
      'databaseroles',
      'r',
      ({ message }) => message === 'cluster resource has been deleted, skipping reconciliation',
    );
  });

  it.each([
    ['retain', true],
    ['delete', false],
  ])('with the reclaim policy %s leaves the role: %s', async (policy, left) => {
    const simulator = await withCluster();
    await create(simulator, 'r', { databaseRoleReclaimPolicy: policy });
    await untilObject(simulator, 'databaseroles', 'r', ({ applied }) => applied === true);
    await send(simulator, 'DELETE', `${roles}/r`);
    await simulator.state.until('databaseroles', 'default', 'r', (found) => found === undefined);
    expect(simulator.postgres.roleExists('default', 'a', 'support')).toBe(left);
  });

  it('is stuck in Terminating while its role owns objects', async () => {
    const simulator = await withCluster();
    await create(simulator, 'r', { databaseRoleReclaimPolicy: 'delete' });
    await untilObject(simulator, 'databaseroles', 'r', ({ applied }) => applied === true);
    simulator.postgres.ownsObjects('default', 'a', 'support');
    await send(simulator, 'DELETE', `${roles}/r`);
    const found = await untilObject(simulator, 'databaseroles', 'r', ({ applied }) => applied === false);
    expect(found?.metadata.deletionTimestamp).toBeDefined();
    expect(found?.status?.message).toBe(
      'while deleting role support with role reconciler: ERROR: role "support" cannot be dropped because some objects depend on it (SQLSTATE 2BP01)',
    );
    await patch(simulator, `${roles}/r`, { spec: { databaseRoleReclaimPolicy: 'retain' } });
    await simulator.state.until('databaseroles', 'default', 'r', (gone) => gone === undefined);
    expect(simulator.postgres.roleExists('default', 'a', 'support')).toBe(true);
  });
});

describe('a Database', () => {
  const databases = `${cnpg('default')}/databases`;
  const create = (simulator: Simulator, name: string, spec: Fields = {}) =>
    send(
      simulator,
      'POST',
      databases,
      object('Database', name, { cluster: { name: 'a' }, name: 'shop', owner: 'app', ...spec }),
    );

  it('is applied, with what is in it', async () => {
    const simulator = await withCluster();
    await create(simulator, 'd', { extensions: [{ name: 'pg_trgm' }], schemas: [{ name: 's' }] });
    const found = await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === true);
    expect(found?.status).toEqual({
      applied: true,
      observedGeneration: 1,
      extensions: [{ name: 'pg_trgm', applied: true }],
      schemas: [{ name: 's', applied: true }],
    });
    expect(simulator.postgres.databases('default', 'a')).toEqual(['app', 'postgres', 'shop']);
    expect(simulator.postgres.database('default', 'a', 'shop')).toMatchObject({
      owner: 'app',
      extensions: ['pg_trgm'],
    });
  });

  it('whose owner is missing says what PostgreSQL says, and is applied when there is one', async () => {
    const simulator = await withCluster();
    await create(simulator, 'd', { owner: 'nobody' });
    const found = await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === false);
    expect(found?.status?.message).toBe(
      'while creating database "shop": ERROR: role "nobody" does not exist (SQLSTATE 42704)',
    );
    await setRoles(simulator, [{ name: 'nobody' }]);
    await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === true);
  });

  it('with an extension that is not available is not applied, and says which', async () => {
    const simulator = await withCluster();
    await create(simulator, 'd', { extensions: [{ name: 'does-not-exist' }, { name: 'pg_trgm' }] });
    const found = await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === false);
    expect(found?.status).toMatchObject({
      message: 'database object reconciliation failed',
      extensions: [
        { name: 'does-not-exist', applied: false, message: expect.stringContaining('is not available') },
        { name: 'pg_trgm', applied: true },
      ],
    });
  });

  it('that another object claims is not applied', async () => {
    const simulator = await withCluster();
    await create(simulator, 'first');
    await untilObject(simulator, 'databases', 'first', ({ applied }) => applied === true);
    await create(simulator, 'second');
    await untilObject(
      simulator,
      'databases',
      'second',
      ({ message }) => message === '"shop" is already managed by object "first"',
    );
  });

  it.each([
    ['retain', true],
    ['delete', false],
  ])('with the reclaim policy %s leaves the database: %s', async (databaseReclaimPolicy, left) => {
    const simulator = await withCluster();
    await create(simulator, 'd', { databaseReclaimPolicy });
    await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === true);
    await send(simulator, 'DELETE', `${databases}/d`);
    await simulator.state.until('databases', 'default', 'd', (found) => found === undefined);
    expect(simulator.postgres.databases('default', 'a').includes('shop')).toBe(left);
  });

  it('that is to be absent is dropped, and the object stays', async () => {
    const simulator = await withCluster();
    await create(simulator, 'd');
    await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === true);
    await patch(simulator, `${databases}/d`, { spec: { ensure: 'absent' } });
    await untilObject(simulator, 'databases', 'd', ({ observedGeneration }) => observedGeneration === 2);
    expect(simulator.postgres.databases('default', 'a')).not.toContain('shop');
  });

  it('is let go when its Cluster is deleted', async () => {
    const simulator = await withCluster();
    await create(simulator, 'd', { databaseReclaimPolicy: 'delete' });
    await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === true);
    await send(simulator, 'DELETE', path);
    const found = await untilObject(simulator, 'databases', 'd', ({ applied }) => applied === false);
    expect(found?.status?.message).toBe('cluster resource has been deleted, skipping reconciliation');
    await send(simulator, 'DELETE', `${databases}/d`);
    await simulator.state.until('databases', 'default', 'd', (gone) => gone === undefined);
  });
});

describe('Publication and Subscription', () => {
  const target = { allTables: true };

  it.each([
    ['Publication', { name: 'p', dbname: 'app', target }, true],
    ['Publication', { name: 'p', dbname: 'nope', target }, false],
    ['Subscription', { name: 's', dbname: 'app', publicationName: 'p', externalClusterName: 'x' }, true],
  ])('%s %j is applied: %s', async (kind, spec, applied) => {
    const simulator = await withCluster();
    const resource = `${kind.toLowerCase()}s`;
    await send(
      simulator,
      'POST',
      `${cnpg('default')}/${resource}`,
      object(kind, 'x', { cluster: { name: 'a' }, ...spec }),
    );
    await untilObject(simulator, resource, 'x', (status) => status.applied === applied);
  });
});
