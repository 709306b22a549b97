import { describe, expect, it } from 'vitest';
import { clusterOf, podFixture } from './cluster.fixture.ts';
import { cautionsOnScaling, instancesToGo, objectionsToScaling } from './scaling.ts';
import { syncQuorum } from './synchronous.ts';
import type { Cluster } from './types.ts';

const reasons = (cluster: Cluster, target: number) =>
  objectionsToScaling(cluster, target).map(({ reason }) => reason);

describe('syncQuorum', () => {
  it('leaves room for the primary besides the synchronous standbys', () => {
    expect(syncQuorum({ postgresql: { synchronous: { number: 2 } } })?.least).toBe(3);
  });

  it('counts standbys outside the cluster as the webhook does', () => {
    const synchronous = { number: 2, standbyNamesPre: ['far'], standbyNamesPost: ['away'] };
    expect(syncQuorum({ postgresql: { synchronous } })?.least).toBe(1);
  });

  it('reads the older maxSyncReplicas', () => {
    expect(syncQuorum({ minSyncReplicas: 1, maxSyncReplicas: 2 })).toMatchObject({ least: 3, strict: false });
    expect(syncQuorum({ minSyncReplicas: 0, maxSyncReplicas: 0 })).toBeUndefined();
  });
});

describe('objectionsToScaling', () => {
  it('refuses to scale below the synchronous quorum, naming the setting', () => {
    const cluster = clusterOf(3, ({ spec }) => {
      spec.postgresql = { synchronous: { method: 'any', number: 1 } };
    });
    expect(reasons(cluster, 2)).toEqual([]);
    expect(reasons(cluster, 1)).toEqual([
      'pg needs at least 2 instances: postgresql.synchronous.number is 1.',
    ]);
    expect(cautionsOnScaling(cluster, 2)[0]).toMatch(/^Writes stop when a single standby is lost/);
  });

  it('does not warn about a spare standby when durability is only preferred', () => {
    const cluster = clusterOf(3, ({ spec }) => {
      spec.postgresql = { synchronous: { number: 1, dataDurability: 'preferred' } };
    });
    expect(cautionsOnScaling(cluster, 2)).toEqual([]);
  });

  it.each([
    [{ targetPrimary: 'pg-2' }],
    [{ targetPrimary: 'pending' }],
    [{ phase: 'Switchover in progress' }],
    [{ phase: 'Failing over' }],
  ])("refuses while the primary's role moves: %j", (status) => {
    const cluster = clusterOf(3, (made) => Object.assign(made.status ?? {}, status));
    expect(reasons(cluster, 4)).toEqual(["The primary's role of pg is moving to another instance."]);
  });

  it('refuses while the cluster is being deleted', () => {
    const cluster = clusterOf(3, ({ metadata }) => {
      metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    });
    expect(reasons(cluster, 4)).toEqual(['pg is being deleted.']);
  });
});

describe('instancesToGo', () => {
  it('takes the ready standby with the highest serial, numerically', () => {
    const cluster = clusterOf(3, ({ status }) => {
      if (status) status.instanceNames = ['pg-1', 'pg-9', 'pg-10'];
    });
    const pods = [podFixture(1), podFixture(9), podFixture(10)];
    expect(instancesToGo(cluster, 2, pods)).toEqual(['pg-10']);
    expect(instancesToGo(cluster, 1, pods)).toEqual(['pg-10', 'pg-9']);
    expect(instancesToGo(cluster, 1)).toEqual(['pg-10', 'pg-9']);
  });

  it('never takes the primary, whatever its serial is', () => {
    const cluster = clusterOf(3, ({ status }) => {
      if (status) status.currentPrimary = 'pg-3';
    });
    const pods = [podFixture(1, { primary: false }), podFixture(2), podFixture(3, { primary: true })];
    expect(instancesToGo(cluster, 2, pods)).toEqual(['pg-2']);
    expect(instancesToGo(cluster, 2)).toEqual(['pg-2']);
  });

  it('takes an instance whose pod is missing before any that works', () => {
    expect(instancesToGo(clusterOf(3), 2, [podFixture(1), podFixture(3)])).toEqual(['pg-2']);
  });

  it('passes over standbys that are not ready, and names fewer rather than the wrong one', () => {
    const pods = [podFixture(1), podFixture(2), podFixture(3, { ready: false })];
    expect(instancesToGo(clusterOf(3), 2, pods)).toEqual(['pg-2']);
    expect(instancesToGo(clusterOf(3), 1, pods)).toEqual(['pg-2']);
  });

  it('does not count an instance that is shutting down already', () => {
    const leaving = podFixture(3);
    leaving.metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    expect(instancesToGo(clusterOf(3), 2, [podFixture(1), podFixture(2), leaving])).toEqual(['pg-2']);
  });

  it('names nobody when the cluster grows or stays', () => {
    expect(instancesToGo(clusterOf(3), 3, [podFixture(1), podFixture(2), podFixture(3)])).toEqual([]);
    expect(instancesToGo(clusterOf(3), 5)).toEqual([]);
  });
});
