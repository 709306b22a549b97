import { describe, expect, it } from 'vitest';
import { clusterFixture } from './cluster.fixture.ts';
import { databaseSight, databaseStatus, databasesOf, dropsDatabase } from './databases.ts';
import type { Database } from './types.ts';

function database(status?: Database['status'], spec: Partial<Database['spec']> = {}): Database {
  return {
    metadata: { name: 'pg-my-db', namespace: 't-roles', generation: 2 },
    spec: { cluster: { name: 'pg' }, name: 'my_db', owner: 'clerk', ...spec },
    ...(status && { status }),
  };
}

const applied = { applied: true, observedGeneration: 2 };
const refused = {
  applied: false,
  message: 'while creating database "my_db": ERROR: role "x" does not exist',
};

describe('databases', () => {
  it('are found by the cluster that they name', () => {
    const others = database(undefined, { cluster: { name: 'pg2' } });
    expect(databasesOf(clusterFixture(), [database(), others])).toEqual([database()]);
  });

  it.each([
    ['applied', applied],
    ['pending', { applied: true, observedGeneration: 1 }],
    ['failed', refused],
    ['unknown', undefined],
    ['unknown', { message: 'waiting for the primary' }],
  ] as const)('are %s by the three states of applied and the generation', (state, status) => {
    expect(databaseStatus(database(status)).state).toBe(state);
  });

  it('are being deleted while terminating, although applied stays true', () => {
    const terminating = database(applied);
    terminating.metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    expect(databaseStatus(terminating).state).toBe('deleting');
    expect(databaseSight(terminating)).toMatchObject({ state: 'failed' });
  });

  it('end a wait when they are applied, refused or gone', () => {
    expect(databaseSight(database(applied))).toEqual({ state: 'applied' });
    expect(databaseSight(database(refused))).toMatchObject({ state: 'failed', quoted: refused.message });
    expect(databaseSight(database())).toEqual({ state: 'waiting' });
    expect(databaseSight(undefined)).toMatchObject({ state: 'failed' });
  });

  it('are dropped with an object that was applied once and is to delete', () => {
    expect(dropsDatabase(database(applied, { databaseReclaimPolicy: 'delete' }))).toBe(true);
    expect(dropsDatabase(database(undefined, { databaseReclaimPolicy: 'delete' }))).toBe(false);
    expect(dropsDatabase(database(applied))).toBe(false);
  });
});
