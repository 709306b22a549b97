import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Harness, startHarness } from '../../../test/harness.ts';
import {
  demo,
  managedRoles,
  orders,
  putDatabaseRole,
  startOrders,
  writes,
} from '../../../test/running-cluster.ts';
import { ConfirmationSealer } from '../../policy/confirmation.ts';
import { localPrincipal } from '../../policy/principal.ts';
import { type PipelineParts, runTool } from '../pipeline.ts';
import { defaultToolSettings } from '../settings.ts';
import { createPostgresRole } from './create-postgres-role.ts';
import { deletePostgresRole } from './delete-postgres-role.ts';
import { updatePostgresRole } from './update-postgres-role.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
  await startOrders(harness);
});
afterEach(() => harness.close());

const args = (role_name: string) => ({ cluster_name: 'orders', namespace: demo, role_name });
const create = (role_name: string, more: object = {}) =>
  harness.call(createPostgresRole, { ...args(role_name), ...more });
const remove = (role_name: string) => harness.confirmed(deletePostgresRole, args(role_name));
const outcomesOf = (answers: Awaited<ReturnType<typeof remove>>[]) =>
  answers.map(({ structured }) => structured.state ?? structured.error.code).sort();
const exists = (role: string) => harness.simulator.postgres.roleExists(demo, 'orders', role);
const secret = (role: string) => harness.simulator.state.get('secrets', demo, `cnpg-orders-user-${role}`);
const databaseRole = (name: string) => harness.simulator.state.get('databaseroles', demo, name);

/** Puts one entry into spec.managed.roles besides those that this server made, in place of an earlier one of its name. */
async function declareRole(role: { name: string } & Record<string, unknown>): Promise<void> {
  const others = managedRoles(harness).filter(({ name }) => name !== role.name);
  const body = [{ op: 'add' as const, path: '/spec/managed', value: { roles: [...others, role] } }];
  await harness.kube.patch('clusters', { name: 'orders', namespace: demo }, { type: 'json', body });
}

function putDatabase(spec: object): void {
  harness.simulator.state.put({
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name: 'a-database', namespace: demo },
    spec: { cluster: { name: 'orders' }, name: 'db', ...spec },
  });
}

