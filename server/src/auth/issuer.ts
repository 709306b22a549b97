/** The identity provider: its keys and endpoints, found by discovery, whatever state it is in when this server starts. */
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, customFetch as joseFetch } from 'jose';
import * as oidc from 'openid-client';
import { createBoundedFetch } from './bounded-fetch.ts';
import type { OidcOptions } from './options.ts';
import { isVerificationKey, skewSeconds, TokenRejected } from './verify-jwt.ts';

type RemoteKeys = ReturnType<typeof createRemoteJWKSet>;

/** Seconds between attempts to reach an issuer that cannot be used, at first and at most. */
const retrySeconds = { first: 1, most: 30 };
/** Keys are good for so long, and fetched anew at half of it: an outage of the provider that is shorter goes unnoticed. */
const keysSeconds = 600;
/** Milliseconds after which a key that is not known is asked for again: however many such tokens come, one fetch in this time. */
const unknownKeyCooldown = 30_000;
/** Milliseconds during which a failed fetch of keys is not repeated, so that bad tokens cannot make us knock. */
const failureCooldown = 5_000;

const noKey = 'It publishes no key that a token could be verified with.';

export interface IssuerStatus {
  ready: boolean;
  /** Why not, for the readiness page and the log. */
  reason?: string;
}

export interface Issuer {
  /** Keys for a token; rejects with {@link TokenRejected} `unavailable` while there are none. */
  keys: JWTVerifyGetKey;
  /** RFC 7662: the claims of an active token; `undefined` when it is not active or cannot be asked for here. */
  introspect(token: string): Promise<Record<string, unknown> | undefined>;
  status(): IssuerStatus;
  close(): Promise<void>;
}

interface Known {
  keys: RemoteKeys;
  configuration?: oidc.Configuration;
}

