import { describe, expect, it } from 'vitest';
import { retryAfterOf, retryDelayMs } from './retry.ts';

describe('waiting before a repetition', () => {
  it('grows from attempt to attempt, differs from client to client, and has a limit', () => {
    const delays = (attempt: number): number[] => Array.from({ length: 50 }, () => retryDelayMs(attempt));
    for (const [attempt, longest] of [
      [0, 100],
      [3, 800],
      [20, 5000],
    ] as const) {
      const seen = delays(attempt);
      expect(Math.min(...seen)).toBeGreaterThanOrEqual(longest / 2);
      expect(Math.max(...seen)).toBeLessThanOrEqual(longest);
      expect(new Set(seen).size).toBeGreaterThan(1);
    }
  });

  it('lasts at least as long as the API server asked for', () => {
    expect(retryDelayMs(0, 3)).toBeGreaterThanOrEqual(3000);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['7', 7],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('%j is %j seconds', (header, seconds) => {
    expect(retryAfterOf({ 'retry-after': header }, now)).toBe(seconds);
  });
});
