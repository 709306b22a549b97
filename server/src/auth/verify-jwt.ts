/** Verification of JWT access tokens: RFC 9068 where the identity provider follows it, and strict where it does not. */
import { decodeProtectedHeader, errors, type JWK, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Claims } from './claims.ts';
import type { OidcOptions } from './options.ts';

/**
 * - `unavailable`: the identity provider could not be asked
 * - `unknown_key`: the token may be signed with a key that is newer than what is known of the provider
 *
 * Both are not the caller's fault.
 */
type RejectionReason = 'invalid' | 'unavailable' | 'unknown_key';

/** Why a token is not accepted. */
export class TokenRejected extends Error {
  override readonly name = 'TokenRejected';
  readonly reason: RejectionReason;
  /** When the same token may be accepted; for what is not the caller's fault. */
  readonly retryAfterSeconds: number;

  constructor(
    message: string,
    reason: RejectionReason = 'invalid',
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5;
  }
}

/** Asymmetric signatures only: with HMAC, whoever knows the public key could sign. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** Whether a key of a key set could verify an accepted token: not one for encryption, nor one that two parties share. */
export function isVerificationKey({ kty, use, alg }: JWK): boolean {
  return (
    ['RSA', 'EC', 'OKP'].includes(kty ?? '') &&
    (use === undefined || use === 'sig') &&
    (alg === undefined || algorithms.includes(alg))
  );
}

const types = new Set(['jwt', 'at+jwt', 'application/at+jwt']);

/** Headers by which a token could name its own key. */
const keyHeaders = ['jku', 'jwk', 'x5u', 'crit'] as const;

/** Clock difference that is tolerated, in seconds. */
export const skewSeconds = 60;

/** Returns the claims, or throws {@link TokenRejected}. Its message may be sent to the caller: it holds nothing of the token. */
export async function verifyJwt(
  token: string,
  keys: JWTVerifyGetKey,
  options: OidcOptions,
  now = new Date(),
): Promise<Claims> {
  checkHeader(token);
  const claims = await verified(token, keys, options, now);
  if (hasRepeatedKeys(token)) throw new TokenRejected('The token repeats a claim.');
  checkClaims(claims, options, now);
  return claims;
}

function checkHeader(token: string): void {
  let header: Record<string, unknown>;
  try {
    header = decodeProtectedHeader(token) as Record<string, unknown>;
  } catch (cause) {
    throw new TokenRejected('The token is not a JWT.', 'invalid', { cause });
  }
  const { typ } = header;
  if (typ !== undefined && !(typeof typ === 'string' && types.has(typ.toLowerCase()))) {
    throw new TokenRejected('The token is not an access token.');
  }
  if (keyHeaders.some((name) => name in header))
    throw new TokenRejected('The token has a header that is not accepted.');
}

async function verified(
  token: string,
  keys: JWTVerifyGetKey,
  options: OidcOptions,
  now: Date,
): Promise<Claims> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms,
      issuer: options.issuer,
      audience: [...options.audiences],
      requiredClaims: ['iss', 'aud', 'exp', 'sub'],
      clockTolerance: skewSeconds,
      currentDate: now,
    });
    return payload;
  } catch (thrown) {
    throw rejection(thrown);
  }
}

function rejection(thrown: unknown): TokenRejected {
  if (thrown instanceof TokenRejected) return thrown;
  const options = { cause: thrown };
  if (thrown instanceof errors.JWTExpired)
    return new TokenRejected('The token has expired.', 'invalid', options);
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    return new TokenRejected(
      `The claim ${claimNames.has(thrown.claim) ? thrown.claim : 'set'} of the token is missing or not accepted.`,
      'invalid',
      options,
    );
  }
  const invalid =
    thrown instanceof errors.JWSSignatureVerificationFailed ||
    thrown instanceof errors.JWSInvalid ||
    thrown instanceof errors.JWTInvalid ||
    thrown instanceof errors.JOSEAlgNotAllowed ||
    thrown instanceof errors.JOSENotSupported ||
    thrown instanceof errors.JWKSNoMatchingKey ||
    thrown instanceof errors.JWKSMultipleMatchingKeys;
  if (invalid) return new TokenRejected('The signature of the token is not accepted.', 'invalid', options);
  return new TokenRejected(
    'The keys of the identity provider cannot be had at the moment.',
    'unavailable',
    options,
  );
}

const claimNames = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'sub']);

/** What holds for the claims of every token, signed or introspected. Throws {@link TokenRejected}. */
export function checkClaims(claims: Claims, options: OidcOptions, now: Date): void {
  const seconds = now.getTime() / 1000;
  const { iss, sub, aud, exp, nbf, iat } = claims;
  if (iss !== options.issuer) throw new TokenRejected('The claim iss of the token is not accepted.');
  if (typeof sub !== 'string' || sub === '' || sub.length > 512)
    throw new TokenRejected('The claim sub of the token is not accepted.');
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (!audiences.every((item) => typeof item === 'string'))
    throw new TokenRejected('The claim aud of the token is not accepted.');
  for (const [name, value] of Object.entries({ exp, nbf, iat })) {
    if (value !== undefined && !(typeof value === 'number' && Number.isFinite(value) && value >= 0)) {
      throw new TokenRejected(`The claim ${name} of the token is not a time.`);
    }
  }
  if ((exp as number) - seconds > options.maxTokenLifetimeSeconds + skewSeconds) {
    throw new TokenRejected('The token is valid for longer than this server accepts.');
  }
  if (typeof iat === 'number' && iat - seconds > skewSeconds)
    throw new TokenRejected('The token was issued in the future.');
  // What only ID tokens and refresh tokens carry (OpenID Connect Core 2, Keycloak's `typ`, Cognito's `token_use`).
  const foreign = ['nonce', 'at_hash', 'c_hash', 's_hash'].some((name) => name in claims);
  const kind = [claims.typ, claims.token_use].some(
    (value) => typeof value === 'string' && /^(id|refresh|offline|logout)$/i.test(value),
  );
  if (foreign || kind) throw new TokenRejected('The token is not an access token.');
}

/** JSON.parse keeps the last of equal keys, other parsers the first: two readings of one token must not be possible. */
function hasRepeatedKeys(token: string): boolean {
  return token.split('.', 2).some((part) => {
    const text = Buffer.from(part, 'base64url').toString('utf8');
    const written = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(
      ([, colon]) => colon !== undefined,
    ).length;
    return written !== countKeys(JSON.parse(text));
  });
}

function countKeys(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0;
  const inner = Object.values(value).reduce<number>((sum, item) => sum + countKeys(item), 0);
  return Array.isArray(value) ? inner : inner + Object.keys(value).length;
}
