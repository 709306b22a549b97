import { describe, expect, it } from 'vitest';
import { CallLimits } from './call-limits.ts';

const limits = { inFlight: 3, perSecond: 2, burst: 4 };

function counter() {
  let now = 0;
  const calls = new CallLimits(limits, () => now);
  const enter = (caller: string) => {
    const entry = calls.enter(caller);
    if ('retryAfterSeconds' in entry) return entry.retryAfterSeconds;
    return entry.leave;
  };
  return { enter, wait: (seconds: number) => (now += seconds * 1000) };
}

/** Enters and leaves at once; true when it was let in. */
const once = ({ enter }: ReturnType<typeof counter>, caller: string, refund = false): boolean => {
  const entry = enter(caller);
  if (typeof entry === 'function') entry(refund);
  return typeof entry === 'function';
};

describe('the limits of a caller', () => {
  it('let a burst in, then so many per second', () => {
    const calls = counter();
    expect(Array.from({ length: 6 }, () => once(calls, 'a'))).toEqual([true, true, true, true, false, false]);
    calls.wait(1);
    expect(Array.from({ length: 3 }, () => once(calls, 'a'))).toEqual([true, true, false]);
    calls.wait(1_000);
    expect(Array.from({ length: 5 }, () => once(calls, 'a'))).toEqual([true, true, true, true, false]);
  });

  it('are of one caller: others are not held back', () => {
    const calls = counter();
    while (once(calls, 'a'));
    expect(once(calls, 'b')).toBe(true);
  });

  it('say when a repetition makes sense, in whole seconds', () => {
    const calls = counter();
    while (once(calls, 'a'));
    expect(calls.enter('a')).toBe(1);
  });

  it('bound what is under way, however slowly it comes', () => {
    const calls = counter();
    const leave = [calls.enter('a'), calls.enter('a'), calls.enter('a')];
    calls.wait(60);
    expect(calls.enter('a')).toBe(1);
    (leave[0] as () => void)();
    (leave[0] as () => void)();
    expect(once(calls, 'a')).toBe(true);
    calls.enter('a');
    expect(calls.enter('a'), 'leaving twice makes room once').toBe(1);
  });

  it('cost nothing when they are refunded', () => {
    const calls = counter();
    expect(Array.from({ length: 20 }, () => once(calls, 'a', true))).not.toContain(false);
  });

  it('remember so many callers only, and those with something under way for certain', () => {
    const calls = counter();
    const leave = calls.enter('held');
    while (once(calls, 'quiet'));
    for (let other = 0; other < 20_000; other += 1) once(calls, `other-${other}`);
    expect(once(calls, 'quiet'), 'forgotten, so its bucket is full again').toBe(true);
    calls.enter('held');
    calls.enter('held');
    expect(calls.enter('held')).toBe(1);
    (leave as () => void)();
  });
});
