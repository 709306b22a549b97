import { describe, expect, it } from 'vitest';
import { closest } from './closest.ts';

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
