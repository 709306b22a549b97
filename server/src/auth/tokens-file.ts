/** What is in the tokens file: the hashes of tokens, and what each of them allows. Nothing that it says holds a token. */
import { isScalar, parseDocument, visit } from 'yaml';
import { z } from 'zod';
import { closest } from '../closest.ts';
import { problemWithIdentity } from '../kube/impersonation.ts';
import { effects } from '../policy/effect.ts';

const tokenName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[\w.-]+$/, 'may hold letters, digits, _ . and - only');

const strictObject = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? oneTooMany(issue.keys as string[], Object.keys(shape)) : undefined,
  });

const didYouMean = /; did you mean \w+\?$/;

/** Which key is too many is said of one that is all but known, and of no other: somebody may have written a token there. */
function oneTooMany(unknown: readonly string[], known: readonly string[]): string {
  for (const key of unknown) {
    const meant = /^\w+$/.test(key) ? closest(key, known) : undefined;
    if (meant !== undefined) return `there is no key ${key}; did you mean ${meant}?`;
  }
  return `holds a key that is none of ${known.join(', ')}`;
}

const grant = strictObject({
  effect: z.enum(effects),
  namespaces: z.array(z.string().min(1).max(63)).max(1000).optional(),
  toolsets: z.array(z.string().min(1).max(63)).max(100).optional(),
});

/** A user or group to act as. */
const identity = z.string().superRefine((name, context) => {
  const message = problemWithIdentity(name);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/**
 * The file: `tokens: [{name, sha256, grants: [{effect, namespaces, toolsets}], expires, impersonate: {user, groups}}]`, as
 * YAML or JSON.
 */
const tokenFile = strictObject({
  tokens: z
    .array(
      strictObject({
        name: tokenName,
        sha256: z.string().regex(/^[0-9a-f]{64}$/i, 'must be the SHA-256 of the token in hexadecimal'),
        grants: z.array(grant).max(100).default([]),
        expires: z.iso.datetime({ offset: true }).optional(),
        impersonate: strictObject({
          user: identity,
          groups: z.array(identity).max(100).default([]),
        }).optional(),
      }),
    )
    .max(1000)
    .superRefine((tokens, context) => {
      for (const key of ['name', 'sha256'] as const) {
        const seen = new Map<string, number>();
        for (const [index, token] of tokens.entries()) {
          // Hexadecimal digits may be written in either case.
          const value = key === 'sha256' ? token[key].toLowerCase() : token[key];
          const first = seen.get(value);
          if (first === undefined) seen.set(value, index);
          else {
            const message = `is that of ${nameOf({ tokens }, first) ?? `tokens.${first}`} as well`;
            context.addIssue({ code: 'custom', path: [index, key], message });
          }
        }
      }
    }),
});

/** An entry of the file. */
export type TokenEntry = z.output<typeof tokenFile>['tokens'][number];

/**
 * Reads the content of the file. `mustImpersonate`: every token must say whom it acts as. Throws what is wrong with it, for
 * people: which entry, never a value.
 */
export function readTokens(text: string, mustImpersonate: boolean): readonly TokenEntry[] {
  const content = readYaml(text);
  const parsed = tokenFile.safeParse(content);
  if (!parsed.success) {
    const { issues } = parsed.error;
    // The key that was meant is missing as well, and is reported first; the slip says more.
    const issue = issues.find(({ message }) => didYouMean.test(message)) ?? issues[0];
    throw new TypeError(issue ? describe(issue, content) : 'it is no token file');
  }
  const { tokens } = parsed.data;
  const powerful = mustImpersonate && tokens.find(({ impersonate }) => impersonate === undefined);
  if (powerful) {
    throw new TypeError(
      `token ${powerful.name} needs impersonate: {user, groups}, because auth.impersonation is enabled`,
    );
  }
  return tokens;
}

/**
 * `token ci (tokens.0): sha256 is missing`: the entry by its name, where it has a proper one; and what is not there is said to
 * be, not that something undefined is of the wrong type.
 */
function describe({ code, message, path }: z.core.$ZodIssue, content: unknown): string {
  const where = path.map(String);
  const missing = code === 'invalid_type' && message.endsWith('received undefined') ? where.pop() : undefined;
  const [list, index, ...inside] = where;
  const entry = list === 'tokens' && index !== undefined ? nameOf(content, Number(index)) : undefined;
  const place = entry === undefined ? where.join('.') || 'file' : [entry, ...inside].join(' ');
  return missing === undefined ? `${place}: ${message}` : `${place}: ${missing} is missing`;
}

/** `token ci (tokens.0)`; `undefined` when the name is none: somebody may have written a token there. */
function nameOf(content: unknown, index: number): string | undefined {
  const name = (content as { tokens: { name?: unknown }[] }).tokens[index]?.name;
  return tokenName.safeParse(name).success ? `token ${name} (tokens.${index})` : undefined;
}

/**
 * No error of the parser is passed on: it quotes the line that it stumbled on, and somebody may have written a token there.
 * Its own look for keys that are given twice compares every key of a map with every other, which takes minutes for a file
 * that is nothing but keys.
 */
function readYaml(text: string): unknown {
  const document = parseDocument(text, { uniqueKeys: false });
  if (document.errors.length > 0) throw new TypeError('it is not YAML');
  visit(document, {
    Map(_key, { items }) {
      const keys = new Set(items.map(({ key }) => (isScalar(key) ? key.value : key)));
      if (keys.size < items.length) throw new TypeError('it gives a key twice in one place');
    },
  });
  try {
    return document.toJS();
  } catch {
    throw new TypeError('it refers to anchors in a way that cannot be followed');
  }
}
