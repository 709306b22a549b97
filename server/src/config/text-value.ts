/** Values that arrive as text (flags, environment variables, `key=value` arguments), read by what a schema expects. */
import type { z } from 'zod';

/** What a schema expects, as far as it matters for reading text. */
export type ValueKind = 'text' | 'number' | 'boolean' | 'list' | 'map' | 'json';

/** The kind of value that a schema expects, looking through defaults and optionals. */
export function kindOf(schema: z.core.$ZodType): ValueKind {
  const { def } = unwrap(schema)._zod;
  switch (def.type) {
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array':
      return kindOf((def as z.core.$ZodArrayDef).element) === 'map' ? 'json' : 'list';
    case 'record':
    case 'object':
      return 'map';
    default:
      return 'text';
  }
}

/** The schema inside `.optional()`, `.default()`, `.prefault()` and the like; of a transformation, what goes in. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const def = schema._zod.def as z.core.$ZodTypeDef & { innerType?: z.core.$ZodType; in?: z.core.$ZodType };
  const inner = def.innerType ?? def.in;
  return inner ? unwrap(inner) : schema;
}

const booleans: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  '0': false,
};

/**
 * Reads one value: numbers in decimal, `true`/`yes`/`on`/`1` and their opposites, lists as `a,b,c`, maps as `a=1,b=2`, lists of
 * objects as JSON.
 * Text that does not fit its kind is returned as it is, for the schema to refuse.
 */
export function readText(text: string, kind: ValueKind): unknown {
  switch (kind) {
    case 'number':
      return /^[+-]?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text;
    case 'boolean':
      return booleans[text.trim().toLowerCase()] ?? text;
    case 'list':
      return splitList(text);
    case 'map': {
      const pairs = splitList(text).map((item) => [item, item.indexOf('=')] as const);
      if (pairs.some(([, at]) => at < 1)) return text;
      return Object.fromEntries(
        pairs.map(([item, at]) => [item.slice(0, at).trim(), item.slice(at + 1).trim()]),
      );
    }
    case 'json':
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    case 'text':
      return text;
  }
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
