import { describe, expect, it } from 'vitest';
import { closest, meantBy } from './closest.ts';

describe('the closest word', () => {
  it.each([
    ['prt', 'port'],
    ['prot', 'port'],
    ['rbca', 'rbac'],
    ['prset', 'preset'],
    ['acknowledgeClusterwideWrite', 'acknowledgeClusterWideWrites'],
  ])('is what somebody meant by %s', (written, meant) => {
    expect(closest(written, ['host', 'rbac', meant])).toBe(meant);
  });

  it.each([
    ['port', ['host', 'role']],
    ['nope', ['role', 'namespaces']],
    ['replicaCount', ['replicas', 'resources']],
    ['x', ['a']],
  ])('is none where %s is another word', (written, known) => {
    expect(closest(written, known)).toBeUndefined();
  });
});

describe('what was meant', () => {
  const known = [
    'name',
    'confirm_deletion',
    'confirm_name',
    'confirm_token',
    'storage_size',
    'storage_class',
  ];

  it.each([
    ['confirm_tokne', ['confirm_token']],
    ['confirm', ['confirm_deletion', 'confirm_name', 'confirm_token']],
    ['token', ['confirm_token']],
    ['stor', ['storage_size', 'storage_class']],
  ])('by %s is the closest word, or else those that go on from it', (written, meant) => {
    expect(meantBy(written, known)).toEqual(meant);
  });

  it.each(['', 'co', 'tok', 'zzz'])('by %j is not known', (written) => {
    expect(meantBy(written, known)).toEqual([]);
  });

  it('is not guessed among too many', () => {
    expect(meantBy('confirm', [...known, 'confirm_again'])).toEqual([]);
  });
});
