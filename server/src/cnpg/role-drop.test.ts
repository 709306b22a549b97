import { describe, expect, it } from 'vitest';
import { jsonPatch } from '../../../e2e/simulator/api/patches.ts';
import { clusterFixture } from './cluster.fixture.ts';
import { RoleDrop } from './role-drop.ts';
import { markerName } from './role-marker.ts';
import type { Cluster, ManagedRolesStatus, RoleSpec } from './types.ts';

const now = new Date('2026-11-24T16:00:00Z');
const a: RoleSpec = { name: 'a', ensure: 'present', login: true };
const b: RoleSpec = { name: 'b', ensure: 'present' };

function clusterWith(roles: RoleSpec[], managedRolesStatus: ManagedRolesStatus): Cluster {
  return clusterFixture((cluster) => {
    cluster.spec.managed = { roles };
    cluster.status = { ...cluster.status, managedRolesStatus };
  });
}

/** The cluster as the first edit leaves it, and the name of the marker. */
function marked(drop: RoleDrop, cluster: Cluster): { cluster: Cluster; marker: string } {
  const after = jsonPatch(cluster, drop.markAbsent(cluster)) as Cluster;
  return { cluster: after, marker: after.spec.managed?.roles?.at(-1)?.name ?? '' };
}

const withStatus = (cluster: Cluster, managedRolesStatus: ManagedRolesStatus): Cluster => ({
  ...cluster,
  status: { ...cluster.status, managedRolesStatus },
});

// As seen on operator 1.30.0: before, while, and after the role is dropped; the last two with the marker beside it.
const before: ManagedRolesStatus = { byStatus: { reconciled: ['a', 'b'] } };
const pending = (marker: string): ManagedRolesStatus => ({
  byStatus: { 'pending-reconciliation': ['a'], reconciled: ['b', marker] },
});
const gone = (marker: string): ManagedRolesStatus => ({ byStatus: { reconciled: ['b', 'a', marker] } });
const refused = 'could not perform DELETE on role a: owner of table owned_t';

