import { describe, expect, it } from 'vitest';
import { jsonPatch } from '../../../e2e/simulator/api/patches.ts';
import { clusterFixture } from './cluster.fixture.ts';
import { RoleLook } from './role-look.ts';
import { markerName } from './role-marker.ts';
import type { Cluster, ManagedRolesStatus, RoleSpec } from './types.ts';

const now = new Date('2026-11-24T16:00:00Z');
const secret = 'cnpg-demo-user-clerk';
const ours: Omit<RoleSpec, 'name'> = { ensure: 'absent', passwordSecret: { name: secret } };
const clusterWith = (roles: RoleSpec[], managedRolesStatus: ManagedRolesStatus = {}): Cluster =>
  clusterFixture((cluster) => {
    cluster.spec.managed = { roles };
    cluster.status = { ...cluster.status, managedRolesStatus };
  });
const rolesAfter = (cluster: Cluster, look: RoleLook): RoleSpec[] =>
  (jsonPatch(cluster, look.putMarker(cluster)) as Cluster).spec.managed?.roles ?? [];

describe('RoleLook', () => {
  it('puts one marker in and takes it out again, with those that were left behind, but no other', () => {
    const working: RoleSpec = { name: markerName('else', now), ensure: 'absent' };
    const left: RoleSpec = {
      name: markerName('clerk', new Date(now.getTime() - 121_000)),
      ensure: 'absent',
    };
    const look = new RoleLook('clerk', secret, now);
    const roles = rolesAfter(clusterWith([left, working]), look);
    expect(roles).toEqual([working, { ...ours, name: expect.stringMatching(/^cnpg-mcp-marker-/) }]);
    const marked = clusterWith(roles);
    expect(look.putMarker(marked)).toEqual([]);
    for (const edit of [look.removeMarkers, look.takeBackMarker]) {
      expect((jsonPatch(marked, edit(marked)) as Cluster).spec.managed).toEqual({ roles: [working] });
    }
  });

  it('names no Secret for a role that gets none', () => {
    const [marker] = rolesAfter(clusterWith([]), new RoleLook('clerk', undefined, now));
    expect(marker).toEqual({ ensure: 'absent', name: expect.stringMatching(/^cnpg-mcp-marker-/) });
  });

  it('clears what a call for the same role has left a moment ago, once the role is declared and not before', () => {
    const left: RoleSpec = { ...ours, name: markerName('clerk', now) };
    const look = new RoleLook('clerk', secret, now);
    const marked = clusterWith(rolesAfter(clusterWith([left]), look));
    expect(marked.spec.managed?.roles).toHaveLength(2);
    expect((jsonPatch(marked, look.takeBackMarker(marked)) as Cluster).spec.managed?.roles).toEqual([left]);
    expect((jsonPatch(marked, look.removeMarkers(marked)) as Cluster).spec.managed?.roles).toEqual([]);
  });

  it('ends at once when another call for the same role has taken the marker out', () => {
    const look = new RoleLook('clerk', secret, now);
    look.putMarker(clusterWith([]));
    expect(() => look.untilSeen(clusterWith([{ name: 'clerk' }]))).toThrow(
      expect.objectContaining({
        code: 'conflict',
        message: expect.stringContaining('creating the role clerk'),
      }),
    );
  });

  it('believes only a status that lists the marker', () => {
    const look = new RoleLook('clerk', secret, now);
    const marker = rolesAfter(clusterWith([]), look)[0]?.name ?? '';
    const stale = { byStatus: { reconciled: ['other'], 'not-managed': [] } };
    expect(look.untilSeen(clusterWith([{ name: marker, ensure: 'absent' }], stale))).toBe('continue');
    const fresh = { byStatus: { reconciled: [marker], 'not-managed': ['billing'] } };
    expect(look.untilSeen(clusterWith([], fresh))).toEqual({ done: { ok: true } });
  });

  it('ends with already_exists when PostgreSQL has the role, and says how to go on', () => {
    const look = new RoleLook('clerk', secret, now);
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
    const look = new RoleLook('clerk', secret, now);
    const marker = rolesAfter(clusterWith([]), look)[0]?.name ?? '';
    const seen = clusterWith([], { byStatus: { reconciled: [marker] } });
    expect(look.untilSeen(seen)).toEqual({ done: { ok: true } });
  });

  it('names the reason why nobody answers, where the Cluster holds it', () => {
    const look = new RoleLook('clerk', secret, now);
    const marker = rolesAfter(clusterWith([]), look);
    const asleep = clusterWith(marker);
    asleep.metadata.annotations = { 'cnpg.io/hibernation': 'on' };
    look.untilSeen(asleep);
    expect(() => look.late()).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^The cluster is hibernated: .*call again/) }),
    );
  });

  it('says that nothing was created when the operator does not answer', () => {
    expect(() => new RoleLook('clerk', secret, now).late()).toThrow(
      expect.objectContaining({
        code: 'timeout',
        message: expect.stringContaining('was not created'),
        hint: expect.stringMatching(/call again.*marker entry/),
      }),
    );
  });
});
