import { expect, it } from 'vitest';
import { parseQuantity } from './quantity.ts';

it.each([
  ['1Gi', 2 ** 30],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['500M', 500e6],
  ['100m', 0.1],
  ['1e3', 1000],
  ['10', 10],
  [10, 10],
  ['1Gx', Number.NaN],
  ['', Number.NaN],
])('the quantity %s is %s', (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});
