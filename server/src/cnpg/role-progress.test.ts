import { describe, expect, it } from 'vitest';
import { clusterFixture } from './cluster.fixture.ts';
import { firstAttempt, inlineProgress, isApplied, objectProgress } from './role-progress.ts';
import type { Cluster, DatabaseRole, ManagedRolesStatus } from './types.ts';

const clusterWith = (managedRolesStatus: ManagedRolesStatus): Cluster =>
  clusterFixture((cluster) => {
    cluster.spec.managed = { roles: [{ name: 'a' }] };
    cluster.status = { ...cluster.status, managedRolesStatus };
  });

// Statuses as seen on operator 1.30.0.
const before = clusterWith({
  byStatus: { reconciled: ['a'] },
  passwordStatus: { a: { resourceVersion: '1939', transactionID: 754 } },
});
const pending = clusterWith({
  ...before.status?.managedRolesStatus,
  byStatus: { 'pending-reconciliation': ['a'] },
});
const after = (resourceVersion: string, transactionID: number): Cluster =>
  clusterWith({ byStatus: { reconciled: ['a'] }, passwordStatus: { a: { resourceVersion, transactionID } } });
const failing = (...errors: string[]): Cluster =>
  clusterWith({ byStatus: { 'pending-reconciliation': ['a'] }, cannotReconcile: { a: errors } });

const forbidden =
  'failed to get password secret s-a: secrets "s-a" is forbidden: User "pg" cannot get resource';

const taken = 'while creating role a: ERROR: role "a" already exists (SQLSTATE 42710)';

describe('firstAttempt', () => {
  it('ends with already_exists when PostgreSQL says that it has the role', () => {
    const look = firstAttempt('a', 'spec.managed.roles', clusterWith({}));
    for (const cluster of [clusterWith({}), pending, failing(forbidden)])
      expect(look(cluster)).toBe('continue');
    expect(() => look(failing(taken))).toThrow(expect.objectContaining({ code: 'already_exists' }));
  });

  it('does not take such an error of an earlier creation for an answer', () => {
    expect(firstAttempt('a', 'spec.managed.roles', failing(taken))(failing(taken))).toBe('continue');
  });

  it('leaves every other outcome to those who watch on', () => {
    const look = firstAttempt('a', 'spec.managed.roles', clusterWith({}));
    for (const cluster of [undefined, after('2001', 760), failing('role "x" does not exist')])
      expect(look(cluster)).toEqual({ done: { ok: true } });
  });
});

describe('isApplied', () => {
  it('is told by the list of the operator or by the transaction of the role', () => {
    expect(isApplied('a', clusterWith({}), failing(taken))).toBe(false);
    expect(isApplied('a', pending, pending)).toBe(false);
    expect(isApplied('a', pending, after('1939', 754))).toBe(true);
    const altered = { passwordStatus: { a: { resourceVersion: '2001', transactionID: 760 } } };
    expect(
      isApplied('a', pending, clusterWith({ ...failing(taken).status?.managedRolesStatus, ...altered })),
    ).toBe(true);
  });
});

describe('inlineProgress', () => {
  it('proves a password by the version of its Secret, not by "reconciled"', () => {
    const look = inlineProgress({ role: 'a', secretVersion: '2001', altered: false }, before);
    expect(look(before)).toMatchObject({ state: 'waiting' });
    expect(look(after('2001', 760))).toEqual({ state: 'applied' });
  });

  it('proves a changed attribute by the transaction of ALTER ROLE', () => {
    const look = inlineProgress({ role: 'a', altered: true }, before);
    expect(look(before)).toMatchObject({ state: 'waiting' });
    expect(look(pending)).toEqual({ state: 'waiting' });
    expect(look(after('1939', 760))).toEqual({ state: 'applied' });
  });

  it('proves changed memberships by having seen them pending', () => {
    const look = inlineProgress({ role: 'a', altered: false }, before);
    expect(look(before)).toMatchObject({ state: 'waiting', note: expect.stringContaining('cannot be told') });
    look(pending);
    expect(look(after('1939', 754))).toEqual({ state: 'applied' });
  });

  it('waits while the operator may not read the new Secret yet, and shows what it says', () => {
    const look = inlineProgress({ role: 'a', secretVersion: '2001', altered: false }, clusterWith({}));
    expect(look(failing(forbidden))).toEqual({ state: 'waiting', quoted: forbidden });
  });

  it("fails with PostgreSQL's words, unless they were there before the change", () => {
    const error = 'could not perform UPDATE_MEMBERSHIPS on role a: role "nosuch" does not exist';
    expect(inlineProgress({ role: 'a', altered: false }, before)(failing(error))).toMatchObject({
      state: 'failed',
      quoted: error,
    });
    expect(inlineProgress({ role: 'a', altered: false }, failing(error))(failing(error))).toEqual({
      state: 'waiting',
      quoted: error,
    });
  });

  it('fails when the role or the whole cluster goes away', () => {
    const look = inlineProgress({ role: 'a', altered: true }, before);
    expect(look(undefined)).toMatchObject({ state: 'failed' });
    expect(look(clusterFixture((cluster) => delete cluster.spec.managed))).toMatchObject({ state: 'failed' });
  });
});

describe('objectProgress', () => {
  const role = (status: DatabaseRole['status'], generation = 2): DatabaseRole => ({
    metadata: { name: 'pg-a', generation },
    spec: { name: 'a', cluster: { name: 'pg' } },
    ...(status && { status }),
  });
  const applied = { applied: true, observedGeneration: 2, secretResourceVersion: '1939' };

  it('is applied for this generation and this password only', () => {
    expect(objectProgress({})(role(applied))).toEqual({ state: 'applied' });
    expect(objectProgress({})(role(applied, 3))).toEqual({ state: 'waiting' });
    expect(objectProgress({ secretVersion: '2001' })(role(applied))).toEqual({ state: 'waiting' });
    expect(objectProgress({ secretVersion: '1939' })(role(applied))).toEqual({ state: 'applied' });
  });

  it('waits for rights on the Secret, and fails with what the operator says otherwise', () => {
    const look = objectProgress({ secretVersion: '1939' });
    expect(look(role({ applied: false, message: forbidden }))).toMatchObject({ state: 'waiting' });
    const message = 'role "nosuch" does not exist';
    expect(look(role({ applied: false, message }))).toMatchObject({ state: 'failed', quoted: message });
  });

  it('fails when the object goes away', () => {
    expect(objectProgress({})(undefined)).toMatchObject({ state: 'failed' });
    const terminating = role(applied);
    terminating.metadata.deletionTimestamp = '2026-11-24T16:00:00Z';
    expect(objectProgress({})(terminating)).toMatchObject({ state: 'failed' });
  });
});