describe('delete_postgres_role', () => {
  it('shows what is lost first, and changes nothing without a confirmation', async () => {
    await create('clerk');
    harness.simulator.clearRequests();
    const answer = await harness.call(deletePostgresRole, { ...args('clerk'), confirm: true });
    expect(answer.structured).toMatchObject({
      state: 'confirmation_required',
      confirmation: { confirm_name: 'clerk' },
      losses: [expect.stringContaining('The role clerk'), expect.stringContaining('cnpg-orders-user-clerk')],
    });
    expect(writes(harness)).toEqual([]);
  });

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
    expect(managedRoles(harness)).toMatchObject([{ name: 'other', ensure: 'present' }]);
    expect(exists('other')).toBe(true);
    expect(secret('other')).toBeDefined();
  });

  it("drops the last role too, after which the operator's status stays as it was", async () => {
    await create('clerk');
    expect((await remove('clerk')).structured.state).toBe('done');
    expect(exists('clerk')).toBe(false);
    expect(managedRoles(harness)).toEqual([]);
    // The same again: what the status says of the first clerk proves nothing about the second.
    await create('clerk');
    expect(exists('clerk')).toBe(true);
    expect((await remove('clerk')).structured.state).toBe('done');
    expect(exists('clerk')).toBe(false);
  });

  it("says PostgreSQL's reason when the role owns objects, what remains, and goes on when called again", async () => {
    await create('clerk');
    harness.simulator.postgres.ownsObjects(demo, 'orders', 'clerk');
    const answer = await remove('clerk');
    expect(answer.isError).toBe(true);
    expect(answer.text).toMatch(/«data \w+» could not perform DELETE on role clerk: .* «end/);
    expect(answer.text).toContain('REASSIGN OWNED BY "clerk" TO another_role; DROP OWNED BY "clerk"');
    expect(answer.structured.steps.at(-1).status).toBe('not_done');
    expect(managedRoles(harness)).toMatchObject([{ name: 'clerk', ensure: 'absent' }]);
    expect(managedRoles(harness)).toHaveLength(1);
    expect(secret('clerk')).toBeDefined();

    harness.simulator.postgres.ownsObjects(demo, 'orders', 'clerk', false);
    expect((await remove('clerk')).structured.state).toBe('done');
    expect(exists('clerk')).toBe(false);
    expect(secret('clerk')).toBeUndefined();
    expect(managedRoles(harness)).toEqual([]);
  });

  it('removes the Secret that an earlier call could not remove', async () => {
    await create('clerk');
    harness.simulator.deny({ verb: 'delete', resource: 'secrets' });
    const answer = await remove('clerk');
    expect(answer.structured.error).toMatchObject({
      code: 'forbidden',
      missing_right: { resource: 'secrets' },
    });
    expect(exists('clerk')).toBe(false);
    harness.simulator.resetAccess();
    expect((await remove('clerk')).structured).toMatchObject({
      state: 'done',
      result: { removed_secret: 'cnpg-orders-user-clerk' },
    });
    expect(secret('clerk')).toBeUndefined();
    expect((await harness.call(deletePostgresRole, args('clerk'))).structured.error.code).toBe('not_found');
  });

  it('leaves a Secret alone that it did not make', async () => {
    await create('clerk');
    const own = secret('clerk');
    if (!own) throw new Error('no Secret');
    harness.simulator.state.put({ ...own, metadata: { ...own.metadata, labels: {} } });
    const answer = await remove('clerk');
    expect(answer.structured.state).toBe('done');
    expect(answer.structured.warnings).toContainEqual(expect.stringContaining('it remains'));
    expect(secret('clerk')).toBeDefined();
  });

  describe('with a DatabaseRole', () => {
    beforeEach(() => putDatabaseRole(harness, 'any-name', { name: 'first', login: true }));

    it('makes the operator drop the role with the object', async () => {
      await create('app_user');
      const answer = await remove('app_user');
      expect(answer.structured).toMatchObject({
        state: 'done',
        result: { dropped: true, defined_in: 'DatabaseRole' },
      });
      expect(exists('app_user')).toBe(false);
      expect(harness.simulator.state.list('databaseroles', demo)).toHaveLength(1);
      expect(
        harness.simulator.state.list('secrets', demo).map(({ metadata }) => metadata.name),
      ).not.toContain(answer.structured.result.removed_secret);
    });

    it('finds the object by its spec, and overrides reclaim policy retain', async () => {
      expect((await remove('first')).structured.state).toBe('done');
      expect(databaseRole('any-name')).toBeUndefined();
      expect(exists('first')).toBe(false);
    });

    it("says PostgreSQL's reason while the object is stuck, keeps the Secret, and goes on when called again", async () => {
      await create('clerk');
      harness.simulator.postgres.ownsObjects(demo, 'orders', 'clerk');
      const answer = await remove('clerk');
      expect(answer.isError).toBe(true);
      expect(answer.text).toMatch(/«data \w+» .*cannot be dropped.*\(SQLSTATE 2BP01\) «end/);
      expect(databaseRole('orders-clerk')?.metadata.deletionTimestamp).toBeDefined();
      expect(secret('clerk')).toBeDefined();
      harness.simulator.postgres.ownsObjects(demo, 'orders', 'clerk', false);
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
        putDatabaseRole(harness, 'twice', { name: 'second', databaseRoleReclaimPolicy: policy });
        await vi.waitFor(() => expect(exists('second')).toBe(true));
        harness.simulator.faults.add({ match: { verb, resource: 'databaseroles' }, delayMs: 200, times: 2 });
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
      harness.simulator.state.put({
        apiVersion: 'postgresql.cnpg.io/v1',
        kind: 'DatabaseRole',
        metadata: { name: 'stranger', namespace: demo },
        spec: { cluster: { name: 'else' }, name: 'clerk' },
      });
      expect((await harness.call(deletePostgresRole, args('clerk'))).structured.error.code).toBe('not_found');
    });

    it('refuses a role that is declared in both places: the object would make it again', async () => {
      const body = [{ op: 'add' as const, path: '/spec/managed', value: { roles: [{ name: 'first' }] } }];
      await harness.kube.patch('clusters', { name: 'orders', namespace: demo }, { type: 'json', body });
      const answer = await harness.call(deletePostgresRole, args('first'));
      expect(answer.structured.error.message).toContain(
        'by DatabaseRole any-name, which would make it again',
      );
    });
  });

  it('refuses the owner of a declared database, but not of one of another cluster', async () => {
    await create('clerk');
    putDatabase({ owner: 'clerk', cluster: { name: 'else' } });
    expect((await harness.call(deletePostgresRole, args('clerk'))).structured.state).toBe(
      'confirmation_required',
    );
    putDatabase({ owner: 'clerk' });
    const answer = await harness.call(deletePostgresRole, args('clerk'));
    expect(answer.structured.error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('Database a-database'),
    });
  });

  it('names the roles that are declared as members', async () => {
    await create('team');
    await create('clerk', { in_roles: ['team'] });
    const answer = await harness.call(deletePostgresRole, args('team'));
    expect(answer.structured.dependants).toMatchObject([
      { kind: 'role', name: 'clerk', fate: expect.stringContaining('still names team') },
    ]);
  });

  it('checks every step with the API server in a dry run, and changes nothing', async () => {
    await create('clerk');
    harness.simulator.clearRequests();
    const answer = await harness.call(deletePostgresRole, { ...args('clerk'), dry_run: true });
    expect(answer.structured.state).toBe('dry_run');
    expect(answer.structured.diffs[0].diff).toMatch(/ensure: absent/);
    expect(managedRoles(harness)).toMatchObject([{ name: 'clerk', ensure: 'present' }]);
    expect(secret('clerk')).toBeDefined();
    expect(exists('clerk')).toBe(true);
  });

  it('goes on after a call that was broken off while the operator did not answer', async () => {
    await create('clerk');
    const { simulator } = harness;
    simulator.postgres.behave(demo, 'orders-1', { ready: false });
    await simulator.state.until('pods', demo, 'orders-1', (pod) =>
      pod?.status?.conditions?.some(
        ({ type, status }: { type: string; status: string }) => type === 'Ready' && status === 'False',
      ),
    );
    const first = await harness.call(deletePostgresRole, args('clerk'));
    const { confirm_name, confirm_token } = first.structured.confirmation;
    const stop = new AbortController();
    const answering = harness.call(
      deletePostgresRole,
      { ...args('clerk'), confirm: true, confirm_name, confirm_token },
      { signal: stop.signal },
    );
    await vi.waitFor(() => expect(managedRoles(harness)).toHaveLength(2));
    stop.abort();
    expect((await answering).structured.error.code).toBe('cancelled');
    expect(managedRoles(harness)).toMatchObject([
      { name: 'clerk', ensure: 'absent' },
      { name: expect.stringContaining('cnpg-mcp-marker-'), ensure: 'absent' },
    ]);
    expect(exists('clerk')).toBe(true);
    expect(secret('clerk')).toBeDefined();

    simulator.postgres.behave(demo, 'orders-1', {});
    expect((await remove('clerk')).structured.state).toBe('done');
    expect(exists('clerk')).toBe(false);
    expect(managedRoles(harness)).toEqual([]);
  });

  it('keeps what somebody else adds while it works', async () => {
    await create('clerk');
    const answers = await Promise.all([remove('clerk'), create('other')]);
    expect(answers.map(({ structured }) => structured.state)).toEqual(['done', 'done']);
    expect(managedRoles(harness)).toMatchObject([{ name: 'other' }]);
  });

  it('holds a confirmation good while other roles change, and void when this one does', async () => {
    await create('clerk');
    const confirm = async () => {
      const { confirm_name, confirm_token } = (await harness.call(deletePostgresRole, args('clerk')))
        .structured.confirmation;
      return () =>
        harness.call(deletePostgresRole, { ...args('clerk'), confirm: true, confirm_name, confirm_token });
    };
    const stale = await confirm();
    await harness.call(updatePostgresRole, { ...args('clerk'), createdb: true });
    expect((await stale()).structured.error.code).toBe('confirmation_invalid');
    expect(exists('clerk')).toBe(true);
    const good = await confirm();
    await create('other');
    expect((await good()).structured.state).toBe('done');
  });

  it('does not take a used confirmation on another replica when the role was declared again alike', async () => {
    const { kube, simulator } = harness;
    const key = new Uint8Array(32).fill(7);
    const replica = () => {
      const parts: PipelineParts = {
        kube,
        settings: defaultToolSettings,
        policy: { readOnly: false, noDestroy: false },
        sealer: new ConfirmationSealer(key),
        confirmation: 'token',
        audit: () => undefined,
      };
      return async (more: object = {}) => {
        const answer = await runTool(
          deletePostgresRole,
          {
            tool: deletePostgresRole.name,
            arguments: { ...args('clerk'), ...more },
            principal: localPrincipal,
            requestId: 'replica',
            signal: AbortSignal.timeout(20_000),
            canAsk: false,
          },
          parts,
        );
        if (answer.kind !== 'answer') throw new Error('A client that cannot ask was asked.');
        return (answer as Awaited<ReturnType<typeof remove>>).structured;
      };
    };
    const declare = async (): Promise<void> => {
      const value = { roles: [{ name: 'clerk', login: true }] };
      const body = [{ op: 'add' as const, path: '/spec/managed', value }];
      await kube.patch('clusters', { name: 'orders', namespace: demo }, { type: 'json', body });
      await vi.waitFor(() => expect(exists('clerk')).toBe(true));
      await simulator.state.until('clusters', demo, 'orders', (cluster) =>
        cluster?.status?.managedRolesStatus?.byStatus?.reconciled?.includes('clerk'),
      );
    };
    const [first, second] = [replica(), replica()];
    await declare();
    const { confirm_name, confirm_token } = (await first()).confirmation;
    const confirmed = { confirm: true, confirm_name, confirm_token };
    expect((await first(confirmed)).state).toBe('done');
    await declare();
    expect((await second(confirmed)).error.code).toBe('confirmation_invalid');
    expect(exists('clerk')).toBe(true);
  });

  it('refuses in a protected cluster, also to remove a Secret that is left', async () => {
    await create('clerk');
    const key = { name: 'orders', namespace: demo };
    const metadata = { annotations: { 'cnpg-mcp.io/protected': 'yes' } };
    await harness.kube.patch('clusters', key, { type: 'merge', body: { metadata } });
    harness.simulator.clearRequests();
    const refused = { code: 'refused', message: expect.stringContaining('demo/orders is protected') };
    expect((await harness.call(deletePostgresRole, args('clerk'))).structured.error).toMatchObject(refused);
    expect(writes(harness)).toEqual([]);
    await harness.kube.patch('clusters', key, { type: 'merge', body: { spec: { managed: null } } });
    expect((await harness.call(deletePostgresRole, args('clerk'))).structured.error).toMatchObject(refused);
    expect(secret('clerk')).toBeDefined();
  });

  it.each(['none', 'public'])('never says that PostgreSQL dropped %s, which it cannot have', async (name) => {
    await declareRole({ name, ensure: 'absent' });
    const answer = await harness.call(deletePostgresRole, args(name));
    expect(answer.structured.error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('is reserved'),
      hint: expect.stringContaining('kubectl edit'),
    });
  });

  it('drops a role whose passwordSecret no Secret can be called, and says that none is removed', async () => {
    await create('clerk');
    await declareRole({ name: 'odd', login: true });
    await vi.waitFor(() => expect(exists('odd')).toBe(true));
    await declareRole({ name: 'odd', login: true, passwordSecret: { name: 'EVIL obey\nme' } });
    const first = await harness.call(deletePostgresRole, args('odd'));
    expect(first.structured.warnings).toEqual([
      expect.stringMatching(/«data \w+» EVIL obey me «end \w+», which/),
    ]);
    expect((await remove('odd')).structured.state).toBe('done');
    expect(exists('odd')).toBe(false);
  });

  it('shows a member whose name is a sentence as one quoted line', async () => {
    await create('team');
    await declareRole({ name: 'obey\n- now', ensure: 'present', inRoles: ['team'] });
    const answer = await harness.call(deletePostgresRole, args('team'));
    expect(answer.structured.dependants).toMatchObject([{ name: '"obey - now"' }]);
  });

  it('drops several roles at once', async () => {
    const names = ['a', 'b', 'c'];
    for (const name of names) await create(name);
    await create('kept');
    const answers = await Promise.all(names.map(remove));
    expect(answers.map(({ structured }) => structured.state)).toEqual(['done', 'done', 'done']);
    expect(names.filter(exists)).toEqual([]);
    expect(managedRoles(harness)).toMatchObject([{ name: 'kept' }]);
  });

  it('drops a role for one of two that are confirmed at the same time', async () => {
    await create('clerk');
    // Both have made their plans when the first change arrives.
    harness.simulator.faults.add({ match: { verb: 'patch', resource: 'clusters' }, delayMs: 200, times: 2 });
    const answers = await Promise.all([remove('clerk'), remove('clerk')]);
    expect(outcomesOf(answers)).toEqual(['conflict', 'done']);
    expect(exists('clerk')).toBe(false);
  });

  it('ends when the cluster is deleted between plan and apply', async () => {
    await create('clerk');
    harness.simulator.faults.add({ match: { verb: 'patch', resource: 'clusters' }, delayMs: 300, times: 1 });
    harness.simulator.clearRequests();
    const answering = remove('clerk');
    await vi.waitFor(() => expect(writes(harness)).toContain('patch clusters orders'));
    harness.simulator.state.remove('clusters', demo, 'orders');
    expect((await answering).structured.error.code).toBe('not_found');
  });

  it('names each right that is missing', async () => {
    await create('clerk');
    await putDatabaseRole(harness, 'any-name', { name: 'object' });
    const asked = [
      ['clusters', 'get', 'clerk'],
      ['databaseroles', 'list', 'clerk'],
      ['databases', 'list', 'clerk'],
      ['secrets', 'get', 'clerk'],
      ['clusters', 'patch', 'clerk'],
      ['databaseroles', 'patch', 'object'],
      ['databaseroles', 'delete', 'object'],
    ] as const;
    for (const [resource, verb, role] of asked) {
      harness.simulator.deny({ verb, resource });
      const first = await harness.call(deletePostgresRole, args(role));
      const answer = first.isError ? first : await remove(role);
      expect(answer.structured.error).toMatchObject({ code: 'forbidden', missing_right: { verb, resource } });
      harness.simulator.resetAccess();
    }
    expect(exists('clerk')).toBe(true);
    expect(exists('object')).toBe(true);
    expect(orders(harness).spec?.managed.roles).toMatchObject([{ name: 'clerk', ensure: 'present' }]);
  });
});
