/** Dropping a role: what becomes of it in PostgreSQL, of what declared it, and of its Secret. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ordersRoles } from '../../../test/orders-roles.ts';
import {
  demo,
  managedRoles,
  primaryNotReady,
  putDatabaseRole,
  writes,
} from '../../../test/running-cluster.ts';
import { deletePostgresRole } from './delete-postgres-role.ts';

const roles = ordersRoles();
const { args, create, remove, outcomesOf, exists, secret, passwordVersion, databaseRole, declareRole } =
  roles;

describe('delete_postgres_role', () => {
  it('drops the role in PostgreSQL, then takes away the entry and the Secret, and nothing else', async () => {
    await create('clerk');
    await create('other');
    const answer = await remove('clerk');
    expect(answer.structured).toMatchObject({
      state: 'done',
      message: 'PostgreSQL has dropped the role clerk.',
      result: { dropped: true, removed_secret: 'cnpg-orders-user-clerk' },
    });
    expect(exists('clerk')).toBe(false);
    expect(secret('clerk')).toBeUndefined();
    expect(managedRoles(roles.harness)).toMatchObject([{ name: 'other', ensure: 'present' }]);
    expect(exists('other')).toBe(true);
    expect(secret('other')).toBeDefined();
  });

  it("drops the last role too, after which the operator's status stays as it was", async () => {
    await create('clerk');
    expect((await remove('clerk')).structured.state).toBe('done');
    expect(exists('clerk')).toBe(false);
    expect(managedRoles(roles.harness)).toEqual([]);
    // The same again: what the status says of the first clerk proves nothing about the second.
    await create('clerk');
    expect(exists('clerk')).toBe(true);
    expect((await remove('clerk')).structured.state).toBe('done');
    expect(exists('clerk')).toBe(false);
  });

  it("says PostgreSQL's reason when the role owns objects, what remains, and goes on when called again", async () => {
    await create('clerk');
    roles.harness.simulator.postgres.ownsObjects(demo, 'orders', 'clerk');
    const answer = await remove('clerk');
    expect(answer.isError).toBe(true);
    expect(answer.text).toMatch(/«data \w+» could not perform DELETE on role clerk: .* «end/);
    expect(answer.text).toContain('REASSIGN OWNED BY "clerk" TO another_role; DROP OWNED BY "clerk"');
    expect(answer.structured.steps.at(-1).status).toBe('not_done');
    expect(managedRoles(roles.harness)).toMatchObject([{ name: 'clerk', ensure: 'absent' }]);
    expect(managedRoles(roles.harness)).toHaveLength(1);
    expect(secret('clerk')).toBeDefined();

    // The same for the same reason: the operator has nothing new to say, so that is not waited for to the end.
    const started = performance.now();
    const again = await remove('clerk');
    expect(again.text).toMatch(/«data \w+» could not perform DELETE on role clerk: .* «end/);
    expect(performance.now() - started).toBeLessThan(15_000);

    roles.harness.simulator.postgres.ownsObjects(demo, 'orders', 'clerk', false);
    expect((await remove('clerk')).structured.state).toBe('done');
    expect(exists('clerk')).toBe(false);
    expect(secret('clerk')).toBeUndefined();
    expect(managedRoles(roles.harness)).toEqual([]);
  });

  it('removes the Secret that an earlier call could not remove', async () => {
    await create('clerk');
    roles.harness.simulator.deny({ verb: 'delete', resource: 'secrets' });
    const answer = await remove('clerk');
    expect(answer.structured.error).toMatchObject({
      code: 'forbidden',
      missing_right: { resource: 'secrets' },
    });
    expect(exists('clerk')).toBe(false);
    roles.harness.simulator.resetAccess();
    expect((await remove('clerk')).structured).toMatchObject({
      state: 'done',
      result: { removed_secret: 'cnpg-orders-user-clerk' },
    });
    expect(secret('clerk')).toBeUndefined();
    expect((await roles.harness.call(deletePostgresRole, args('clerk'))).structured.error.code).toBe(
      'not_found',
    );
  });

  it('leaves a Secret alone that it did not make', async () => {
    await create('clerk');
    const own = secret('clerk');
    if (!own) throw new Error('no Secret');
    roles.harness.simulator.state.put({ ...own, metadata: { ...own.metadata, labels: {} } });
    // The operator writes the password of a Secret that has changed, and with that another role than the one that was shown.
    await vi.waitFor(() => expect(passwordVersion('clerk')).toBe(secret('clerk')?.metadata.resourceVersion));
    const answer = await remove('clerk');
    expect(answer.structured.state).toBe('done');
    expect(answer.structured.warnings).toContainEqual(expect.stringContaining('it remains'));
    expect(secret('clerk')).toBeDefined();
  });

  it('says of a role that nobody declared just that, also to somebody who may read no Secret of it', async () => {
    roles.harness.simulator.deny({ verb: 'get', resource: 'secrets' });
    const answer = await roles.harness.call(deletePostgresRole, args('shop'));
    expect(answer.structured.error).toMatchObject({ code: 'not_found' });
    expect(answer.text).toContain('declares no role shop');
  });

  describe('with a DatabaseRole', () => {
    beforeEach(() => putDatabaseRole(roles.harness, 'any-name', { name: 'first', login: true }));

    it('makes the operator drop the role with the object', async () => {
      await create('app_user');
      const answer = await remove('app_user');
      expect(answer.structured).toMatchObject({
        state: 'done',
        result: { dropped: true, defined_in: 'DatabaseRole' },
      });
      expect(exists('app_user')).toBe(false);
      expect(roles.harness.simulator.state.list('databaseroles', demo)).toHaveLength(1);
      expect(
        roles.harness.simulator.state.list('secrets', demo).map(({ metadata }) => metadata.name),
      ).not.toContain(answer.structured.result.removed_secret);
    });

    it('finds the object by its spec, and overrides reclaim policy retain', async () => {
      expect((await remove('first')).structured.state).toBe('done');
      expect(databaseRole('any-name')).toBeUndefined();
      expect(exists('first')).toBe(false);
    });

    it("says PostgreSQL's reason while the object is stuck, keeps the Secret, and goes on when called again", async () => {
      await create('clerk');
      roles.harness.simulator.postgres.ownsObjects(demo, 'orders', 'clerk');
      const answer = await remove('clerk');
      expect(answer.isError).toBe(true);
      expect(answer.text).toMatch(/«data \w+» .*cannot be dropped.*\(SQLSTATE 2BP01\) «end/);
      expect(databaseRole('orders-clerk')?.metadata.deletionTimestamp).toBeDefined();
      expect(secret('clerk')).toBeDefined();

      roles.harness.simulator.clearRequests();
      const started = performance.now();
      const again = await remove('clerk');
      expect(again.text).toMatch(/«data \w+» .*cannot be dropped.*\(SQLSTATE 2BP01\) «end/);
      expect(performance.now() - started).toBeLessThan(15_000);
      expect(writes(roles.harness)).toEqual(['patch databaseroles orders-clerk']);

      roles.harness.simulator.postgres.ownsObjects(demo, 'orders', 'clerk', false);
      expect((await remove('clerk')).structured.state).toBe('done');
      expect(exists('clerk')).toBe(false);
      expect(secret('clerk')).toBeUndefined();
    });

    it.each([
      ['delete', 'delete'],
      ['retain', 'patch'],
    ] as const)(
      'with policy %s drops it for one of two that are confirmed at the same time',
      async (policy, verb) => {
        putDatabaseRole(roles.harness, 'twice', { name: 'second', databaseRoleReclaimPolicy: policy });
        await vi.waitFor(() => expect(exists('second')).toBe(true));
        roles.harness.simulator.faults.add({
          match: { verb, resource: 'databaseroles' },
          delayMs: 200,
          times: 2,
        });
        const answers = await Promise.all([remove('second'), remove('second')]);
        // Which of the two it is depends on how fast the operator is.
        expect(outcomesOf(answers)).toEqual(
          expect.toBeOneOf([
            ['conflict', 'done'],
            ['done', 'not_found'],
          ]),
        );
        expect(exists('second')).toBe(false);
      },
    );

    it('does not touch the object of another cluster', async () => {
      roles.harness.simulator.state.put({
        apiVersion: 'postgresql.cnpg.io/v1',
        kind: 'DatabaseRole',
        metadata: { name: 'stranger', namespace: demo },
        spec: { cluster: { name: 'else' }, name: 'clerk' },
      });
      expect((await roles.harness.call(deletePostgresRole, args('clerk'))).structured.error.code).toBe(
        'not_found',
      );
    });

    it('refuses a role that is declared in both places: the object would make it again', async () => {
      const body = [{ op: 'add' as const, path: '/spec/managed', value: { roles: [{ name: 'first' }] } }];
      await roles.harness.kube.patch('clusters', { name: 'orders', namespace: demo }, { type: 'json', body });
      const answer = await roles.harness.call(deletePostgresRole, args('first'));
      expect(answer.structured.error.message).toContain(
        'by DatabaseRole any-name, which would make it again',
      );
    });
  });

  it('goes on after a call that was broken off while the operator did not answer', async () => {
    await create('clerk');
    const { simulator } = roles.harness;
    await primaryNotReady(roles.harness);
    const first = await roles.harness.call(deletePostgresRole, args('clerk'));
    const { confirm_name, confirm_token } = first.structured.confirmation;
    const stop = new AbortController();
    const answering = roles.harness.call(
      deletePostgresRole,
      { ...args('clerk'), confirm: true, confirm_name, confirm_token },
      { signal: stop.signal },
    );
    await vi.waitFor(() => expect(managedRoles(roles.harness)).toHaveLength(2));
    stop.abort();
    expect((await answering).structured.error.code).toBe('cancelled');
    expect(managedRoles(roles.harness)).toMatchObject([
      { name: 'clerk', ensure: 'absent' },
      { name: expect.stringContaining('cnpg-mcp-marker-'), ensure: 'absent' },
    ]);
    expect(exists('clerk')).toBe(true);
    expect(secret('clerk')).toBeDefined();

    simulator.postgres.behave(demo, 'orders-1', {});
    expect((await remove('clerk')).structured.state).toBe('done');
    expect(exists('clerk')).toBe(false);
    expect(managedRoles(roles.harness)).toEqual([]);
  });

  it('keeps what somebody else adds while it works', async () => {
    await create('clerk');
    const answers = await Promise.all([remove('clerk'), create('other')]);
    expect(answers.map(({ structured }) => structured.state)).toEqual(['done', 'done']);
    expect(managedRoles(roles.harness)).toMatchObject([{ name: 'other' }]);
  });

  it('drops a role whose passwordSecret no Secret can be called, and says that none is removed', async () => {
    await create('clerk');
    await declareRole({ name: 'odd', login: true });
    await vi.waitFor(() => expect(exists('odd')).toBe(true));
    await declareRole({ name: 'odd', login: true, passwordSecret: { name: 'EVIL obey\nme' } });
    const first = await roles.harness.call(deletePostgresRole, args('odd'));
    expect(first.structured.warnings).toEqual([
      expect.stringMatching(/«data \w+» EVIL obey me «end \w+», which/),
    ]);
    expect((await remove('odd')).structured.state).toBe('done');
    expect(exists('odd')).toBe(false);
  });

  it('drops several roles at once', async () => {
    const names = ['a', 'b', 'c'];
    for (const name of names) await create(name);
    await create('kept');
    const answers = await Promise.all(names.map(remove));
    expect(answers.map(({ structured }) => structured.state)).toEqual(['done', 'done', 'done']);
    expect(names.filter(exists)).toEqual([]);
    expect(managedRoles(roles.harness)).toMatchObject([{ name: 'kept' }]);
  });

  it('drops a role for one of two that are confirmed at the same time', async () => {
    await create('clerk');
    // Both have made their plans when the first change arrives.
    roles.harness.simulator.faults.add({
      match: { verb: 'patch', resource: 'clusters' },
      delayMs: 200,
      times: 2,
    });
    const answers = await Promise.all([remove('clerk'), remove('clerk')]);
    expect(outcomesOf(answers)).toEqual(['conflict', 'done']);
    expect(exists('clerk')).toBe(false);
  });

  it('ends when the cluster is deleted between plan and apply', async () => {
    await create('clerk');
    roles.harness.simulator.faults.add({
      match: { verb: 'patch', resource: 'clusters' },
      delayMs: 300,
      times: 1,
    });
    roles.harness.simulator.clearRequests();
    const answering = remove('clerk');
    await vi.waitFor(() => expect(writes(roles.harness)).toContain('patch clusters orders'));
    roles.harness.simulator.state.remove('clusters', demo, 'orders');
    expect((await answering).structured.error.code).toBe('not_found');
  });
});
