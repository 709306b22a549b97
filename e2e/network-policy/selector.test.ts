import { describe, expect, it } from 'vitest';
import { selects } from './selector.ts';

describe('a label selector', () => {
  const labels = { app: 'mcp', tier: 'tools' };
  const expression = (key: string, operator: string, ...values: string[]) =>
    selects({ matchExpressions: [{ key, operator, values }] }, labels);

  it('that is empty selects everything, also what has no label', () => {
    expect(selects({}, {})).toBe(true);
  });

  it('wants every label that it names, with its value', () => {
    expect(selects({ matchLabels: { app: 'mcp' } }, labels)).toBe(true);
    expect(selects({ matchLabels: { app: 'mcp', tier: 'data' } }, labels)).toBe(false);
    expect(selects({ matchLabels: { zone: 'a' } }, labels)).toBe(false);
  });

  it('takes NotIn for true of what lacks the label, and In for false', () => {
    expect([expression('app', 'In', 'mcp', 'web'), expression('zone', 'In', 'a')]).toEqual([true, false]);
    expect([expression('app', 'NotIn', 'mcp'), expression('zone', 'NotIn', 'a')]).toEqual([false, true]);
  });

  it('asks whether a label exists', () => {
    expect([expression('app', 'Exists'), expression('zone', 'Exists')]).toEqual([true, false]);
    expect([expression('app', 'DoesNotExist'), expression('zone', 'DoesNotExist')]).toEqual([false, true]);
  });

  it('wants labels and expressions both', () => {
    const matchExpressions = [{ key: 'tier', operator: 'DoesNotExist' }];
    expect(selects({ matchLabels: { app: 'mcp' }, matchExpressions }, labels)).toBe(false);
  });

  it('is not guessed at when its operator is unknown', () => {
    expect(() => expression('app', 'Gt', '1')).toThrow('Gt');
  });
});
