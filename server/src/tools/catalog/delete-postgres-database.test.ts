import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Harness, startHarness } from '../../../test/harness.ts';
import { demo, startOrders, writes } from '../../../test/running-cluster.ts';
import { createPostgresDatabase } from './create-postgres-database.ts';
import { deletePostgresDatabase } from './delete-postgres-database.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
  await startOrders(harness);
});
afterEach(() => harness.close());

const args = (database_name: string) => ({ cluster_name: 'orders', namespace: demo, database_name });
const create = (database_name: string, reclaim_policy: string) =>
  harness.call(createPostgresDatabase, { ...args(database_name), owner: 'shop', reclaim_policy });
const remove = (database_name: string) => harness.call(deletePostgresDatabase, args(database_name));
const stored = () => harness.simulator.state.list('databases', demo);
const inPostgres = (name: string) => harness.simulator.postgres.database(demo, 'orders', name);

function putDatabase(name: string, spec: object, more: object = {}): void {
  harness.simulator.state.put({
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name, namespace: demo, ...more },
    spec: { cluster: { name: 'orders' }, name: 'billing', owner: 'shop', ...spec },
  });
}

describe('delete_postgres_database', () => {
  it('with reclaim policy retain takes the object away and leaves the database, without a confirmation', async () => {
    await create('my_db', 'retain');
    const answer = await remove('my_db');
    expect(answer.structured).toMatchObject({
      state: 'done',
      losses: [],
      result: { database_name: 'my_db', reclaim_policy: 'retain', dropped: false },
    });
    expect(answer.text).toContain('its data stay in PostgreSQL');
    expect(stored()).toEqual([]);
    expect(inPostgres('my_db')).toBeDefined();
  });

  it('with reclaim policy delete asks first, then PostgreSQL drops the database', async () => {
    await create('my_db', 'delete');
    harness.simulator.clearRequests();
    const first = await remove('my_db');
    expect(first.structured).toMatchObject({
      state: 'confirmation_required',
      losses: ['The database my_db with all its data.'],
      confirmation: { confirm_name: 'my_db' },
    });
    expect(writes(harness)).toEqual([]);
    const answer = await harness.confirmed(deletePostgresDatabase, args('my_db'));
    expect(answer.structured).toMatchObject({ state: 'done', result: { dropped: true } });
    expect(stored()).toEqual([]);
    expect(inPostgres('my_db')).toBeUndefined();
  });

  it('refuses to drop a database of a protected cluster, and still takes an object away that drops nothing', async () => {
    await create('dropped', 'delete');
    await create('kept', 'retain');
    const metadata = { annotations: { 'cnpg-mcp.io/protected': '' } };
    const key = { name: 'orders', namespace: demo };
    await harness.kube.patch('clusters', key, { type: 'merge', body: { metadata } });
    expect((await remove('dropped')).structured.error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('demo/orders is protected'),
    });
    expect(inPostgres('dropped')).toBeDefined();
    expect((await remove('kept')).structured.state).toBe('done');
  });

  it('finds the object by what it declares, and leaves the one of another cluster alone', async () => {
    putDatabase('else', { cluster: { name: 'orders-2' } });
    putDatabase('any-name', {});
    const answer = await remove('billing');
    expect(answer.structured.result, answer.text).toMatchObject({ crd_name: 'any-name' });
    expect(stored().map(({ metadata }) => metadata.name)).toEqual(['else']);
  });

  it('names both objects when two claim the database, and deletes neither', async () => {
    putDatabase('one', {});
    putDatabase('two', {});
    const answer = await remove('billing');
    expect(answer.structured.error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('one, two'),
    });
    expect(stored()).toHaveLength(2);
  });

  it('says so when the operator never applied the object and therefore drops nothing', async () => {
    putDatabase('never', { owner: 'nobody', databaseReclaimPolicy: 'delete' });
    await vi.waitFor(() => expect(stored()[0]?.status).toMatchObject({ applied: false }));
    const answer = await harness.confirmed(deletePostgresDatabase, args('billing'));
    expect(answer.structured).toMatchObject({ state: 'done', losses: [], result: { dropped: false } });
    expect(answer.structured.warnings).toEqual([expect.stringContaining('never applied')]);
  });

  it('does not say dropped while the object is still there', async () => {
    await create('my_db', 'delete');
    const { state } = harness.simulator;
    const [object] = stored();
    if (!object) throw new Error('no Database');
    // A finalizer that nobody takes away stands for a DROP that fails: the operator reports neither.
    state.put({ ...object, metadata: { ...object.metadata, finalizers: ['example.com/stuck'] } });
    const answer = await harness.confirmed(deletePostgresDatabase, { ...args('my_db'), timeout: 1 });
    expect(answer.structured).toMatchObject({ state: 'requested', result: { dropped: null } });
    expect(answer.text).toContain('only in the log of orders-1');
  });

  it('does not delete without confirmation what is not to be retained any more', async () => {
    putDatabase('any-name', {});
    harness.simulator.faults.add({
      match: { verb: 'delete', resource: 'databases' },
      delayMs: 300,
      times: 1,
    });
    const answering = remove('billing');
    await vi.waitFor(() => expect(writes(harness)).toEqual(['delete databases any-name']));
    putDatabase('any-name', { databaseReclaimPolicy: 'delete' }, { uid: stored()[0]?.metadata.uid });
    expect((await answering).structured.error.code).toBe('conflict');
    expect(stored()).toHaveLength(1);
  });

  it('is done by one of two that are confirmed at the same time', async () => {
    await create('my_db', 'delete');
    // Both have made their plans when the first deletion arrives.
    harness.simulator.faults.add({
      match: { verb: 'delete', resource: 'databases' },
      delayMs: 200,
      times: 2,
    });
    const confirmed = () => harness.confirmed(deletePostgresDatabase, args('my_db'));
    const answers = await Promise.all([confirmed(), confirmed()]);
    const outcomes = answers.map(({ structured }) => structured.state ?? structured.error.code);
    // Which of the two it is depends on how fast the operator is.
    expect(outcomes.sort()).toEqual(
      expect.toBeOneOf([
        ['conflict', 'done'],
        ['done', 'not_found'],
      ]),
    );
    expect(inPostgres('my_db')).toBeUndefined();
  });

  it('checks with the API server in a dry run, and changes nothing', async () => {
    await create('my_db', 'delete');
    const answer = await harness.call(deletePostgresDatabase, { ...args('my_db'), dry_run: true });
    expect(answer.structured.state).toBe('dry_run');
    expect(stored()).toHaveLength(1);
    expect(inPostgres('my_db')).toBeDefined();
  });

  it('knows the application database for what it is', async () => {
    expect((await remove('shop')).structured.error).toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('application database'),
    });
    expect((await remove('nosuch')).structured.error).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('namespace demo (as asked)'),
    });
  });

  it('does not delete an object that was made again in the meantime', async () => {
    putDatabase('any-name', {});
    harness.simulator.faults.add({
      match: { verb: 'delete', resource: 'databases' },
      delayMs: 300,
      times: 1,
    });
    const answering = remove('billing');
    await vi.waitFor(() => expect(writes(harness)).toEqual(['delete databases any-name']));
    harness.simulator.state.remove('databases', demo, 'any-name');
    putDatabase('any-name', {});
    expect((await answering).structured.error.code).toBe('conflict');
    expect(stored()).toHaveLength(1);
  });

  it('names each right that is missing', async () => {
    putDatabase('any-name', {});
    for (const [resource, verb] of [
      ['clusters', 'get'],
      ['databases', 'list'],
      ['databases', 'delete'],
    ] as const) {
      harness.simulator.deny({ verb, resource });
      const answer = await remove('billing');
      expect(answer.structured.error).toMatchObject({ code: 'forbidden', missing_right: { verb, resource } });
      harness.simulator.resetAccess();
    }
    expect(stored()).toHaveLength(1);
  });
});
