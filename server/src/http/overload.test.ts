import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DelayHistogram, Overload } from './overload.ts';

/** What the event loop is measured to do, in milliseconds between looks of 20 ms; NaN: it never came to look. */
let mean: number;
const histogram: DelayHistogram = {
  get mean() {
    return mean * 1e6;
  },
  reset: () => undefined,
  enable: () => true,
  disable: () => true,
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('overload', () => {
  it('is noticed within a second and is over within a second', () => {
    mean = 20;
    const overload = new Overload(100, histogram);
    expect(overload.overloaded).toBe(false);
    mean = 500;
    vi.advanceTimersByTime(1_000);
    expect(overload.overloaded).toBe(true);
    mean = 21;
    vi.advanceTimersByTime(1_000);
    expect(overload.overloaded).toBe(false);
    overload.close();
  });

  it('is neither a pause below the limit nor a second without a look', () => {
    mean = 110;
    const overload = new Overload(100, histogram);
    vi.advanceTimersByTime(1_000);
    expect(overload.overloaded).toBe(false);
    mean = Number.NaN;
    vi.advanceTimersByTime(1_000);
    expect(overload.overloaded).toBe(false);
    overload.close();
  });

  it('does not exist where it is switched off', () => {
    mean = 60_000;
    const overload = new Overload(0, histogram);
    vi.advanceTimersByTime(1_000);
    expect(overload.overloaded).toBe(false);
    overload.close();
  });
});
