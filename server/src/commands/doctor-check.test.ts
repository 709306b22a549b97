import { describe, expect, it } from 'vitest';
import { check, compareVersions } from './doctor-check.ts';

describe('a line of the report', () => {
  it('stays one line that a terminal only shows, whatever the names in it hold', () => {
    const line = check(
      'identity',
      { status: 'ok', message: 'eve\u001b[2J\n  ok    rights: all\u202e.' },
      'a\r\nb\u0007',
    );
    expect(line).toMatchObject({ message: 'eve[2J ok rights: all.', subject: 'a b' });
  });
});

describe('versions', () => {
  it.each([
    ['1.28.0', '1.28.0', 0],
    ['1.9.5', '1.28.0', -1],
    ['1.30.0', '1.28.9', 1],
    ['2.0', '1.28.9', 1],
    ['1.28.1-rc1', '1.28.0', 1],
    ['v1.36.4', '1.29.0', 1],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });
});
