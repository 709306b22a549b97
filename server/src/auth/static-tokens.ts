/** Bearer tokens from a file, for small sites. The file holds hashes, never tokens. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Credential, Identity, Principal } from '../policy/principal.ts';
import { grantOf } from './claims.ts';
import type { GrantRule } from './options.ts';
import { type SmallFileLimits, smallFile } from './small-file.ts';
import { readTokens, type TokenEntry } from './tokens-file.ts';

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
/** A thousand tokens with all that belongs to them fit many times; more would block the event loop while it is parsed. */
const limits: SmallFileLimits = { bytes: 1024 ** 2, milliseconds: 5_000 };
/** Milliseconds that a request waits for the file at most; then the tokens that are known decide. */
const moment = 500;

/**
 * Opens the file; throws when it cannot be used at start. Later changes are read within two seconds; a file that has become
 * unusable, or does not answer, is reported and the tokens that were known stay.
 */
export async function openStaticTokens(options: StaticTokenOptions): Promise<StaticTokens> {
  const { path, rules, mustImpersonate, onProblem } = options;
  const byHash = (hash: Buffer): KnownToken['identity'] | undefined => {
    // Every entry is compared, in constant time: neither which one matches nor how closely can be measured.
    let found: KnownToken | undefined;
    for (const token of tokens) if (timingSafeEqual(token.hash, hash)) found = token;
    return found && found.identity.credential.endsAt > Date.now() ? found.identity : undefined;
  };
  const principalNow = async (hash: Buffer): Promise<Principal | undefined> => {
    await refresh();
    return byHash(hash)?.principal;
  };
  const read = (text: string) => knownTokens(readTokens(text, mustImpersonate), rules, principalNow);
  const look = smallFile(path, limits);
  const first = await look();
  let tokens = read(first.text as string);
  /** The version that was parsed last, and what is wrong with it: it is not parsed again to find the same. */
  let parsed: { version: string; problem?: string } = { version: first.version };
  let checkedAt = Date.now();
  let problem: string | undefined;
  let refreshing: Promise<void> | undefined;
  const reload = async (): Promise<void> => {
    let found: string | undefined;
    try {
      const { version, text } = await look(parsed.version);
      if (text !== undefined) {
        parsed = { version };
        try {
          tokens = read(text);
        } catch (thrown) {
          parsed.problem = (thrown as Error).message;
        }
      }
      found = parsed.problem;
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
    // One moment for all who wait: who comes after it does not wait at all.
    refreshing ??= Promise.race([reload(), passing(moment)]);
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

const passing = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, milliseconds).unref());

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The tokens of the file with what they stand for: what their entries and the rules of the configuration give. */
function knownTokens(
  entries: readonly TokenEntry[],
  rules: readonly GrantRule[],
  principalNow: (hash: Buffer) => Promise<Principal | undefined>,
): readonly KnownToken[] {
  return entries.map(({ name, sha256, grants, expires, impersonate }) => {
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