describe('RoleDrop', () => {
  it('sets the role to absent, appends the marker, and clears what calls that broke off have left', () => {
    const left = [
      markerName('a', now),
      markerName('b', new Date(now.getTime() - 121_000)),
      'cnpg-mcp-marker-',
    ];
    const markers = left.map((name): RoleSpec => ({ name, ensure: 'absent' }));
    const later = new Date(now.getTime() + 1);
    const { cluster, marker } = marked(new RoleDrop('a', later), clusterWith([...markers, a, b], before));
    expect(cluster.spec.managed?.roles).toEqual([
      { ...a, ensure: 'absent' },
      b,
      { name: marker, ensure: 'absent' },
    ]);
    expect(marker).toMatch(/^cnpg-mcp-marker-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-z]+$/);
  });

  it('leaves the marker of another role that is being dropped at the same time', () => {
    const other: RoleSpec = { name: markerName('b', now), ensure: 'absent' };
    const drop = new RoleDrop('a', now);
    const { cluster } = marked(drop, clusterWith([other, a, b], before));
    expect(cluster.spec.managed?.roles).toContainEqual(other);
    const after = jsonPatch(cluster, drop.removeMarker(cluster)) as Cluster;
    expect(after.spec.managed?.roles).toEqual([other, { ...a, ensure: 'absent' }, b]);
  });

  it('does not append a second marker when the answer to the first edit was lost', () => {
    const drop = new RoleDrop('a', now);
    const { cluster } = marked(drop, clusterWith([a, b], before));
    expect(drop.markAbsent(cluster)).toEqual([]);
  });

  it('does not take the old "reconciled" of the role that is still there for the drop', () => {
    const drop = new RoleDrop('a', now);
    const { cluster, marker } = marked(drop, clusterWith([a, b], before));
    expect(drop.untilRead(cluster)).toBe('continue');
    expect(drop.untilRead(withStatus(cluster, pending(marker)))).toEqual({ done: { ok: true } });
    expect(drop.untilDropped(withStatus(cluster, pending(marker)))).toBe('continue');
    expect(drop.untilDropped(withStatus(cluster, gone(marker)))).toEqual({ done: { ok: true } });
  });

  it("ends with PostgreSQL's words when the role owns objects", () => {
    const drop = new RoleDrop('a', now);
    const { cluster, marker } = marked(drop, clusterWith([a, b], before));
    const verdict = drop.untilDropped(
      withStatus(cluster, { ...pending(marker), cannotReconcile: { a: [refused] } }),
    );
    expect(verdict).toEqual({ done: { ok: false, message: expect.any(String), quoted: refused } });
    expect(JSON.stringify(verdict)).toContain('REASSIGN OWNED BY \\"a\\" TO another_role');
  });

  it('is not begun when somebody else has begun it since it was planned', () => {
    const drop = new RoleDrop('a', now);
    const cluster = clusterWith([{ ...a, ensure: 'absent' }, b], before);
    expect(() => drop.markAbsent(cluster)).toThrow('Somebody else has just begun to drop the role a.');
  });

  it('is not begun twice when two begin in the same millisecond', () => {
    const begun = marked(new RoleDrop('a', now), clusterWith([a, b], before)).cluster;
    expect(() => new RoleDrop('a', now).markAbsent(begun)).toThrow('Somebody else has just begun');
  });

  it('finds its own work when its first edit is repeated', () => {
    const drop = new RoleDrop('a', now);
    expect(drop.markAbsent(marked(drop, clusterWith([a, b], before)).cluster)).toEqual([]);
  });

  it('waits when the error may be the one of an earlier attempt, and says it when the time is over', () => {
    const drop = new RoleDrop('a', now, { resumes: true });
    const old: ManagedRolesStatus = {
      byStatus: { 'pending-reconciliation': ['a'] },
      cannotReconcile: { a: [refused] },
    };
    const { cluster, marker } = marked(drop, clusterWith([{ ...a, ensure: 'absent' }, b], old));
    expect(
      drop.untilDropped(withStatus(cluster, { ...pending(marker), cannotReconcile: { a: [refused] } })),
    ).toBe('continue');
    expect(drop.late()).toMatchObject({ state: 'failed', quoted: refused });
  });

  it('does not take the trouble of making the role for a refused drop', () => {
    const drop = new RoleDrop('a', now);
    const { cluster, marker } = marked(drop, clusterWith([a], {}));
    const status = {
      ...pending(marker),
      cannotReconcile: { a: ['failed to get password secret s-a: forbidden'] },
    };
    expect(drop.untilDropped(withStatus(cluster, status))).toBe('continue');
  });

  it('only says "requested" when the operator has said nothing', () => {
    expect(new RoleDrop('a', now).late()).toMatchObject({ state: 'requested' });
  });

  it('removes the entry, the marker, and no other role', () => {
    const drop = new RoleDrop('a', now);
    const { cluster, marker } = marked(drop, clusterWith([a, b], before));
    const unmarked = jsonPatch(cluster, drop.removeMarker(cluster)) as Cluster;
    expect(unmarked.spec.managed?.roles).toEqual([{ ...a, ensure: 'absent' }, b]);
    drop.untilDropped(withStatus(unmarked, gone(marker)));
    expect((jsonPatch(unmarked, drop.removeEntry(unmarked)) as Cluster).spec.managed?.roles).toEqual([b]);
  });

  it('ends without removing anything when somebody takes the deletion back', () => {
    const drop = new RoleDrop('a', now);
    const { cluster, marker } = marked(drop, clusterWith([a, b], before));
    const back = clusterWith([a, b], gone(marker));
    expect(drop.untilDropped(back)).toMatchObject({
      done: { ok: false, message: expect.stringContaining('present') },
    });
    drop.untilDropped(withStatus(cluster, gone(marker)));
    expect(() => drop.removeEntry(back)).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('ends when the Cluster is gone', () => {
    expect(new RoleDrop('a', now).untilRead(undefined)).toMatchObject({ done: { ok: false } });
  });
});
