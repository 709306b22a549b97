/** Bearer tokens from a file, for small sites. The file holds hashes, never tokens. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { effects } from '../policy/effect.ts';
import type { Principal } from '../policy/principal.ts';
import { grantOf } from './claims.ts';
import type { GrantRule } from './options.ts';

const grant = z.strictObject({
  effect: z.enum(effects),
  namespaces: z.array(z.string().min(1).max(63)).max(1000).optional(),
  toolsets: z.array(z.string().min(1).max(63)).max(100).optional(),
});

/**
 * The file: `tokens: [{name, sha256, grants: [{effect, namespaces, toolsets}], expires, impersonate: {user, groups}}]`, as
 * YAML or JSON.
 */
const tokenFile = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name: z
          .string()
          .min(1)
          .max(100)
          .regex(/^[\w.-]+$/, 'may hold letters, digits, _ . and - only'),
        sha256: z.string().regex(/^[0-9a-f]{64}$/i, 'must be the SHA-256 of the token in hexadecimal'),
        grants: z.array(grant).max(100).default([]),
        expires: z.iso.datetime({ offset: true }).optional(),
        impersonate: z
          .strictObject({
            user: z.string().min(1).max(512),
            groups: z.array(z.string().min(1).max(512)).max(100).default([]),
          })
          .optional(),
      }),
    )
    .max(1000)
    .refine((tokens) => new Set(tokens.map(({ name }) => name)).size === tokens.length, 'names must differ'),
});

interface KnownToken {
  hash: Buffer;
  expires: number;
  principal: Principal;
}

export interface StaticTokens {
  /** The principal of a token; `undefined` when no token of the file is this one, or when it has expired. */
  find(token: string): Promise<Principal | undefined>;
  /** The same at once, as long as it is certain that the file says so; else `undefined`. */
  recall(token: string): Principal | undefined;
}

export interface StaticTokenOptions {
  path: string;
  /** Rules of the configuration; those that name a token add to its grants. */
  rules: readonly GrantRule[];
  /** Every token must say whom it acts as in Kubernetes: else it could do more than the people beside it. */
  mustImpersonate: boolean;
  /** Told why a changed file cannot be used. */
  onProblem(message: string): void;
}

/** Milliseconds during which the file is not looked at again. */
const checkInterval = 2_000;

/**
 * Opens the file; throws when it cannot be used at start. Later changes are read within two seconds; a file that has become
 * unusable is reported and the tokens that were known stay.
 */
export async function openStaticTokens(options: StaticTokenOptions): Promise<StaticTokens> {
  const { path, onProblem } = options;
  let version = await versionOf(path);
  let tokens = await load(options);
  let checkedAt = Date.now();
  let refreshing: Promise<void> | undefined;
  const reload = async (): Promise<void> => {
    try {
      const current = await versionOf(path);
      if (current !== version) {
        tokens = await load(options);
        version = current;
      }
    } catch (thrown) {
      onProblem(
        `The token file ${path} cannot be used, the tokens read before stay valid: ${(thrown as Error).message}`,
      );
    }
    checkedAt = Date.now();
    refreshing = undefined;
  };
  const isFresh = (): boolean => Date.now() - checkedAt < checkInterval;
  const lookUp = (token: string): Principal | undefined => {
    const hash = createHash('sha256').update(token).digest();
    // Every entry is compared, in constant time: neither which one matches nor how closely can be measured.
    let found: KnownToken | undefined;
    for (const known of tokens) if (timingSafeEqual(known.hash, hash)) found = known;
    return found && found.expires > Date.now() ? found.principal : undefined;
  };
  return {
    async find(token) {
      if (!isFresh()) {
        refreshing ??= reload();
        await refreshing;
      }
      return lookUp(token);
    },
    recall: (token) => (isFresh() ? lookUp(token) : undefined),
  };
}

/** Changes with the content; a mounted Secret changes its target and inode, not always its size. */
async function versionOf(path: string): Promise<string> {
  const { mtimeMs, ino, size } = await stat(path);
  return `${mtimeMs} ${ino} ${size}`;
}

async function load({ path, rules, mustImpersonate }: StaticTokenOptions): Promise<KnownToken[]> {
  const parsed = tokenFile.safeParse(readYaml(await readFile(path, 'utf8')));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TypeError(issue ? describe(issue) : 'it is no token file');
  }
  const { tokens } = parsed.data;
  const powerful = mustImpersonate && tokens.find(({ impersonate }) => impersonate === undefined);
  if (powerful) {
    throw new TypeError(
      `token ${powerful.name} needs impersonate: {user, groups}, because auth.impersonation is enabled`,
    );
  }
  return tokens.map(({ name, sha256, grants, expires, impersonate }) => ({
    hash: Buffer.from(sha256, 'hex'),
    expires: expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires),
    principal: {
      id: `token:${name}`,
      displayName: `token ${name}`,
      kind: 'token',
      grants: [...grants, ...rules.filter(({ token }) => token === name)].map((given) =>
        grantOf(given, `token ${name}`),
      ),
      ...(impersonate && { impersonate }),
    },
  }));
}

/** `tokens.0: sha256 is missing`: what is not there is said to be, not that something undefined is of the wrong type. */
function describe({ code, message, path }: z.core.$ZodIssue): string {
  const where = path.map(String);
  const missing = code === 'invalid_type' && message.endsWith('received undefined') ? where.pop() : undefined;
  const place = where.join('.') || 'file';
  return missing === undefined ? `${place}: ${message}` : `${place}: ${missing} is missing`;
}

/** The parser quotes the line that it stumbled on; somebody may have written a token there. */
function readYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    throw new TypeError('it is not YAML');
  }
}
