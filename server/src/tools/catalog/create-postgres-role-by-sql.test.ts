/** create_postgres_role and roles that PostgreSQL has without a declaration: what the operator would take over. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Harness } from '../../../test/harness.ts';
import { ordersRoles } from '../../../test/orders-roles.ts';
import {
  demo,
  managedRoles,
  orders,
  primaryNotReady,
  putDatabaseRole,
  writes,
} from '../../../test/running-cluster.ts';
import { markerName } from '../../cnpg/role-marker.ts';
import { createPostgresRole } from './create-postgres-role.ts';

const roles = ordersRoles();
const { create, createUntilSecret, secret, inPostgres } = roles;

const bySql = (role: string) =>
  roles.harness.simulator.postgres.createRole(demo, 'orders', role, { login: true, createdb: true });
const listed = () => orders(roles.harness).status?.managedRolesStatus?.byStatus?.['not-managed'] ?? [];

/** What a call leaves behind that is killed while it looks. */
const leaveMarker = ({ kube }: Harness, name: string) =>
  kube.patch(
    'clusters',
    { name: 'orders', namespace: demo },
    {
      type: 'json',
      body: [{ op: 'add', path: '/spec/managed', value: { roles: [{ name, ensure: 'absent' }] } }],
    },
  );

describe('create_postgres_role', () => {
  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'leaves a role made by SQL as it is, with the first role in %s',
    async (place) => {
      bySql('billing');
      if (place === 'DatabaseRole') await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
      const before = structuredClone(inPostgres('billing'));
      roles.harness.simulator.clearRequests();
      const answer = await create('billing');
      expect(answer.structured).toMatchObject({
        error: {
          code: 'already_exists',
          message: expect.stringContaining('PostgreSQL has a role billing already'),
        },
        steps: [{ status: 'undone' }, { status: 'failed' }, ...answer.structured.steps.slice(2)],
      });
      expect(answer.text).toContain('nothing remains');
      expect(writes(roles.harness)).toEqual(['patch clusters orders', 'patch clusters orders']);
      expect(managedRoles(roles.harness)).toEqual([]);
      expect(secret('billing')).toBeUndefined();
      expect(inPostgres('billing')).toEqual(before);
    },
  );

  it('leaves a role as it is that was made by SQL after the operator looked last', async () => {
    await create('first');
    bySql('billing');
    const before = structuredClone(inPostgres('billing'));
    expect(listed()).not.toContain('billing');
    const answer = await create('billing');
    expect(answer.structured.error.code).toBe('already_exists');
    expect(inPostgres('billing')).toEqual(before);
    expect(managedRoles(roles.harness)).toMatchObject([{ name: 'first' }]);
    expect(secret('billing')).toBeUndefined();
  });

  /** The role becomes visible when the operator tries to make it; the operator gets its way after so many attempts. */
  const hold = (role: string, attempts = Number.POSITIVE_INFINITY) =>
    roles.harness.simulator.postgres.beginRole(
      demo,
      'orders',
      role,
      { login: true, createdb: true },
      attempts,
    );

  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'takes back what it has declared in %s when PostgreSQL says then that it has the role',
    async (place) => {
      if (place === 'DatabaseRole') await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
      hold('billing');
      const answer = await create('billing', { wait: false });
      expect(answer.structured.error).toMatchObject({
        code: 'already_exists',
        message: expect.stringContaining('made by SQL while this call was creating one'),
        hint: expect.stringContaining('may have tried again before the declaration was taken back'),
      });
      expect(answer.text).toContain('nothing remains');
      expect(managedRoles(roles.harness)).toEqual([]);
      expect(secret('billing')).toBeUndefined();
      await roles.harness.simulator.state.until('databaseroles', demo, 'orders-billing', (object) => !object);
      expect(inPostgres('billing')).toEqual({ name: 'billing', attributes: { login: true, createdb: true } });
    },
  );

  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'takes back what it has declared in %s when the operator makes its first attempt seconds later',
    async (place) => {
      if (place === 'DatabaseRole') await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
      hold('billing');
      const { simulator } = roles.harness;
      const { answering } = await createUntilSecret('billing');
      await primaryNotReady(roles.harness);
      // Longer than a call that does not wait looks at what becomes of the declaration.
      await delay(2500);
      expect(inPostgres('billing')).toBeUndefined();
      simulator.postgres.behave(demo, 'orders-1', {});
      const answer = await answering;
      expect(answer.structured.error.code).toBe('already_exists');
      expect(answer.text).toContain('nothing remains');
      expect(managedRoles(roles.harness)).toEqual([]);
      expect(secret('billing')).toBeUndefined();
    },
  );

  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'says that it was too late when the operator has taken the role over by then, with the first role in %s',
    async (place) => {
      if (place === 'DatabaseRole') await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
      hold('billing', 1);
      // The look, the edit and its answer come before: what is slow is the reading before the declaration is taken back.
      const slow = place === 'DatabaseRole' ? 'databaseroles' : 'clusters';
      const declared = place === 'DatabaseRole' ? 'create databaseroles' : 'create secrets';
      roles.harness.simulator.clearRequests();
      const answering = create('billing');
      await vi.waitFor(() => expect(writes(roles.harness)).toContain(declared));
      roles.harness.simulator.faults.add({ match: { verb: 'get', resource: slow }, delayMs: 200 });
      const answer = await answering;
      expect(answer.structured.error.code).toBe('already_exists');
      expect(answer.text).toContain('It was too late to take the declaration back');
      expect(secret('billing')).toBeDefined();
      expect(inPostgres('billing')?.attributes).toMatchObject({ createdb: false });
    },
  );

  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'sees a refusal that the operator has replaced before the call could look, with the first role in %s',
    async (place) => {
      if (place === 'DatabaseRole') await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
      hold('billing', 1);
      const resource = place === 'DatabaseRole' ? 'databaseroles' : 'clusters';
      const { faults } = roles.harness.simulator;
      const { answering } = await createUntilSecret('billing');
      for (const verb of ['list', 'watch']) faults.add({ match: { verb, resource }, delayMs: 400 });
      const answer = await answering;
      expect(answer.structured.error?.code, answer.text).toBe('already_exists');
      expect(answer.text).toContain('It was too late to take the declaration back');
    },
  );

  it('keeps the Secret of a DatabaseRole that it may not take back, and says why', async () => {
    await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
    roles.harness.simulator.deny({ verb: 'delete', resource: 'databaseroles' });
    hold('billing');
    const answer = await create('billing');
    expect(answer.structured.error.code).toBe('already_exists');
    expect(answer.text).toMatch(/were not undone.*may not delete databaseroles/s);
    expect(secret('billing')).toBeDefined();
  });

  it('says beforehand that the role was there when the operator looked last, and does not take that for an answer', async () => {
    await create('billing');
    const body = [{ op: 'remove' as const, path: '/spec/managed/roles/0' }];
    const key = { name: 'orders', namespace: demo };
    await create('first');
    await roles.harness.kube.patch('clusters', key, { type: 'json', body });
    roles.harness.simulator.state.remove('secrets', demo, 'cnpg-orders-user-billing');
    await vi.waitFor(() => expect(listed()).toContain('billing'));
    const shown = await create('billing', { dry_run: true });
    expect(shown.structured).toMatchObject({
      state: 'dry_run',
      warnings: [expect.stringContaining('had a role billing when the operator looked last')],
    });
    expect((await create('billing')).structured.error.code).toBe('already_exists');
    expect(managedRoles(roles.harness)).toMatchObject([{ name: 'first' }]);
  });

  it('takes one write more than without a look, and leaves no marker', async () => {
    await create('first');
    roles.harness.simulator.clearRequests();
    const answer = await create('clerk');
    // An edit is repeated when the operator wrote its status in between.
    const accepted = roles.harness.simulator.requests.filter(({ status }) => status < 400);
    expect(
      writes({ ...roles.harness, simulator: { ...roles.harness.simulator, requests: accepted } }),
    ).toEqual(['patch clusters orders', 'create secrets', 'patch clusters orders']);
    expect(answer.structured).toMatchObject({ state: 'done', warnings: [] });
    expect(managedRoles(roles.harness).map(({ name }) => name)).toEqual(['first', 'clerk']);
  });

  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'clears the marker of a call for the same role that was killed, with the first role in %s',
    async (place) => {
      if (place === 'DatabaseRole') await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
      await leaveMarker(roles.harness, markerName('clerk', new Date()));
      expect((await create('clerk')).structured).toMatchObject({ state: 'done' });
      expect(managedRoles(roles.harness).map(({ name }) => name)).toEqual(
        place === 'DatabaseRole' ? [] : ['clerk'],
      );
    },
  );

  it('makes a DatabaseRole although the marker cannot be taken out, and says so', async () => {
    await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
    roles.harness.simulator.clearRequests();
    roles.harness.simulator.faults.add({
      match: { verb: 'create', resource: 'databaseroles' },
      delayMs: 300,
      times: 1,
    });
    const answering = create('clerk');
    await vi.waitFor(() => expect(writes(roles.harness)).toContain('create databaseroles'));
    roles.harness.simulator.deny({ verb: 'patch', resource: 'clusters' });
    const answer = await answering;
    expect(answer.structured).toMatchObject({ state: 'done' });
    expect(answer.structured.steps.at(-2)).toMatchObject({
      what: expect.stringContaining('marker'),
      status: 'failed',
    });
    expect(secret('clerk')).toBeDefined();
  });

  it('creates nothing when the operator does not look, and takes the marker out again', async () => {
    await create('first');
    await primaryNotReady(roles.harness);
    const answer = await create('clerk', { timeout: 1 });
    expect(answer.structured).toMatchObject({
      error: { code: 'timeout', message: expect.stringContaining('did not say which roles PostgreSQL has') },
      steps: [{ status: 'undone' }, ...answer.structured.steps.slice(1)],
    });
    expect(answer.text).toContain('The steps before it were undone: nothing remains.');
    expect(managedRoles(roles.harness).map(({ name }) => name)).toEqual(['first']);
    expect(secret('clerk')).toBeUndefined();
  });

  it('takes the marker out again when the call is cancelled', async () => {
    await primaryNotReady(roles.harness);
    const caller = new AbortController();
    const answering = roles.harness.call(
      createPostgresRole,
      { namespace: demo, cluster_name: 'orders', role_name: 'clerk' },
      { signal: caller.signal },
    );
    await vi.waitFor(() => expect(managedRoles(roles.harness)).toHaveLength(1));
    caller.abort();
    expect((await answering).structured.error.code).toBe('cancelled');
    expect(managedRoles(roles.harness)).toEqual([]);
  });

  it('makes the first role of a cluster in one call', async () => {
    const answer = await create('clerk');
    expect(answer.structured).toMatchObject({ state: 'done', losses: [], warnings: [] });
    expect(managedRoles(roles.harness).map(({ name }) => name)).toEqual(['clerk']);
  });

  it('does not take the list of before for an answer when only a marker is left', async () => {
    bySql('billing');
    await leaveMarker(roles.harness, 'cnpg-mcp-marker-00000000-00000000-0');
    expect((await create('billing')).structured.error.code).toBe('already_exists');
    expect(managedRoles(roles.harness)).toEqual([]);
  });
});
