import { describe, expect, it } from 'vitest';
import { jsonPatch } from '../../../e2e/simulator/api/patches.ts';
import { clusterFixture } from './cluster.fixture.ts';
import { RoleLook } from './role-look.ts';
import { markerName } from './role-marker.ts';
import type { Cluster, ManagedRolesStatus, RoleSpec } from './types.ts';

const now = new Date('2026-11-24T16:00:00Z');
const clusterWith = (roles: RoleSpec[], managedRolesStatus: ManagedRolesStatus = {}): Cluster =>
  clusterFixture((cluster) => {
    cluster.spec.managed = { roles };
    cluster.status = { ...cluster.status, managedRolesStatus };
  });
const rolesAfter = (cluster: Cluster, look: RoleLook): RoleSpec[] =>
  (jsonPatch(cluster, look.putMarker(cluster)) as Cluster).spec.managed?.roles ?? [];

describe('RoleLook', () => {
  it('puts one marker in and takes it out again, with those that were left behind, but no other', () => {
    const working: RoleSpec = { name: markerName('clerk', now), ensure: 'absent' };
    const left: RoleSpec = {
      name: markerName('clerk', new Date(now.getTime() - 121_000)),
      ensure: 'absent',
    };
    const look = new RoleLook('clerk', now);
    const roles = rolesAfter(clusterWith([left, working]), look);
    expect(roles).toEqual([working, { name: expect.stringMatching(/^cnpg-mcp-marker-/), ensure: 'absent' }]);
    const marked = clusterWith(roles);
    expect(look.putMarker(marked)).toEqual([]);
    expect((jsonPatch(marked, look.removeMarker(marked)) as Cluster).spec.managed).toEqual({
      roles: [working],
    });
  });

  it('believes only a status that lists the marker', () => {
    const look = new RoleLook('clerk', now);
    const marker = rolesAfter(clusterWith([]), look)[0]?.name ?? '';
    const stale = { byStatus: { reconciled: ['other'], 'not-managed': [] } };
    expect(look.untilSeen(clusterWith([], stale))).toBe('continue');
    const fresh = { byStatus: { reconciled: [marker], 'not-managed': ['billing'] } };
    expect(look.untilSeen(clusterWith([], fresh))).toEqual({ done: { ok: true } });
  });

  it('ends with already_exists when PostgreSQL has the role, and says how to go on', () => {
    const look = new RoleLook('clerk', now);
    const marker = rolesAfter(clusterWith([]), look)[0]?.name ?? '';
    const seen = clusterWith([], { byStatus: { reconciled: [marker], 'not-managed': ['clerk'] } });
    expect(() => look.untilSeen(seen)).toThrow(
      expect.objectContaining({
        code: 'already_exists',
        hint: expect.stringMatching(/another name, or drop that role.*kubectl edit.*update_postgres_role/),
      }),
    );
  });

  it('finds the name free when the operator lists no other role at all', () => {
    const look = new RoleLook('clerk', now);
    const marker = rolesAfter(clusterWith([]), look)[0]?.name ?? '';
    const seen = clusterWith([], { byStatus: { reconciled: [marker] } });
    expect(look.untilSeen(seen)).toEqual({ done: { ok: true } });
  });

  it('says that nothing was created when the operator does not answer', () => {
    expect(() => new RoleLook('clerk', now).late()).toThrow(
      expect.objectContaining({
        code: 'timeout',
        message: expect.stringContaining('was not created'),
        hint: expect.stringMatching(/call again.*marker entry/),
      }),
    );
  });
});
