/** Bearer tokens from a file, for small sites. The file holds hashes, never tokens. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { problemWithIdentity } from '../kube/impersonation.ts';
import { effects } from '../policy/effect.ts';
import type { Credential, Identity, Principal } from '../policy/principal.ts';
import { grantOf } from './claims.ts';
import type { GrantRule } from './options.ts';

const tokenName = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[\w.-]+$/, 'may hold letters, digits, _ . and - only');

const grant = z.strictObject({
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
const tokenFile = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name: tokenName,
        sha256: z.string().regex(/^[0-9a-f]{64}$/i, 'must be the SHA-256 of the token in hexadecimal'),
        grants: z.array(grant).max(100).default([]),
        expires: z.iso.datetime({ offset: true }).optional(),
        impersonate: z
          .strictObject({
            user: identity,
            groups: z.array(identity).max(100).default([]),
          })
          .optional(),
      }),
    )
    .max(1000)
    .refine((tokens) => new Set(tokens.map(({ name }) => name)).size === tokens.length, 'names must differ'),
});

interface KnownToken {
  hash: Buffer;
  identity: Identity & { credential: Credential };
}

export interface StaticTokens {
  /** Whose a token is; `undefined` when no token of the file is this one, or when it has expired. */
  find(token: string): Promise<Identity | undefined>;
  /** The same at once, as long as it is certain that the file says so; else `undefined`. */
  recall(token: string): Identity | undefined;
  /** Why the file cannot be used as it is now, so that the tokens that were read before are in force; `undefined`: it can. */
  problem(): Promise<string | undefined>;
}

export interface StaticTokenOptions {
  path: string;
  /** Rules of the configuration; those that name a token add to its grants. */
  rules: readonly GrantRule[];
  /** Every token must say whom it acts as in Kubernetes: else it could do more than the people beside it. */
  mustImpersonate: boolean;
  /** Told why a changed file cannot be used, once for each reason, and with `undefined` when it can be used again. */
  onProblem(problem: string | undefined): void;
}

/** Milliseconds during which the file is not looked at again. */
const checkInterval = 2_000;

/**
 * Opens the file; throws when it cannot be used at start. Later changes are read within two seconds; a file that has become
 * unusable is reported and the tokens that were known stay.
 */
export async function openStaticTokens(options: StaticTokenOptions): Promise<StaticTokens> {
  const { path, onProblem } = options;
  const byHash = (hash: Buffer): KnownToken['identity'] | undefined => {
    // Every entry is compared, in constant time: neither which one matches nor how closely can be measured.
    let found: KnownToken | undefined;
    for (const known of tokens) if (timingSafeEqual(known.hash, hash)) found = known;
    return found && found.identity.credential.endsAt > Date.now() ? found.identity : undefined;
  };
  const principalNow = async (hash: Buffer): Promise<Principal | undefined> => {
    await refresh();
    return byHash(hash)?.principal;
  };
  let version = await versionOf(path);
  let tokens: readonly KnownToken[] = await load(options, principalNow);
  let checkedAt = Date.now();
  let problem: string | undefined;
  let refreshing: Promise<void> | undefined;
  const reload = async (): Promise<void> => {
    let found: string | undefined;
    try {
      const current = await versionOf(path);
      if (current !== version) {
        tokens = await load(options, principalNow);
        version = current;
      }
    } catch (thrown) {
      found = (thrown as Error).message;
    }
    if (found !== problem) onProblem(found);
    problem = found;
    checkedAt = Date.now();
    refreshing = undefined;
  };
  const isFresh = (): boolean => Date.now() - checkedAt < checkInterval;
  const refresh = async (): Promise<void> => {
    if (isFresh()) return;
    refreshing ??= reload();
    await refreshing;
  };
  return {
    async find(token) {
      await refresh();
      return byHash(hashOf(token));
    },
    recall: (token) => (isFresh() ? byHash(hashOf(token)) : undefined),
    async problem() {
      await refresh();
      return problem;
    },
  };
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Changes with the content; a mounted Secret changes its target and inode, not always its size. */
async function versionOf(path: string): Promise<string> {
  const { mtimeMs, ino, size } = await stat(path);
  return `${mtimeMs} ${ino} ${size}`;
}

async function load(
  { path, rules, mustImpersonate }: StaticTokenOptions,
  principalNow: (hash: Buffer) => Promise<Principal | undefined>,
): Promise<KnownToken[]> {
  const content = readYaml(await readFile(path, 'utf8'));
  const parsed = tokenFile.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TypeError(issue ? describe(issue, content) : 'it is no token file');
  }
  const { tokens } = parsed.data;
  const powerful = mustImpersonate && tokens.find(({ impersonate }) => impersonate === undefined);
  if (powerful) {
    throw new TypeError(
      `token ${powerful.name} needs impersonate: {user, groups}, because auth.impersonation is enabled`,
    );
  }
  return tokens.map(({ name, sha256, grants, expires, impersonate }) => {
    const hash = Buffer.from(sha256, 'hex');
    const principal: Principal = {
      id: `token:${name}`,
      displayName: `token ${name}`,
      kind: 'token',
      grants: [...grants, ...rules.filter(({ token }) => token === name)].map((given) =>
        grantOf(given, `token ${name}`),
      ),
      ...(impersonate && { impersonate }),
    };
    const endsAt = expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires);
    return {
      hash,
      identity: { principal, credential: { endsAt, principalNow: () => principalNow(hash) } },
    };
  });
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

/** The parser quotes the line that it stumbled on; somebody may have written a token there. */
function readYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    throw new TypeError('it is not YAML');
  }
}
