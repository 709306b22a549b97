import { describe, expect, it } from 'vitest';
import { objectionsToBootstrap } from './bootstrap-names.ts';

const reasons = (database: string, owner: string) =>
  objectionsToBootstrap({ database, owner }).map(({ reason }) => reason);

describe('objectionsToBootstrap', () => {
  it.each([
    ['Shop', 'ShopOwner'],
    ['my-shop', 'my-owner'],
    ['größe', 'größe'],
    ['a.b', 'a$b'],
    ['1app', '2own'],
    ['user', 'select'],
    ['-x', '-y'],
    ['app', 'my owner'],
  ])('lets the database %s be owned by %s, as the operator does', (database, owner) => {
    expect(reasons(database, owner)).toEqual([]);
  });

  it.each(['postgres', 'template0', 'template1'])('refuses the database %s', (database) => {
    expect(reasons(database, 'app')).toEqual([
      `The database ${database} is on every PostgreSQL server already, so it cannot be made for an application.`,
    ]);
  });

  it('refuses a database with a space, which the operator cannot connect to', () => {
    expect(reasons('my db', 'app')).toEqual([
      'The operator cannot make a cluster whose first database has a space in its name ("my db").',
    ]);
  });

  it.each(['postgres', 'streaming_replica', 'pg_x', 'cnpg_x', 'none', 'public'])(
    'refuses the owner %s',
    (owner) => {
      expect(reasons('app', owner)).toEqual([
        expect.stringContaining(`The role ${owner} cannot own the database: `),
      ]);
    },
  );
});
