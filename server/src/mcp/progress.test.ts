import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Progress, type ProgressNote } from './progress.ts';

let notes: ProgressNote[];
let progress: Progress;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  notes = [];
  progress = new Progress((note) => notes.push(note));
});

afterEach(() => {
  vi.useRealTimers();
});

describe('progress', () => {
  it('tells the first news at once, and of what comes too fast only the last', () => {
    for (let done = 1; done <= 50; done += 1) progress.report(`step ${done}`, done, 50);
    expect(notes).toEqual([{ progress: 1, total: 50, message: 'step 1' }]);
    vi.advanceTimersByTime(200);
    expect(notes).toHaveLength(2);
    expect(notes[1]).toEqual({ progress: 50, total: 50, message: 'step 50' });
  });

  it('always rises, with and without numbers, and when the numbers fall', () => {
    const reports: [string, number?][] = [['a'], ['b', 5], ['c', 5], ['d', 2], ['e'], ['f', 100]];
    for (const [message, done] of reports) {
      progress.report(message, done);
      vi.advanceTimersByTime(200);
    }
    const values = notes.map((note) => note.progress);
    expect(notes.map(({ message }) => message)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(new Set(values).size).toBe(values.length);
  });

  it('says the same thing once', () => {
    progress.report('waiting');
    vi.advanceTimersByTime(1000);
    progress.report('waiting');
    expect(notes).toHaveLength(1);
  });

  it('repeats the last news after ten silent seconds, so that clients see that the call lives', () => {
    progress.report('waiting');
    vi.advanceTimersByTime(30_000);
    expect(notes.map((note) => note.progress)).toEqual([1, 2, 3, 4]);
  });

  it('says nothing after the end', () => {
    progress.report('one');
    progress.report('two');
    progress.end();
    progress.report('three');
    vi.advanceTimersByTime(60_000);
    expect(notes.map(({ message }) => message)).toEqual(['one']);
  });
});
