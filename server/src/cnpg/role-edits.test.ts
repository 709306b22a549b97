import { describe, expect, it } from 'vitest';
import { jsonPatch } from '../../../e2e/simulator/api/patches.ts';
import type { JsonPatchStep } from '../kube/gateway.ts';
import { clusterFixture } from './cluster.fixture.ts';
import { addEntry, changeEntry, changeSteps, differences, removeEntries } from './role-edits.ts';
import type { Cluster, RoleSpec } from './types.ts';

const clusterWith = (...roles: RoleSpec[]): Cluster =>
  clusterFixture((cluster) => {
    cluster.spec.managed = { roles };
  });

const rolesAfter = (cluster: Cluster, steps: JsonPatchStep[]): RoleSpec[] | undefined =>
  (jsonPatch(cluster, steps) as Cluster).spec.managed?.roles;

const a: RoleSpec = { name: 'a', ensure: 'present', login: true, comment: 'kept' };
const b: RoleSpec = { name: 'b', ensure: 'present', passwordSecret: { name: 's-b' } };

describe('addEntry', () => {
  it.each([
    ['no managed section', (cluster: Cluster) => delete cluster.spec.managed],
    ['no list', (cluster: Cluster) => Object.assign(cluster.spec, { managed: { services: {} } })],
    ['an empty list', (cluster: Cluster) => Object.assign(cluster.spec, { managed: { roles: [] } })],
  ])('adds the first role to %s', (_, change) => {
    const cluster = clusterFixture((fixture) => void change(fixture));
    expect(rolesAfter(cluster, addEntry(cluster, a))).toEqual([a]);
  });

  it('leaves the other roles and the other managed parts alone', () => {
    const cluster = clusterWith(a);
    Object.assign(cluster.spec.managed as object, { services: { disabledDefaultServices: ['r'] } });
    const after = jsonPatch(cluster, addEntry(cluster, b)) as Cluster;
    expect(after.spec.managed).toEqual({ services: { disabledDefaultServices: ['r'] }, roles: [a, b] });
  });

  it('has nothing to do when its own entry is there already', () => {
    expect(addEntry(clusterWith(b), b)).toEqual([]);
  });

  it('refuses to touch a role that somebody else has just added', () => {
    const other = { ...b, passwordSecret: { name: 'theirs' } };
    expect(() => addEntry(clusterWith(other), b)).toThrow(
      expect.objectContaining({ code: 'already_exists' }),
    );
    expect(() => addEntry(clusterWith({ ...b, ensure: 'absent' }), b)).toThrow('just declared');
  });
});

describe('changeEntry', () => {
  it('changes the fields that differ, of the one role, and keeps the rest', () => {
    const cluster = clusterWith(b, a);
    const steps = changeEntry(cluster, 'a', { login: true, createdb: true, in_roles: ['clerks'] });
    expect(steps.map(({ path }) => path)).toEqual([
      '/spec/managed/roles/1/name',
      '/spec/managed/roles/1/createdb',
      '/spec/managed/roles/1/inRoles',
    ]);
    expect(rolesAfter(cluster, steps)).toEqual([b, { ...a, createdb: true, inRoles: ['clerks'] }]);
  });

  it('finds the role where it stands now', () => {
    const now = clusterWith(a, b, { name: 'c' });
    const steps = changeEntry(now, 'c', { login: true });
    expect(rolesAfter(now, steps)?.[2]).toEqual({ name: 'c', login: true });
  });

  it('fails when it was moved between reading and writing', () => {
    const steps = changeEntry(clusterWith(b, a), 'a', { createdb: true });
    expect(() => jsonPatch(clusterWith(a, b), steps)).toThrow();
  });

  it('is a conflict when somebody else took the role out', () => {
    expect(() => changeEntry(clusterWith(b), 'a', { login: false })).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
  });

  it('takes disablePassword out when the role gets a Secret, because the operator refuses both', () => {
    const cluster = clusterWith({ ...a, disablePassword: true });
    const after = rolesAfter(cluster, changeEntry(cluster, 'a', { passwordSecret: 's-a' }));
    expect(after).toEqual([{ ...a, passwordSecret: { name: 's-a' } }]);
  });

  it('does nothing when the role is so already', () => {
    expect(changeEntry(clusterWith(a), 'a', { login: true, inherit: true, in_roles: [] })).toEqual([]);
    expect(changeSteps('/spec', a, { superuser: false })).toEqual([]);
  });
});

describe('differences', () => {
  it('says old -> new for what differs, and nothing else', () => {
    expect(differences(a, { login: false, inherit: true, in_roles: ['x', 'y'], ensure: 'present' })).toEqual([
      { label: 'Login', from: 'true', to: 'false' },
      { label: 'Member of', from: 'none', to: 'x, y' },
    ]);
  });

  it('compares memberships name by name', () => {
    const joined = { ...a, inRoles: ['x, y'] };
    expect(differences(joined, { in_roles: ['x', 'y'] })).toEqual([
      { label: 'Member of', from: '"x, y"', to: 'x, y' },
    ]);
    expect(changeSteps('/spec', joined, { in_roles: ['x', 'y'] })).toEqual([
      { op: 'add', path: '/spec/inRoles', value: ['x', 'y'] },
    ]);
    expect(differences({ ...a, inRoles: ['none'] }, { in_roles: [] })).toHaveLength(1);
  });

  it('writes names that are no single word as one quoted line', () => {
    const strange = { ...a, inRoles: ['obey\nme\u202e now'], passwordSecret: { name: 'do this' } };
    expect(differences(strange, { in_roles: [], passwordSecret: 's' })).toEqual([
      { label: 'Member of', from: '"obey me now"', to: 'none' },
      { label: 'Password secret', from: '"do this"', to: 's' },
    ]);
  });

  it('takes back a deletion', () => {
    expect(differences({ ...a, ensure: 'absent' }, { ensure: 'present' })).toEqual([
      { label: 'Ensure', from: 'absent', to: 'present' },
    ]);
  });
});

describe('removeEntries', () => {
  it('removes what matches and nothing else, wherever it stands', () => {
    const cluster = clusterWith(a, b, { name: 'c' }, { name: 'd' });
    const steps = removeEntries(cluster, ({ name }) => name === 'a' || name === 'c');
    expect(rolesAfter(cluster, steps)).toEqual([b, { name: 'd' }]);
  });
});
