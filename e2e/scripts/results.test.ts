import { describe, expect, it } from 'vitest';
import { count } from './results.ts';

const file = (name: string, status: string, ...tests: string[]) => ({
  name,
  status,
  assertionResults: tests.map((test, index) => ({ fullName: `test ${index}`, status: test })),
});

describe('counting the tests of a run', () => {
  it('adds up passed and failed tests over all files', () => {
    const counts = count([file('a', 'failed', 'passed', 'failed'), file('b', 'passed', 'passed')]);
    expect(counts).toEqual({ passed: 2, failed: 1, skipped: 0, notRun: [] });
  });

  it('names every test that was left out', () => {
    const counts = count([file('a', 'passed', 'passed', 'skipped', 'todo', 'pending')]);
    expect(counts.skipped).toBe(3);
    expect(counts.notRun).toEqual(['a: test 1 (skipped)', 'a: test 2 (todo)', 'a: test 3 (pending)']);
  });

  it('names a file in which no test ran', () => {
    expect(count([file('a', 'passed')]).notRun).toEqual(['a: no test ran']);
    expect(count([file('a', 'passed', 'skipped')]).notRun).toContain('a: no test ran');
  });

  it('counts a file that could not be loaded as one failed test', () => {
    expect(count([file('a', 'failed')])).toMatchObject({ passed: 0, failed: 1 });
  });

  it('counts a failed hook after passed tests as one failed test', () => {
    expect(count([file('a', 'failed', 'passed')])).toMatchObject({ passed: 1, failed: 1 });
  });
});
