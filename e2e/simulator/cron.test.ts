import { describe, expect, it } from 'vitest';
import { parseSchedule } from './cron.ts';

const start = new Date('2026-11-24T10:30:15.500Z');

describe('a schedule', () => {
  it.each([
    ['0 0 3 * * *', '2026-11-25T03:00:00.000Z'],
    ['*/20 * * * * *', '2026-11-24T10:30:20.000Z'],
    ['0 */15 * * * *', '2026-11-24T10:45:00.000Z'],
    ['0 0 0 1 * *', '2026-12-01T00:00:00.000Z'],
    ['0 30 2 * * 1-5', '2026-11-25T02:30:00.000Z'],
    ['0 0 0 * * SUN', '2026-11-29T00:00:00.000Z'],
    ['0 0 12 29 FEB *', '2028-02-29T12:00:00.000Z'],
    ['0 0 0 13 * 5', '2026-11-27T00:00:00.000Z'],
    ['0 0 3 * *', '2026-11-25T03:00:00.000Z'],
    ['@hourly', '2026-11-24T11:00:00.000Z'],
    ['@daily', '2026-11-25T00:00:00.000Z'],
    ['@every 1h30m', '2026-11-24T12:00:15.000Z'],
  ])('%s is next due at %s', (text, next) => {
    expect(parseSchedule(text)(start)?.toISOString()).toBe(next);
  });

  it('of five fields begins with the seconds as well', () => {
    expect(parseSchedule('0 4 * * *')(start)?.toISOString()).toBe('2026-11-24T11:04:00.000Z');
  });

  it('may never be due', () => {
    expect(parseSchedule('0 0 0 31 FEB *')(start)).toBeUndefined();
  });

  it.each([
    ['bad', 'Expected 5 to 6 fields, found 1: bad'],
    ['99 0 0 * * *', 'End of range (99) above maximum (59): 99'],
    ['0 0 0 0 * *', 'Beginning of range (0) below minimum (1): 0'],
    ['0 5-1 0 * * *', 'Beginning of range (5) beyond end of range (1): 5-1'],
    ['@often', 'Unrecognized descriptor: @often'],
    ['', 'Empty spec string'],
  ])('cannot be "%s"', (text, message) => {
    expect(() => parseSchedule(text)).toThrow(message);
  });
});
