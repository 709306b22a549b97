import { describe, expect, it } from 'vitest';
import type { DependantView } from './dependants.ts';
import { shortenDependants } from './shorten-dependants.ts';

const databases = (count: number, prefix = 'db'): DependantView[] =>
  Array.from({ length: count }, (_, index) => ({
    kind: 'Database',
    name: `${prefix}-${index}`,
    fate: 'the object remains',
    note: 'shop',
  }));

describe('shortenDependants', () => {
  it('leaves a list alone that is short', () => {
    expect(shortenDependants(databases(21))).toEqual(databases(21));
  });

  it('shows twenty of a kind and counts the others, each kind by itself', () => {
    const pooler = { kind: 'Pooler', name: 'p', fate: 'remains' };
    const shown = shortenDependants([...databases(400), pooler]);
    expect(shown).toHaveLength(22);
    expect(shown.slice(0, 20)).toEqual(databases(20));
    expect(shown[20]).toEqual({
      kind: 'Database',
      name: expect.stringMatching(/^and 380 more \(digest of their names [0-9a-f]{32}\)$/),
      fate: 'the object remains',
    });
    expect(shown[21]).toEqual(pooler);
  });

  it('names the rest anew when one that is not shown is another', () => {
    const before = databases(400);
    const after = before.with(399, { ...(before[399] as DependantView), name: 'somebody-elses' });
    expect(shortenDependants(after)[20]?.name).not.toBe(shortenDependants(before)[20]?.name);
    const otherOrder = [...before.slice(0, 20), ...before.slice(20).reverse()];
    expect(shortenDependants(otherOrder)).toEqual(shortenDependants(before));
  });

  it('tells the fates apart where those that are not shown have several', () => {
    const mixed = databases(30).with(29, { kind: 'Database', name: 'x', fate: 'deleted' });
    expect(shortenDependants(mixed)[20]?.fate).toBe('the object remains, or: deleted');
  });
});
