import { describe, expect, it } from 'vitest';
import { coalesced } from './coalesced.ts';

describe('coalesced work', () => {
  it('runs once more after a call that came while it ran, however many calls came', async () => {
    const ends: (() => void)[] = [];
    const ask = coalesced(() => new Promise((resolve) => void ends.push(resolve)));
    const [first] = [ask()];
    await expect.poll(() => ends.length).toBe(1);
    const later = Promise.all([ask(), ask()]);
    let isDone = false;
    void later.then(() => {
      isDone = true;
    });
    ends[0]?.();
    await first;
    await expect.poll(() => ends.length).toBe(2);
    expect(isDone).toBe(false);
    ends[1]?.();
    await later;
    expect(ends).toHaveLength(2);
  });

  it('tells only those of a failure who asked for that run', async () => {
    let runs = 0;
    const ask = coalesced(async () => {
      runs += 1;
      if (runs === 1) throw new Error('once');
    });
    await expect(ask()).rejects.toThrow('once');
    await expect(ask()).resolves.toBeUndefined();
  });
});
