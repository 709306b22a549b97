import { describe, expect, it } from 'vitest';
import { ordersRoles } from '../../../test/orders-roles.ts';
import { putDatabaseRole, writes } from '../../../test/running-cluster.ts';
import { updatePostgresRole } from './update-postgres-role.ts';

const roles = ordersRoles();
const { create, secret, inPostgres } = roles;

describe('the password of create_postgres_role', () => {
  it.each(['spec.managed.roles', 'DatabaseRole'])(
    'is not made for a role in %s that may not log in, nor a Secret, and is given later on request',
    async (place) => {
      if (place === 'DatabaseRole') await putDatabaseRole(roles.harness, 'any-name', { name: 'first' });
      const answer = await create('readers', { login: false });
      expect(answer.structured).toMatchObject({ state: 'done', result: { login: false, defined_in: place } });
      expect(Object.keys(answer.structured.result)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^password_|^connection/)]),
      );
      expect(answer.text).toContain('Password: none.');
      expect(writes(roles.harness)).not.toContain('create secrets');
      expect(inPostgres('readers')).toMatchObject({ attributes: { login: false } });
      expect(inPostgres('readers')?.passwordVersion).toBeUndefined();
      const args = { ...roles.args('readers'), login: true };
      const asked = await roles.harness.call(updatePostgresRole, { ...args, dry_run: true });
      expect(asked.structured.warnings).toEqual([
        'No Secret holds a password for readers: with reset_password: true it gets one.',
      ]);
      const given = await roles.harness.call(updatePostgresRole, { ...args, reset_password: true });
      expect(given.structured).toMatchObject({
        state: 'done',
        warnings: [],
        result: { password_secret: 'cnpg-orders-user-readers' },
      });
      expect(inPostgres('readers')?.passwordVersion).toBe(secret('readers')?.metadata.resourceVersion);
    },
  );

  it('is made or not as generate_password says, whatever login is', async () => {
    const with_ = await create('a', { login: false, generate_password: true });
    expect(with_.structured.result.password_secret).toBe('cnpg-orders-user-a');
    expect(with_.structured.result.connection).toBeUndefined();
    const without = await create('b', { generate_password: false });
    expect(without.structured.state).toBe('done');
    expect(without.structured.result.connection).toBeUndefined();
    expect(secret('b')).toBeUndefined();
  });
});
