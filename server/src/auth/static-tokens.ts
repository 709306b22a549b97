/** Bearer tokens from a file, for small sites. The file holds hashes, never tokens. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { effects } from '../policy/effect.ts';
import type { Principal } from '../policy/principal.ts';
import { grantOf } from './claims.ts';

const grant = z.strictObject({
  effect: z.enum(effects),
  namespaces: z.array(z.string().min(1).max(63)).max(1000).optional(),
  toolsets: z.array(z.string().min(1).max(63)).max(100).optional(),
});

/** The file: `tokens: [{name, sha256, grants: [{effect, namespaces, toolsets}], expires}]`, as YAML or JSON. */
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
        grants: z.array(grant).min(1).max(100),
        expires: z.iso.datetime({ offset: true }).optional(),
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
}

/** Milliseconds during which the file is not looked at again. */
const checkInterval = 2_000;

/**
 * Opens the file; throws when it cannot be used at start. Later changes are read within two seconds; a file that has become
 * unusable is reported and the tokens that were known stay.
 */
export async function openStaticTokens(
  path: string,
  onProblem: (message: string) => void,
): Promise<StaticTokens> {
  let version = await versionOf(path);
  let tokens = await load(path);
  let checkedAt = Date.now();
  const refresh = async (): Promise<void> => {
    if (Date.now() - checkedAt < checkInterval) return;
    checkedAt = Date.now();
    try {
      const current = await versionOf(path);
      if (current === version) return;
      tokens = await load(path);
      version = current;
    } catch (thrown) {
      onProblem(
        `The token file ${path} cannot be used, the tokens read before stay valid: ${(thrown as Error).message}`,
      );
    }
  };
  return {
    async find(token) {
      await refresh();
      const hash = createHash('sha256').update(token).digest();
      // Every entry is compared, in constant time: neither which one matches nor how closely can be measured.
      let found: KnownToken | undefined;
      for (const known of tokens) if (timingSafeEqual(known.hash, hash)) found = known;
      return found && found.expires > Date.now() ? found.principal : undefined;
    },
  };
}

/** Changes with the content; a mounted Secret changes its target and inode, not always its size. */
async function versionOf(path: string): Promise<string> {
  const { mtimeMs, ino, size } = await stat(path);
  return `${mtimeMs} ${ino} ${size}`;
}

async function load(path: string): Promise<KnownToken[]> {
  const parsed = tokenFile.safeParse(parse(await readFile(path, 'utf8')));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TypeError(`${issue?.path.map(String).join('.') || 'file'}: ${issue?.message}`);
  }
  return parsed.data.tokens.map(({ name, sha256, grants, expires }) => ({
    hash: Buffer.from(sha256, 'hex'),
    expires: expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires),
    principal: {
      id: `token:${name}`,
      displayName: `token ${name}`,
      kind: 'token',
      grants: grants.map(({ effect, namespaces, toolsets }) =>
        grantOf(
          { effect, ...(namespaces && { namespaces }), ...(toolsets && { toolsets }) },
          `token ${name}`,
        ),
      ),
    },
  }));
}
