/** What only the real operator can prove about roles, in both places where they are declared, as far as this operator has them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  apply,
  clusterManifest,
  deleteNamespace,
  getObject,
  hasDatabaseRoles,
  makeNamespace,
  psql,
  until,
  untilHealthy,
} from './support/kubernetes.ts';
import { type RunningServer, startServer } from './support/server.ts';

const places = ['spec.managed.roles', ...((await hasDatabaseRoles()) ? ['DatabaseRole'] : [])];

describe.each(places)('roles in %s', (place) => {
  const name = 'orders';
  let server: RunningServer;
  let namespace: string;
  const of = (role_name: string, more: object = {}) => ({
    namespace,
    cluster_name: name,
    role_name,
    ...more,
  });
  const sql = (text: string, database = 'postgres') => psql(namespace, name, text, database);

  /** Everything that PostgreSQL knows of a role, its password included. */
  const row = (role: string) =>
    sql(
      `select a.*, array(select roleid::regrole from pg_auth_members where member = a.oid) from pg_authid a where rolname = '${role}'`,
    );
  const inlineNames = async (): Promise<string[]> => {
    const { spec } = await getObject('cluster', name, namespace);
    return (spec.managed?.roles ?? []).map((role: { name: string }) => role.name);
  };

  /** Calls while a transaction makes the same role by SQL, which ends as soon as the operator waits for it. */
  const createBesideSql = async (role: string) => {
    const wait = `
      for i in 1..2400 loop
        perform pg_stat_clear_snapshot();
        exit when exists (select from pg_stat_activity where wait_event_type = 'Lock' and query ilike 'create role%');
        perform pg_sleep(0.05);
      end loop`;
    const other = sql(
      `begin; create role ${role} login createdb connection limit 7 password 'theirs'; do $$ begin ${wait}; end $$; commit`,
    );
    await until('the other transaction has made the role', 30, async () => {
      const begun = `select count(*) from pg_stat_activity where wait_event = 'PgSleep' and query like '%role ${role}%'`;
      return (await sql(begun)) === '1';
    });
    const answer = await server.call('create_postgres_role', of(role, { timeout: 60 }));
    await other;
    return answer;
  };

  beforeAll(async () => {
    namespace = await makeNamespace('e2e-roles');
    server = await startServer('stdio');
    const parameters = { max_connections: '50', shared_buffers: '64MB' };
    await apply(clusterManifest(namespace, name, { postgresql: { parameters } }));
    await untilHealthy(namespace, name);
    if (place === 'DatabaseRole') {
      await apply({
        apiVersion: 'postgresql.cnpg.io/v1',
        kind: 'DatabaseRole',
        metadata: { name: 'first', namespace },
        spec: { cluster: { name }, name: 'first' },
      });
      await until('the first role is applied', 60, async () => {
        return (await getObject('databaserole', 'first', namespace)).status?.applied === true;
      });
    }
    const made = await server.call('create_postgres_role', of('managed', { timeout: 180 }));
    expect(made.structured, made.text).toMatchObject({ state: 'done', result: { defined_in: place } });
  });
  afterAll(async () => {
    await server?.stop();
    if (namespace) await deleteNamespace(namespace);
  });

  it('leaves a role as it is that was made by SQL right before the call', async () => {
    await sql(
      "create role billing login createdb connection limit 7 password 'theirs' valid until '2031-01-01' in role pg_monitor",
    );
    const before = await row('billing');
    const answer = await server.call('create_postgres_role', of('billing'));
    expect(answer, answer.text).toMatchObject({
      isError: true,
      structured: { error: { code: 'already_exists' } },
    });
    expect(answer.text).toContain('nothing remains');
    expect(await row('billing')).toBe(before);
    expect(await inlineNames()).toEqual(place === 'DatabaseRole' ? [] : ['managed']);
    expect(await getObject('secret', `cnpg-${name}-user-billing`, namespace)).toBeUndefined();
  });

  it('takes back what it has declared when the role is made by SQL at the same instant', async () => {
    const attributes: string[] = [];
    // Whether the operator tries again before the declaration is gone is not in our hand. Often it does not; the answer tells of both.
    while (attributes.length < 20 && !attributes.includes('t|7')) {
      const role = `rival${attributes.length}`;
      const answer = await createBesideSql(role);
      expect(answer.structured.error, answer.text).toMatchObject({ code: 'already_exists' });
      const now = await sql(`select rolcreatedb, rolconnlimit from pg_roles where rolname = '${role}'`);
      attributes.push(now);
      const secret = await getObject('secret', `cnpg-${name}-user-${role}`, namespace);
      if (answer.text.includes('It was too late')) {
        expect([now, secret?.kind]).toEqual(['f|-1', 'Secret']);
      } else {
        expect(answer.text).toContain('nothing remains');
        expect(answer.text).toContain('the operator may have tried again');
        expect(secret).toBeUndefined();
        expect(await inlineNames()).not.toContain(role);
      }
    }
    expect(attributes).toContain('t|7');
  });

  it('makes a role within the default time', async () => {
    const answer = await server.call('create_postgres_role', of('prompt'));
    expect(answer.structured, answer.text).toMatchObject({ state: 'done' });
    expect(await sql("select count(*) from pg_roles where rolname = 'prompt'")).toBe('1');
    const gone = await server.confirmed('delete_postgres_role', of('prompt'));
    expect(gone.structured.state, gone.text).toBe('done');
  });

  it('gives a role that may not log in no password', async () => {
    const answer = await server.call('create_postgres_role', of('readers', { login: false, timeout: 180 }));
    expect(answer.structured, answer.text).toMatchObject({ state: 'done', result: { login: false } });
    const password = "select rolcanlogin, rolpassword is null from pg_authid where rolname = 'readers'";
    expect(await sql(password)).toBe('f|t');
    expect(await getObject('secret', `cnpg-${name}-user-readers`, namespace)).toBeUndefined();
    const reset = await server.call(
      'update_postgres_role',
      of('readers', { login: true, reset_password: true, timeout: 180 }),
    );
    expect(reset.structured.state, reset.text).toBe('done');
    expect(await sql(password)).toBe('t|f');
    const gone = await server.confirmed('delete_postgres_role', of('readers'));
    expect(gone.structured, gone.text).toMatchObject({
      state: 'done',
      result: { removed_secret: `cnpg-${name}-user-readers` },
    });
  });

  it('creates it once it was dropped by SQL, although the operator has listed it', async () => {
    await sql('drop role billing');
    const answer = await server.call('create_postgres_role', of('billing', { timeout: 180 }));
    expect(answer.structured, answer.text).toMatchObject({ state: 'done' });
    // The rival stays declared where it was too late to take it back.
    const declared = (await inlineNames()).filter((role) => !role.startsWith('rival'));
    expect(declared).toEqual(place === 'DatabaseRole' ? [] : ['managed', 'billing']);
  });

  it('sees that memberships alone were granted and revoked', async () => {
    const members = () =>
      sql(
        "select coalesce(string_agg(roleid::regrole::text, ',' order by 1), '') from pg_auth_members where member = 'billing'::regrole",
      );
    for (const in_roles of [['managed'], ['pg_read_all_data', 'managed'], [], ['managed'], []]) {
      const answer = await server.call('update_postgres_role', of('billing', { in_roles }));
      expect(answer.structured.state, answer.text).toBe('done');
      expect((await members()).split(',').filter(Boolean).sort()).toEqual([...in_roles].sort());
    }
  });

  it('answers a repeated drop soon, with the reason of before, and drops the role once that is gone', async () => {
    await sql('create table owned (); alter table owned owner to billing', 'app');
    const refused = await server.confirmed('delete_postgres_role', of('billing'));
    expect(refused.structured.state, refused.text).toBe('failed');
    const started = Date.now();
    const again = await server.confirmed('delete_postgres_role', of('billing'));
    expect(again.structured.state, again.text).toBe('failed');
    expect(again.text).toContain('2BP01');
    expect(Date.now() - started).toBeLessThan(12_000);
    await sql('drop table owned', 'app');
    const dropped = await server.confirmed('delete_postgres_role', of('billing'));
    expect(dropped.structured.state, dropped.text).toBe('done');
    expect(await row('billing')).toBe('');
  });
});
