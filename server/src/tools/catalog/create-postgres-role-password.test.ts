import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Harness, startHarness } from '../../../test/harness.ts';
import { demo, putDatabaseRole, startOrders, writes } from '../../../test/running-cluster.ts';
import { createPostgresRole } from './create-postgres-role.ts';
import { updatePostgresRole } from './update-postgres-role.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
  await startOrders(harness);
});
afterEach(() => harness.close());

const create = (args: Record<string, unknown>) =>
  harness.call(createPostgresRole, { cluster_name: 'orders', namespace: demo, ...args });
const secret = (name: string) => harness.simulator.state.get('secrets', demo, name);
const inPostgres = (role: string) => harness.simulator.postgres.role(demo, 'orders', role);

describe('the password of create_postgres_role', () => {
  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'is not made for a role in %s that may not log in, nor a Secret, and is given later on request',
    async (place) => {
      if (place === 'DatabaseRole') await putDatabaseRole(harness, 'any-name', { name: 'first' });
      const answer = await create({ role_name: 'readers', login: false });
      expect(answer.structured).toMatchObject({ state: 'done', result: { login: false, defined_in: place } });
      expect(Object.keys(answer.structured.result)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^password_|^connection/)]),
      );
      expect(answer.text).toContain('Password: none.');
      expect(writes(harness)).not.toContain('create secrets');
      expect(inPostgres('readers')).toMatchObject({ attributes: { login: false } });
      expect(inPostgres('readers')?.passwordVersion).toBeUndefined();
      const name = 'cnpg-orders-user-readers';
      const args = { cluster_name: 'orders', namespace: demo, role_name: 'readers', login: true };
      const asked = await harness.call(updatePostgresRole, { ...args, dry_run: true });
      expect(asked.structured.warnings).toEqual([
        'No Secret holds a password for readers: with reset_password: true it gets one.',
      ]);
      const given = await harness.call(updatePostgresRole, { ...args, reset_password: true });
      expect(given.structured).toMatchObject({
        state: 'done',
        warnings: [],
        result: { password_secret: name },
      });
      expect(inPostgres('readers')?.passwordVersion).toBe(secret(name)?.metadata.resourceVersion);
    },
  );

  it('is made or not as generate_password says, whatever login is', async () => {
    const with_ = await create({ role_name: 'a', login: false, generate_password: true });
    expect(with_.structured.result.password_secret).toBe('cnpg-orders-user-a');
    expect(with_.structured.result.connection).toBeUndefined();
    const without = await create({ role_name: 'b', generate_password: false });
    expect(without.structured.state).toBe('done');
    expect(without.structured.result.connection).toBeUndefined();
    expect(secret('cnpg-orders-user-b')).toBeUndefined();
  });
});
