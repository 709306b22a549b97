import { describe, expect, it } from 'vitest';
import { boundSize } from './bound-size.ts';

const list = (count: number, text = 'x'.repeat(50)) =>
  Array.from({ length: count }, (_, index) => `${index} ${text}`);

describe('boundSize', () => {
  it('leaves alone what is short enough', () => {
    const value = { name: 'orders', list: list(10) };
    expect(boundSize(value, 25_000)).toBe(value);
  });

  it('shortens the longest lists and maps, says how much is left out, and changes nothing that was given', () => {
    const value = {
      name: 'orders',
      small: list(3),
      dependants: list(2_000),
      result: { parameters: Object.fromEntries(list(500).map((item) => [item, item])) },
    };
    const bounded = boundSize(value, 25_000) as typeof value & { omitted: Record<string, number> };
    expect(JSON.stringify(bounded).length).toBeLessThanOrEqual(25_000);
    expect(bounded.small).toHaveLength(3);
    expect(bounded.dependants.length + (bounded.omitted.dependants ?? 0)).toBe(2_000);
    expect(Object.keys(bounded.result.parameters).length + (bounded.omitted['result.parameters'] ?? 0)).toBe(
      500,
    );
    expect(bounded.dependants[0]).toBe(value.dependants[0]);
    expect(value.dependants).toHaveLength(2_000);
  });

  it('finds lists within lists', () => {
    const value = { roles: [{ name: 'app', in_roles: list(1_000) }] };
    const bounded = boundSize(value, 5_000) as typeof value & { omitted: Record<string, number> };
    expect(JSON.stringify(bounded).length).toBeLessThanOrEqual(5_000);
    expect(bounded.omitted['roles[].in_roles']).toBeGreaterThan(800);
  });

  it('ends when there is nothing left to shorten', () => {
    const value = { text: 'x'.repeat(30_000), list: list(5) };
    expect(boundSize(value, 25_000)).toEqual(value);
  });
});
