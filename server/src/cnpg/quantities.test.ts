import { describe, expect, it } from 'vitest';
import { formatBytes, parseQuantity } from './quantities.ts';

describe('parseQuantity', () => {
  it.each([
    ['10Gi', 10 * 2 ** 30],
    ['400Mi', 400 * 2 ** 20],
    ['1G', 1e9],
    ['1.5Ti', 1.5 * 2 ** 40],
    ['1e3', 1000],
    ['2E', 2e18],
    ['100m', 1],
    ['1073741824', 2 ** 30],
  ])('reads %s', (text, bytes) => expect(parseQuantity(text)).toBe(bytes));

  it.each(['', '10GB', '10 Gi', '-1Gi', 'Gi', '1..5Gi', '10gi', 'ten'])('refuses %j', (text) =>
    expect(parseQuantity(text)).toBeUndefined(),
  );
});

describe('formatBytes', () => {
  it('picks the unit', () => {
    expect([2 ** 30 * 10, 1.5 * 2 ** 40, 400 * 2 ** 20, 12].map(formatBytes)).toEqual([
      '10Gi',
      '1.5Ti',
      '400Mi',
      '12',
    ]);
  });
});
