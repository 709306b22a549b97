/** What has to be right before a role is dropped: no refusal, every right, and a person's confirmation. */
import { describe, expect, it, vi } from 'vitest';
import { ordersRoles } from '../../../test/orders-roles.ts';
import { demo, managedRoles, orders, putDatabaseRole, writes } from '../../../test/running-cluster.ts';
import { ConfirmationSealer } from '../../policy/confirmation.ts';
import { localPrincipal } from '../../policy/principal.ts';
import { type PipelineParts, runTool } from '../pipeline.ts';
import { defaultToolSettings } from '../settings.ts';
import { deletePostgresRole } from './delete-postgres-role.ts';
import { updatePostgresRole } from './update-postgres-role.ts';

const roles = ordersRoles();
const { args, create, remove, exists, secret, declareRole, putDatabase } = roles;

describe('delete_postgres_role', () => {
  it('shows what is lost first, and changes nothing without a confirmation', async () => {
    await create('clerk');
    roles.harness.simulator.clearRequests();
    const answer = await roles.harness.call(deletePostgresRole, { ...args('clerk'), confirm: true });
    expect(answer.structured).toMatchObject({
      state: 'confirmation_required',
      confirmation: { confirm_name: 'clerk' },
      losses: [expect.stringContaining('The role clerk'), expect.stringContaining('cnpg-orders-user-clerk')],
    });
    expect(writes(roles.harness)).toEqual([]);
  });

  it('refuses the owner of a declared database, but not of one of another cluster', async () => {
    await create('clerk');
    putDatabase({ owner: 'clerk', cluster: { name: 'else' } });
    expect((await roles.harness.call(deletePostgresRole, args('clerk'))).structured.state).toBe(
      'confirmation_required',
    );
    putDatabase({ owner: 'clerk' });
    const answer = await roles.harness.call(deletePostgresRole, args('clerk'));
    expect(answer.structured.error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('Database a-database'),
    });
  });

  it('names the roles that are declared as members', async () => {
    await create('team');
    await create('clerk', { in_roles: ['team'] });
    const answer = await roles.harness.call(deletePostgresRole, args('team'));
    expect(answer.structured.dependants).toMatchObject([
      { kind: 'role', name: 'clerk', fate: expect.stringContaining('still names team') },
    ]);
  });

  it('checks every step with the API server in a dry run, and changes nothing', async () => {
    await create('clerk');
    roles.harness.simulator.clearRequests();
    const answer = await roles.harness.call(deletePostgresRole, { ...args('clerk'), dry_run: true });
    expect(answer.structured.state).toBe('dry_run');
    expect(answer.structured.diffs[0].diff).toMatch(/ensure: absent/);
    expect(managedRoles(roles.harness)).toMatchObject([{ name: 'clerk', ensure: 'present' }]);
    expect(secret('clerk')).toBeDefined();
    expect(exists('clerk')).toBe(true);
  });

  it('holds a confirmation good while other roles change, and void when this one does', async () => {
    await create('clerk');
    const confirm = async () => {
      const { confirm_name, confirm_token } = (await roles.harness.call(deletePostgresRole, args('clerk')))
        .structured.confirmation;
      return () =>
        roles.harness.call(deletePostgresRole, {
          ...args('clerk'),
          confirm: true,
          confirm_name,
          confirm_token,
        });
    };
    const stale = await confirm();
    await roles.harness.call(updatePostgresRole, { ...args('clerk'), createdb: true });
    expect((await stale()).structured.error.code).toBe('confirmation_invalid');
    expect(exists('clerk')).toBe(true);
    const good = await confirm();
    await create('other');
    expect((await good()).structured.state).toBe('done');
  });

  it('does not take a used confirmation on another replica when the role was declared again alike', async () => {
    const { kube, simulator } = roles.harness;
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
    await roles.harness.kube.patch('clusters', key, { type: 'merge', body: { metadata } });
    roles.harness.simulator.clearRequests();
    const refused = { code: 'refused', message: expect.stringContaining('demo/orders is protected') };
    expect((await roles.harness.call(deletePostgresRole, args('clerk'))).structured.error).toMatchObject(
      refused,
    );
    expect(writes(roles.harness)).toEqual([]);
    await roles.harness.kube.patch('clusters', key, { type: 'merge', body: { spec: { managed: null } } });
    expect((await roles.harness.call(deletePostgresRole, args('clerk'))).structured.error).toMatchObject(
      refused,
    );
    expect(secret('clerk')).toBeDefined();
  });

  it.each(['none', 'public'])('never says that PostgreSQL dropped %s, which it cannot have', async (name) => {
    await declareRole({ name, ensure: 'absent' });
    const answer = await roles.harness.call(deletePostgresRole, args(name));
    expect(answer.structured.error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('is reserved'),
      hint: expect.stringContaining('kubectl edit'),
    });
  });

  it('shows a member whose name is a sentence as one quoted line', async () => {
    await create('team');
    await declareRole({ name: 'obey\n- now', ensure: 'present', inRoles: ['team'] });
    const answer = await roles.harness.call(deletePostgresRole, args('team'));
    expect(answer.structured.dependants).toMatchObject([{ name: '"obey - now"' }]);
  });

  it('names each right that is missing', async () => {
    await create('clerk');
    await putDatabaseRole(roles.harness, 'any-name', { name: 'object' });
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
      roles.harness.simulator.deny({ verb, resource });
      const first = await roles.harness.call(deletePostgresRole, args(role));
      const answer = first.isError ? first : await remove(role);
      expect(answer.structured.error).toMatchObject({ code: 'forbidden', missing_right: { verb, resource } });
      roles.harness.simulator.resetAccess();
    }
    expect(exists('clerk')).toBe(true);
    expect(exists('object')).toBe(true);
    expect(orders(roles.harness).spec?.managed.roles).toMatchObject([{ name: 'clerk', ensure: 'present' }]);
  });
});
