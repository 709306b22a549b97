import { describe, expect, it } from 'vitest';
import { clusterFixture } from './cluster.fixture.ts';
import {
  applicationDatabase,
  connectionUrl,
  isLabelValue,
  isReservedDatabase,
  own,
  quoteIdentifier,
  reservedRoleReason,
} from './role-names.ts';

describe('names', () => {
  it.each(['postgres', 'streaming_replica', 'pg_monitor', 'cnpg_pooler_pgbouncer', 'cnpg-mcp-marker-1'])(
    'knows that the role %s is reserved',
    (name) => expect(reservedRoleReason(name)).toBeTypeOf('string'),
  );

  it.each(['app', 'app_user', 'postgres2', 'PG_monitor', 'my_pg_user'])(
    'lets people use the role %s',
    (name) => expect(reservedRoleReason(name)).toBeUndefined(),
  );

  it('knows the databases that every server has', () => {
    expect(['postgres', 'template0', 'template1', 'app'].filter(isReservedDatabase)).toEqual([
      'postgres',
      'template0',
      'template1',
    ]);
  });

  it('finds the application database, however the cluster was made', () => {
    const made = (bootstrap: object) =>
      applicationDatabase(clusterFixture((cluster) => Object.assign(cluster.spec, { bootstrap })));
    const shop = { database: 'shop', owner: 'clerk' };
    expect(made({ initdb: shop })).toEqual(shop);
    expect(made({ recovery: { source: 'old', ...shop } })).toEqual(shop);
    expect(made({ pg_basebackup: { source: 'old', ...shop } })).toEqual(shop);
    expect(made({ recovery: { source: 'old' } })).toBeUndefined();
  });

  it('quotes SQL identifiers and escapes URLs', () => {
    expect(quoteIdentifier('a"b')).toBe('"a""b"');
    expect(connectionUrl('order clerk', 'pg', 'demo', 'my db')).toBe(
      'postgresql://order%20clerk:<password>@pg-rw.demo.svc:5432/my%20db',
    );
  });

  it('takes only what Kubernetes takes as a label value', () => {
    expect(['app_user', 'App.user', 'x'.repeat(63)].every(isLabelValue)).toBe(true);
    expect(['order clerk', '_app', 'app-', 'é', 'x'.repeat(64), ''].some(isLabelValue)).toBe(false);
  });

  it('never answers with something that every object inherits', () => {
    expect(own({ app: 1 }, 'app')).toBe(1);
    expect(own({ app: 1 }, 'constructor')).toBeUndefined();
  });
});
