/** Arguments against a tool's schema: everything that is wrong, in one error, before anything reaches the cluster. */
import type { z } from 'zod';
import { ToolError } from '../errors.ts';

/** Parses the arguments of a call. Throws `invalid_arguments` with one line per problem; values are never echoed. */
export function parseArguments(tool: string, schema: z.ZodObject, given: unknown): Record<string, unknown> {
  const parsed = schema.safeParse(given ?? {});
  if (parsed.success) return parsed.data as Record<string, unknown>;
  const known = Object.keys(schema.shape);
  const problems = parsed.error.issues.slice(0, 10).map((issue) => describe(issue, known, given));
  throw new ToolError('invalid_arguments', `${tool}: ${problems.join('; ')}.`, {
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
  const closest = known
    .map((candidate) => ({ candidate, distance: editDistance(key.slice(0, 40), candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const near = closest && closest.distance <= Math.max(2, Math.floor(closest.candidate.length / 3));
  return `${shown} is not an argument${near ? `; did you mean ${closest.candidate}?` : ''}`;
}

/** Levenshtein distance, for naming the closest known word. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
