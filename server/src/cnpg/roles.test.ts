import { describe, expect, it } from 'vitest';
import { clusterFixture } from './cluster.fixture.ts';
import {
  attributesOf,
  declarationsOf,
  declaredRoles,
  isKnownRole,
  placePhrase,
  privilegeWarnings,
  roleStatus,
  undeclaredRoles,
  writeRefusal,
} from './roles.ts';
import type { Cluster, DatabaseRole, ManagedRolesStatus, RoleSpec } from './types.ts';

function clusterWith(roles: RoleSpec[], managedRolesStatus: ManagedRolesStatus = {}): Cluster {
  return clusterFixture((cluster) => {
    cluster.spec.managed = { roles };
    cluster.status = { ...cluster.status, managedRolesStatus };
  });
}

function databaseRole(name: string, status?: DatabaseRole['status'], cluster = 'pg'): DatabaseRole {
  return {
    metadata: { name: `object-of-${name}`, namespace: 't-roles', generation: 2 },
    spec: { name, cluster: { name: cluster } },
    ...(status && { status }),
  };
}

const inline = (name: string) => ({ place: 'spec.managed.roles' as const, spec: { name } });
const asObject = (object: DatabaseRole) => ({ place: 'DatabaseRole' as const, spec: object.spec, object });

describe('declaredRoles', () => {
  it('finds roles in both places and leaves out those of other clusters', () => {
    const roles = declaredRoles(clusterWith([{ name: 'app_user' }]), [
      databaseRole('clerk'),
      databaseRole('stranger', undefined, 'pg2'),
    ]);
    expect(roles.map(({ spec }) => spec.name)).toEqual(['app_user', 'clerk']);
    expect(roles.map(placePhrase)).toEqual(['spec.managed.roles', 'DatabaseRole object-of-clerk']);
    expect(declarationsOf(roles, 'clerk')).toHaveLength(1);
  });

  it('does not take the marker of a drop for a role', () => {
    const cluster = clusterWith([{ name: 'cnpg-mcp-marker-0a1b2c3d', ensure: 'absent' }]);
    expect(declaredRoles(cluster, [])).toEqual([]);
  });
});

describe('attributesOf', () => {
  it('fills in the defaults: a role inherits, and may do nothing else', () => {
    expect(attributesOf({ name: 'app' })).toEqual({
      login: false,
      superuser: false,
      inherit: true,
      createdb: false,
      createrole: false,
      replication: false,
      in_roles: [],
    });
  });
});

describe('roleStatus', () => {
  it('quotes what PostgreSQL said about an inline role', () => {
    const error = 'could not perform DELETE on role a: owner of table owned_t';
    const cluster = clusterWith([{ name: 'a' }], {
      byStatus: { 'pending-reconciliation': ['a'] },
      cannotReconcile: { a: [error] },
    });
    expect(roleStatus(cluster, inline('a'))).toEqual({ state: 'failed', messages: [error] });
  });

  it('does not keep an error that has outlived its cause', () => {
    const cluster = clusterWith([{ name: 'a' }], {
      byStatus: { reconciled: ['a'] },
      cannotReconcile: { a: ['role "b" does not exist'] },
    });
    expect(roleStatus(cluster, inline('a'))).toEqual({ state: 'reconciled', messages: [] });
  });

  it('says pending, or unknown when the operator has said nothing, also of a role named like a method', () => {
    const cluster = clusterWith([{ name: 'a' }], {
      byStatus: { 'pending-reconciliation': ['a'] },
      cannotReconcile: { c: ['x'] },
    });
    expect(roleStatus(cluster, inline('a')).state).toBe('pending');
    expect(roleStatus(cluster, inline('constructor'))).toEqual({ state: 'unknown', messages: [] });
  });

  it.each([
    ['reconciled', { applied: true, observedGeneration: 2 }],
    ['pending', { applied: true, observedGeneration: 1 }],
    ['failed', { applied: false, observedGeneration: 1, message: 'no' }],
    ['unknown', { message: 'replica cluster' }],
    ['unknown', undefined],
  ] as const)('reads the three states of applied together with the generation: %s', (state, status) => {
    expect(roleStatus(clusterWith([]), asObject(databaseRole('clerk', status))).state).toBe(state);
  });

  it('says that a terminating object is being deleted, whatever was applied', () => {
    const object = databaseRole('clerk', { applied: false, message: 'SQLSTATE 2BP01' });
    object.metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    expect(roleStatus(clusterWith([]), asObject(object))).toEqual({
      state: 'deleting',
      messages: ['SQLSTATE 2BP01'],
    });
  });
});

describe('roles that are not declared', () => {
  const seen = { byStatus: { 'not-managed': ['by_hand'] } };

  it('are known as long as the operator looks', () => {
    const cluster = clusterWith([{ name: 'a' }], seen);
    expect(undeclaredRoles(cluster)).toEqual(['by_hand']);
    expect(isKnownRole(cluster, [], 'by_hand')).toBe(true);
  });

  it('are not known from the status that an emptied list leaves behind', () => {
    const cluster = clusterWith([], seen);
    expect(undeclaredRoles(cluster)).toBeUndefined();
    expect(isKnownRole(cluster, [], 'by_hand')).toBe(false);
  });

  it('include the application owner, the superuser and what comes with PostgreSQL, but not a role that is to be absent', () => {
    const cluster = clusterWith([{ name: 'gone', ensure: 'absent' }]);
    const roles = declaredRoles(cluster, []);
    const known = ['shop', 'postgres', 'pg_monitor', 'gone'].filter((name) =>
      isKnownRole(cluster, roles, name),
    );
    expect(known).toEqual(['shop', 'postgres', 'pg_monitor']);
  });
});

describe('privilegeWarnings', () => {
  const ordinary = { superuser: false, replication: false, in_roles: ['pg_read_all_data', 'clerks'] };

  it('is silent about an ordinary role', () => {
    expect(privilegeWarnings('app', ordinary)).toEqual([]);
  });

  it('is loud about everything that equals the whole server', () => {
    expect(privilegeWarnings('app', { ...ordinary, superuser: true })[0]).toContain(
      'SUPERUSER: app may do everything',
    );
    expect(privilegeWarnings('app', { ...ordinary, replication: true })[0]).toContain(
      'copy the whole server',
    );
    expect(privilegeWarnings('app', { ...ordinary, in_roles: ['pg_execute_server_program'] })[0]).toContain(
      'equal to SUPERUSER',
    );
  });
});

describe('writeRefusal', () => {
  it('is given for a cluster that is being deleted', () => {
    const going = clusterFixture(({ metadata }) => {
      metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    });
    expect(writeRefusal(going)?.reason).toBe('pg is being deleted, and its roles and databases go with it.');
  });

  const refusal = (replica: object | undefined) =>
    writeRefusal(clusterFixture((cluster) => Object.assign(cluster.spec, replica && { replica })));

  it.each([
    [{ enabled: true, source: 'main' }],
    [{ source: 'main', primary: 'other' }],
    [{ source: 'main', primary: 'pg', self: 'second' }],
  ])('refuses writes to a cluster that follows another: %j', (replica) => {
    expect(refusal(replica)?.reason).toContain('pg is a replica cluster');
  });

  it.each([[undefined], [{ enabled: false, source: 'main' }], [{ source: 'other', primary: 'pg' }]])(
    'has nothing against a cluster that leads: %j',
    (replica) => expect(refusal(replica)).toBeUndefined(),
  );
});