/** Starts to look for the issuer at once and goes on until it is found. Nothing waits for it. */
export function openIssuer(options: OidcOptions, onProblem: (message: string) => void): Issuer {
  const http = createBoundedFetch(options.ca);
  let known: Known | undefined;
  let reason = `The identity provider ${options.issuer} was not reached yet.`;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let failedAt = 0;
  /** When the keys that are known were fetched, in milliseconds since 1970. */
  let fetchedAt = 0;
  const unusable = (why: string): string => `The identity provider ${options.issuer} cannot be used: ${why}`;
  /** True when a token could be verified with these keys, or needs none because the provider is asked about it. */
  const suffice = (keys: RemoteKeys): boolean =>
    options.introspection !== undefined || keys.jwks()?.keys.some(isVerificationKey) === true;

  const fetchKeys = async (url: string, init: object): Promise<Response> => {
    if (Date.now() - failedAt < failureCooldown)
      throw new TypeError('The keys could not be fetched a moment ago.');
    try {
      const response = await http.fetch(url, init);
      if (response.status !== 200)
        throw new TypeError(`The keys were answered with HTTP ${response.status}.`);
      failedAt = 0;
      fetchedAt = Date.now();
      return response;
    } catch (thrown) {
      failedAt = Date.now();
      onProblem(`The keys of ${options.issuer} cannot be fetched: ${describe(thrown)}`);
      throw thrown;
    }
  };
  const keySet = (uri: string): RemoteKeys =>
    createRemoteJWKSet(checkedUrl(uri), {
      timeoutDuration: 5_000,
      cooldownDuration: unknownKeyCooldown,
      cacheMaxAge: keysSeconds * 1000,
      [joseFetch]: fetchKeys,
    });

  /** Finds the issuer, gets its keys, and does so again and again. */
  const attempt = async (retryAfter: number): Promise<void> => {
    let next = { wait: keysSeconds / 2, retryAfter: retrySeconds.first };
    try {
      known ??= await discover();
      failedAt = 0;
      await known.keys.reload();
      if (!suffice(known.keys)) throw new TypeError(noKey);
    } catch (thrown) {
      reason = unusable(describe(thrown));
      onProblem(reason);
      next = { wait: retryAfter, retryAfter: Math.min(retryAfter * 2, retrySeconds.most) };
    }
    if (!closed) timer = setTimeout(() => void attempt(next.retryAfter), next.wait * 1000).unref();
  };
  const discover = async (): Promise<Known> => {
    const needed = options.jwksUri === undefined || options.introspection !== undefined;
    if (!needed) return { keys: keySet(options.jwksUri as string) };
    const { introspection } = options;
    const configuration = await oidc.discovery(
      checkedUrl(options.issuer),
      introspection?.clientId ?? 'cnpg-mcp',
      undefined,
      introspection ? oidc.ClientSecretBasic(introspection.clientSecret) : oidc.None(),
      {
        timeout: 5,
        [oidc.customFetch]: http.fetch as oidc.CustomFetch,
        execute: isLoopback(options.issuer) ? [oidc.allowInsecureRequests] : [],
      },
    );
    const metadata = configuration.serverMetadata();
    if (metadata.issuer !== options.issuer)
      throw new TypeError(`It calls itself ${metadata.issuer}; configure exactly that.`);
    const uri = options.jwksUri ?? metadata.jwks_uri;
    if (uri === undefined) throw new TypeError('Its discovery document names no jwks_uri.');
    return { keys: keySet(uri), configuration };
  };
  void attempt(retrySeconds.first);

  return {
    keys: async (header, token) => {
      if (!known)
        throw new TokenRejected('The identity provider cannot be reached at the moment.', 'unavailable');
      const before = fetchedAt;
      try {
        return await known.keys(header, token);
      } catch (thrown) {
        if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
        if (!suffice(known.keys)) {
          const message = 'The identity provider has no key for tokens at the moment.';
          throw new TokenRejected(message, 'unavailable', { cause: thrown });
        }
        const mayBeNew = before === fetchedAt;
        if (!mayBeNew || !isIssuedSince(fetchedAt, token?.payload, options.issuer)) throw thrown;
        const left = fetchedAt + unknownKeyCooldown - Date.now();
        const retryAfterSeconds = Math.max(1, Math.ceil(left / 1000));
        throw new TokenRejected(
          `The key of the token is not known here yet. Try again in ${retryAfterSeconds} seconds.`,
          'unknown_key',
          { cause: thrown, retryAfterSeconds },
        );
      }
    },
    async introspect(token) {
      if (!options.introspection) return undefined;
      if (!known?.configuration)
        throw new TokenRejected('The identity provider cannot be reached at the moment.', 'unavailable');
      try {
        const answer = await oidc.tokenIntrospection(known.configuration, token);
        return answer.active ? { ...answer } : undefined;
      } catch (thrown) {
        throw new TokenRejected(
          'The identity provider cannot be asked about the token at the moment.',
          'unavailable',
          { cause: thrown },
        );
      }
    },
    status() {
      if (!known?.keys.fresh) return { ready: false, reason };
      return suffice(known.keys) ? { ready: true } : { ready: false, reason: unusable(noKey) };
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await http.close();
    },
  };
}

/**
 * Whether a token says that this provider issued it after the keys were fetched: then they need not hold its key. Nothing of
 * it is verified, so nobody gets in by this, and only the answer to a refused token changes
 * (docs/decisions/0007-a-key-that-is-not-known-yet.md).
 */
function isIssuedSince(fetchedAt: number, payload: unknown, issuer: string): boolean {
  let claims: { iss?: unknown; iat?: unknown };
  try {
    claims = JSON.parse(Buffer.from(String(payload), 'base64url').toString('utf8'));
  } catch {
    return false;
  }
  const { iss, iat } = claims ?? {};
  // Tokens are dated to the second.
  const since = Math.floor(fetchedAt / 1000);
  const latest = Date.now() / 1000 + skewSeconds;
  return iss === issuer && typeof iat === 'number' && iat >= since && iat <= latest;
}

/** Only https, except for an identity provider on this machine; and nothing secret, because errors quote it. */
function checkedUrl(text: string): URL {
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    throw new TypeError(`An address at ${url.host} holds a user or a password.`);
  if (url.protocol === 'https:' || isLoopback(text)) return url;
  throw new TypeError(`${url.origin} is not https.`);
}

function isLoopback(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** What went wrong, from the innermost cause: `ECONNREFUSED`, a certificate's problem, an HTTP status. */
function describe(thrown: unknown): string {
  let error = thrown;
  while (error instanceof Error && error.cause instanceof Error) error = error.cause;
  const code = (error as { code?: unknown }).code;
  const message = error instanceof Error ? error.message : String(error);
  return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message;
}
