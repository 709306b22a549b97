import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Harness, startHarness } from '../../../test/harness.ts';
import { demo, orders, putDatabaseRole, startOrders, writes } from '../../../test/running-cluster.ts';
import { createPostgresDatabase } from './create-postgres-database.ts';
import { createPostgresRole } from './create-postgres-role.ts';
import { deletePostgresDatabase } from './delete-postgres-database.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
  await startOrders(harness);
});
afterEach(() => harness.close());

const create = (args: Record<string, unknown>) =>
  harness.call(createPostgresDatabase, { cluster_name: 'orders', namespace: demo, owner: 'shop', ...args });
const stored = (name: string) => harness.simulator.state.get('databases', demo, name);
const inPostgres = (name: string) => harness.simulator.postgres.database(demo, 'orders', name);

describe('create_postgres_database', () => {
  it('makes nothing for a cluster that is being deleted, where it would only be left over', async () => {
    const current = orders(harness);
    const deletionTimestamp = '2026-11-24T16:00:00Z';
    harness.simulator.state.put({
      ...current,
      metadata: { ...current.metadata, deletionTimestamp, finalizers: ['example.com/hold'] },
    });
    const answer = await create({ database_name: 'billing' });
    expect(answer.structured).toMatchObject({ error: { code: 'refused' } });
    expect(answer.text).toContain('is being deleted');
    expect(stored('orders-billing')).toBeUndefined();
  });

  it('makes the database, and says done when the operator has applied it', async () => {
    const answer = await create({ database_name: 'billing' });
    expect(answer.structured).toMatchObject({
      state: 'done',
      result: {
        cluster: 'orders',
        crd_name: 'orders-billing',
        database_name: 'billing',
        owner: 'shop',
        ensure: 'present',
        reclaim_policy: 'retain',
      },
    });
    expect(stored('orders-billing')).toMatchObject({
      metadata: { labels: { 'cnpg.io/cluster': 'orders', 'cnpg.io/database': 'billing' } },
      spec: {
        name: 'billing',
        owner: 'shop',
        cluster: { name: 'orders' },
        ensure: 'present',
        databaseReclaimPolicy: 'retain',
      },
    });
    expect(inPostgres('billing')).toMatchObject({ owner: 'shop' });
  });

  it.each([
    ['retain', 'leaves the database and its data in PostgreSQL'],
    ['delete', 'drops the database with all its data'],
  ])('explains what the reclaim policy %s means later', async (reclaim_policy, meaning) => {
    const answer = await create({ database_name: 'billing', reclaim_policy, dry_run: true });
    expect(answer.structured.warnings[0]).toContain(meaning);
    expect(answer.text).toContain(`databaseReclaimPolicy: ${reclaim_policy}`);
    expect(writes(harness)).toEqual([]);
  });

  it('says before and after that a database of that name is taken over, and that deletion drops it', async () => {
    const words = 'has a database billing already, the operator takes it over: its owner becomes shop.';
    const kept = await create({ database_name: 'billing', dry_run: true });
    expect(kept.text).toContain(words);
    expect(kept.text).not.toContain('drop what was there before');
    const answer = await create({ database_name: 'billing', reclaim_policy: 'delete' });
    expect(answer.structured.state).toBe('done');
    expect(answer.text).toContain(`${words} With reclaim policy delete, deleting it later would drop`);
  });

  it.each(['my_db', 'My DB', 'größe', 'constructor'])('makes a database named %s', async (database_name) => {
    const answer = await create({ database_name });
    expect(answer.structured.state).toBe('done');
    expect(inPostgres(database_name)).toBeDefined();
  });

  it("warns when the owner is not known, and gives PostgreSQL's words and the way on", async () => {
    const answer = await create({ database_name: 'billing', owner: 'nobody' });
    expect(answer.isError).toBe(true);
    expect(answer.structured.warnings).toContainEqual(expect.stringContaining('No role nobody is known'));
    expect(answer.text).toMatch(/«data \w+» .*role "nobody" does not exist \(SQLSTATE 42704\) «end/);
    expect(answer.text).toContain('remove the cause, or the object with delete_postgres_database');
    expect(stored('orders-billing')).toBeDefined();
  });

  it('knows owners that are declared in either place', async () => {
    await harness.call(createPostgresRole, { cluster_name: 'orders', namespace: demo, role_name: 'inline' });
    await putDatabaseRole(harness, 'any-name', { name: 'object' });
    for (const owner of ['inline', 'object', 'shop', 'postgres']) {
      const answer = await create({ database_name: 'billing', owner, dry_run: true });
      expect(answer.structured.warnings).not.toContainEqual(expect.stringContaining('No role'));
    }
  });

  it.each([
    ['postgres', 'refused', 'belongs to PostgreSQL itself'],
    ['template1', 'refused', 'belongs to PostgreSQL itself'],
    ['shop', 'already_exists', 'application database of the cluster orders'],
  ])('refuses the name %s before anything is written', async (database_name, code, words) => {
    const answer = await create({ database_name });
    expect(answer.structured.error).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(writes(harness)).toEqual([]);
  });

  it('refuses a database that an object of any name declares already', async () => {
    harness.simulator.state.put({
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Database',
      metadata: { name: 'any-name', namespace: demo },
      spec: { cluster: { name: 'orders' }, name: 'billing', owner: 'shop' },
    });
    const answer = await create({ database_name: 'billing' });
    expect(answer.structured.error).toMatchObject({
      code: 'already_exists',
      message: expect.stringContaining('declared by Database any-name'),
      hint: 'Look at it with list_postgres_databases, or choose another name.',
    });
  });

  it('says what goes first of a declaration that has failed, and after that makes the database', async () => {
    await create({ database_name: 'billing', owner: 'nobody' });
    const again = await create({ database_name: 'billing' });
    expect(again.structured.error).toMatchObject({
      code: 'already_exists',
      hint: expect.stringContaining('remove it first with delete_postgres_database, then call again'),
    });
    await harness.call(deletePostgresDatabase, {
      cluster_name: 'orders',
      namespace: demo,
      database_name: 'billing',
    });
    expect((await create({ database_name: 'billing' })).structured.state).toBe('done');
  });

  it.each([
    ['is to be absent', {}, { ensure: 'absent' }],
    ['is terminating', { deletionTimestamp: '2026-11-24T16:00:00Z', finalizers: ['example.com/hold'] }, {}],
  ])('says how to finish the deletion of a declaration that %s', async (_what, metadata, spec) => {
    harness.simulator.state.put({
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Database',
      metadata: { name: 'any-name', namespace: demo, ...metadata },
      spec: { cluster: { name: 'orders' }, name: 'billing', owner: 'shop', ...spec },
    });
    expect((await create({ database_name: 'billing' })).structured.error).toMatchObject({
      code: 'already_exists',
      hint: expect.stringContaining('finish that with delete_postgres_database'),
    });
  });

  it('finds a free object name when the plain one belongs to another cluster', async () => {
    harness.simulator.state.put({
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Database',
      metadata: { name: 'orders-billing', namespace: demo },
      spec: { cluster: { name: 'else' }, name: 'x', owner: 'x' },
    });
    expect((await create({ database_name: 'billing' })).structured).toMatchObject({
      state: 'done',
      result: { crd_name: 'orders-db-billing' },
    });
  });

  it('makes a database once when two ask for it at once', async () => {
    const answers = await Promise.all([
      create({ database_name: 'billing' }),
      create({ database_name: 'billing' }),
    ]);
    const codes = answers.map(({ structured }) => structured.error?.code ?? structured.state);
    expect(codes.sort()).toEqual(['already_exists', 'done']);
  });

  it('says "requested" when it did not wait', async () => {
    expect((await create({ database_name: 'billing', wait: false })).structured.state).toBe('requested');
  });

  it('refuses to write to a replica cluster', async () => {
    const cluster = orders(harness);
    harness.simulator.state.put({
      ...cluster,
      spec: { ...cluster.spec, replica: { enabled: true, source: 'main' } },
    });
    expect((await create({ database_name: 'billing' })).structured.error.code).toBe('refused');
  });

  it('names each right that is missing', async () => {
    for (const [resource, verb] of [
      ['clusters', 'get'],
      ['databases', 'list'],
      ['databaseroles', 'list'],
      ['databases', 'create'],
    ] as const) {
      harness.simulator.deny({ verb, resource });
      const answer = await create({ database_name: 'billing' });
      expect(answer.structured.error).toMatchObject({ code: 'forbidden', missing_right: { verb, resource } });
      harness.simulator.resetAccess();
    }
    expect(stored('orders-billing')).toBeUndefined();
  });
});
