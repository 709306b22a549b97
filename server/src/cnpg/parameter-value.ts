/** Whether PostgreSQL can read the value of a parameter, by the rules of guc.c. */

/** Prefixes and letters of either case are enough (parse_bool). */
const boolean = /^(t(r(ue?)?)?|f(a(l(se?)?)?)?|y(es?)?|no?|on|off?|1|0)$/i;

/** Decimal or hexadecimal, blanks around it, and a unit (parse_int, parse_real). */
const number = /^\s*(?<digits>[+-]?(?:0x[\da-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))\s*(?<unit>[a-z]*)\s*$/i;

/** How many of the smallest of its kind a unit is; a block of memory is 8kB in every common build. */
const memory: Readonly<Record<string, number>> = {
  B: 1,
  kB: 2 ** 10,
  '8kB': 2 ** 13,
  MB: 2 ** 20,
  GB: 2 ** 30,
  TB: 2 ** 40,
};
const time: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  min: 6e7,
  h: 3.6e9,
  d: 8.64e10,
};

/** What the parameter takes, where that is not the value; `undefined` when the value is good, or free. */
export function objectionToValue(
  { kind, allowed }: { kind: string; allowed: string },
  value: string,
): string | undefined {
  switch (kind) {
    case 'booleans':
      return boolean.test(value) ? undefined : 'on or off';
    case 'words': {
      const words = allowed.split('|');
      return words.some((word) => word.toLowerCase() === value.toLowerCase())
        ? undefined
        : `one of ${words.filter(Boolean).join(', ')}`;
    }
    case 'numbers':
      return objectionToNumber(allowed, value);
    default:
      return undefined;
  }
}

/** `allowed`: `16..1073741823 8kB`, real numbers with a point. */
function objectionToNumber(allowed: string, value: string): string | undefined {
  const {
    least = '',
    most = '',
    base,
  } = /^(?<least>\S+)\.\.(?<most>\S+?)(?: (?<base>\S+))?$/.exec(allowed)?.groups ?? {};
  const names = Object.keys(unitsOf(base)).filter((unit) => /^[a-z]/i.test(unit));
  const takes =
    base === undefined
      ? `${least} to ${most}`
      : `${least} to ${most} (in ${base}), or a number with one of the units ${names.join(', ')}`;
  const taken = amountOf(value, base, least.includes('.'));
  return taken !== undefined && taken >= Number(least) && taken <= Number(most) ? undefined : takes;
}

/** A number in its base unit (`MB`; undefined: it has none) as PostgreSQL reads it; `undefined` when it cannot. */
export function amountOf(value: string, base: string | undefined, real = false): number | undefined {
  const units = unitsOf(base);
  const { digits, unit = '' } = number.exec(value)?.groups ?? {};
  if (digits === undefined || (unit !== '' && (!/^[a-z]/i.test(unit) || !(unit in units)))) return undefined;
  const factor = unit === '' || base === undefined ? 1 : (units[unit] ?? 1) / (units[base] ?? 1);
  const given = numberOf(digits, real) * factor;
  return real ? given : toEven(given);
}

/** The units that go with a base unit. */
function unitsOf(base: string | undefined): Readonly<Record<string, number>> {
  if (base === undefined) return {};
  return base in memory ? memory : time;
}

/** Integers are octal after a zero. `Number` reads no sign before a hexadecimal one. */
function numberOf(digits: string, real: boolean): number {
  const [, sign, amount = ''] = /^([+-]?)(.*)$/.exec(digits) ?? [];
  const size = !real && /^0[0-7]+$/.test(amount) ? Number.parseInt(amount, 8) : Number(amount);
  return sign === '-' ? -size : size;
}

/** A half goes to the even number beside it (rint). */
function toEven(value: number): number {
  return Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}
