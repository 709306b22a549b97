/**
 * The schedules of ScheduledBackup, as the operator's parser (robfig/cron v1) reads them: seconds first, an optional
 * sixth field for the day of the week, and the `@` descriptors. All times are UTC.
 */

interface Field {
  name: string;
  min: number;
  max: number;
  names?: string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const fields: Field[] = [
  { name: 'second', min: 0, max: 59 },
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: months },
  { name: 'day of week', min: 0, max: 6, names: days },
];

const descriptors: Record<string, string> = {
  '@yearly': '0 0 0 1 1 *',
  '@annually': '0 0 0 1 1 *',
  '@monthly': '0 0 0 1 * *',
  '@weekly': '0 0 0 * * 0',
  '@daily': '0 0 0 * * *',
  '@midnight': '0 0 0 * * *',
  '@hourly': '0 0 * * * *',
};

/** A parsed schedule: the first moment after the given one, undefined when there is none within five years. */
export type Schedule = (after: Date) => Date | undefined;

function number(text: string, { min, max, names }: Field): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + min;
  if (!/^\d+$/.test(text))
    throw new Error(`Failed to parse int from ${text}: strconv.Atoi: parsing "${text}": invalid syntax`);
  const value = Number(text);
  if (value < min) throw new Error(`Beginning of range (${value}) below minimum (${min}): ${text}`);
  if (value > max) throw new Error(`End of range (${value}) above maximum (${max}): ${text}`);
  return value;
}

function allowed(text: string, field: Field): Set<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', step] = part.split('/');
    const [low = '', high] = range.split('-');
    const every = low === '*' || low === '?';
    const start = every ? field.min : number(low, field);
    const single = high === undefined && step === undefined && !every;
    const end = high !== undefined ? number(high, field) : single ? start : field.max;
    if (start > end) throw new Error(`Beginning of range (${start}) beyond end of range (${end}): ${part}`);
    const stride = step === undefined ? 1 : Number(step);
    if (!Number.isInteger(stride) || stride <= 0)
      throw new Error(`Step of range should be a positive number: ${part}`);
    for (let value = start; value <= end; value += stride) values.add(value);
  }
  return values;
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function every(text: string): Schedule {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new Error(`Failed to parse duration @every ${text}: time: invalid duration "${text}"`);
  }
  const length = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? 0), 0);
  return (after) => new Date(Math.floor(after.getTime() / 1000) * 1000 + Math.max(1000, length));
}

/** Parses a schedule; throws an Error with the parser's sentence. */
export function parseSchedule(text: string): Schedule {
  if (text === '') throw new Error('Empty spec string');
  if (text.startsWith('@every ')) return every(text.slice('@every '.length));
  if (text.startsWith('@') && descriptors[text] === undefined)
    throw new Error(`Unrecognized descriptor: ${text}`);
  const given = (descriptors[text] ?? text).trim().split(/\s+/);
  if (given.length < 5 || given.length > 6) {
    throw new Error(`Expected 5 to 6 fields, found ${given.length}: ${text}`);
  }
  const sets = fields.map((field, index) => allowed(given[index] ?? '*', field));
  const [second, minute, hour, dayOfMonth, month, dayOfWeek] = sets as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  const anyDay = /^[*?]/.test(given[3] ?? '*');
  const anyWeekday = /^[*?]/.test(given[5] ?? '*');
  const isDay = (date: Date): boolean => {
    const byMonth = dayOfMonth.has(date.getUTCDate());
    const byWeek = dayOfWeek.has(date.getUTCDay());
    return anyDay || anyWeekday ? byMonth && byWeek : byMonth || byWeek;
  };
  return (after) => {
    const date = new Date(Math.floor(after.getTime() / 1000) * 1000 + 1000);
    const limit = date.getUTCFullYear() + 5;
    while (date.getUTCFullYear() <= limit) {
      if (!month.has(date.getUTCMonth() + 1) || !isDay(date)) {
        date.setUTCHours(24, 0, 0, 0);
      } else if (!hour.has(date.getUTCHours())) {
        date.setUTCMinutes(60, 0, 0);
      } else if (!minute.has(date.getUTCMinutes())) {
        date.setUTCSeconds(60, 0);
      } else if (!second.has(date.getUTCSeconds())) {
        date.setUTCMilliseconds(1000);
      } else return date;
    }
    return undefined;
  };
}
