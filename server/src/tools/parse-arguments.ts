/** Arguments against a tool's schema: everything that is wrong, in one error, before anything reaches the cluster. */
import type { z } from 'zod';
import { meantBy } from '../closest.ts';
import { ToolError } from '../errors.ts';

/** Parses the arguments of a call. Throws `invalid_arguments` with one line per problem; values are never echoed. */
export function parseArguments(tool: string, schema: z.ZodObject, given: unknown): Record<string, unknown> {
  const parsed = schema.safeParse(given ?? {});
  if (parsed.success) return parsed.data as Record<string, unknown>;
  const known = Object.keys(schema.shape);
  const problems = parsed.error.issues.slice(0, 10).map((issue) => describe(issue, known, given));
  const sentence = `${tool}: ${problems.join('; ')}`;
  throw new ToolError('invalid_arguments', sentence.endsWith('?') ? sentence : `${sentence}.`, {
    details: { arguments: known },
  });
}

function describe(issue: z.core.$ZodIssue, known: string[], given: unknown): string {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .slice(0, 5)
      .map((key) => unknownKey(key, path === '' ? known : []))
      .join('; ');
  }
  if (issue.code === 'invalid_type' && valueAt(given, issue.path) === undefined)
    return `${path || 'arguments'} is required`;
  const message = issue.message.replace(/^Invalid input: /, '');
  return path === '' ? `arguments: ${message}` : `${path}: ${message}`;
}

function valueAt(given: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    given,
  );
}

function unknownKey(key: string, known: string[]): string {
  const shown = JSON.stringify(key.replace(/[^\w.-]/g, '?').slice(0, 40));
  const meant = meantBy(key, known)
    .join(', ')
    .replace(/, ([^,]+)$/, ' or $1');
  return `${shown} is not an argument${meant ? `; did you mean ${meant}?` : ''}`;
}
