/** From a request to a principal: static tokens first, then the identity provider, with a short memory for good tokens. */
import { createHash } from 'node:crypto';
import type {
  Authentication,
  AuthenticationRequest,
  Authenticator,
  RefusalRule,
} from '../http/authenticator.ts';
import type { Credential, Identity, Principal } from '../policy/principal.ts';
import { challengeHeader, readBearer } from './bearer.ts';
import { type Claims, claimAt, firstScopes, principalOf, UnusableClaims } from './claims.ts';
import type { Issuer, IssuerStatus } from './issuer.ts';
import type { OidcOptions } from './options.ts';
import type { StaticTokens } from './static-tokens.ts';
import { checkClaims, skewSeconds, TokenRejected, verifyJwt } from './verify-jwt.ts';

export interface AuthenticatorParts {
  oidc?: { options: OidcOptions; issuer: Issuer };
  tokens?: StaticTokens;
  /** URL of the protected-resource metadata, for challenges. */
  resourceMetadata?: string;
  now?: () => Date;
}

/** Milliseconds for which a verified token is not verified again. */
const memory = 60_000;
const maxRemembered = 10_000;

interface Remembered extends Identity {
  until: number;
}

/** Makes the authenticator of a server with sign-in. */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator & { status(): IssuerStatus } {
  const now = parts.now ?? (() => new Date());
  const remembered = new Map<string, Remembered>();
  const underWay = new Map<string, Promise<Identity>>();

  const remember = (hash: string, identity: Identity, expires: number): void => {
    const until = Math.min(expires * 1000, now().getTime() + memory);
    remembered.set(hash, { ...identity, until });
    if (remembered.size > maxRemembered) remembered.delete(remembered.keys().next().value as string);
  };

  const verify = async (token: string, hash: string): Promise<Identity> => {
    const found = await parts.tokens?.find(token);
    if (found) return found;
    if (!parts.oidc) throw new TokenRejected('The token is not known.');
    const { options, issuer } = parts.oidc;
    const claims = await claimsOf(token, options, issuer, now());
    if (options.requiredScope !== undefined && !scopesOf(claims, options).includes(options.requiredScope)) {
      throw new MissingScope(options.requiredScope);
    }
    const principal = principalOf(claims, options);
    const identity = { principal, credential: credentialOf(token, principal, claims.exp as number) };
    remember(hash, identity, claims.exp as number);
    return identity;
  };

  const recall = (hash: string, token: string): Identity | undefined => {
    const known = remembered.get(hash);
    if (known && known.until > now().getTime()) return known;
    remembered.delete(hash);
    return parts.tokens?.recall(token);
  };
  const identify = async (token: string, hash: string): Promise<Identity> => {
    const known = recall(hash, token);
    if (known) return known;
    let verifying = underWay.get(hash);
    if (!verifying) {
      verifying = verify(token, hash).finally(() => underWay.delete(hash));
      underWay.set(hash, verifying);
    }
    return verifying;
  };
  /** A JWT stays what it is until it expires; about an opaque token the provider is asked again, as for every request. */
  const credentialOf = (token: string, principal: Principal, expires: number): Credential => {
    if (isJwt(token)) return { endsAt: (expires + skewSeconds) * 1000, principalNow: async () => principal };
    return {
      endsAt: expires * 1000,
      async principalNow() {
        try {
          return (await identify(token, hashOf(token))).principal;
        } catch (thrown) {
          // A provider that is away has not said that the token is no longer good.
          return thrown instanceof TokenRejected && thrown.reason === 'unavailable' ? principal : undefined;
        }
      },
    };
  };

  const where = parts.resourceMetadata === undefined ? {} : { resourceMetadata: parts.resourceMetadata };
  const scopes = parts.oidc ? firstScopes(parts.oidc.options) : [];
  const requiredScope = parts.oidc?.options.requiredScope;
  return {
    recall({ rawHeaders }) {
      const header = readBearer(rawHeaders);
      return header.kind === 'token' ? recall(hashOf(header.token), header.token) : undefined;
    },
    async authenticate(request: AuthenticationRequest): Promise<Authentication> {
      const header = readBearer(request.rawHeaders);
      if (header.kind === 'none') {
        const message = 'Sign in: this server needs a bearer token.';
        return refuse(401, 'no_token', message, { scopes, ...where });
      }
      if (header.kind === 'malformed') {
        const { message } = header;
        return refuse(400, 'malformed_token', message, {
          error: 'invalid_request',
          description: message,
          ...where,
        });
      }
      try {
        const { principal, credential } = await identify(header.token, hashOf(header.token));
        return { accepted: true, principal, ...(credential && { credential }) };
      } catch (thrown) {
        return refusal(thrown, scopes, where);
      }
    },
    challenge: (needed, message) =>
      challengeHeader({
        error: 'insufficient_scope',
        description: message,
        // Everything in one challenge: a token with only the missing scope would be refused for lack of this one.
        scopes: [...new Set([...(requiredScope === undefined ? [] : [requiredScope]), ...needed])],
        ...where,
      }),
    status: () => parts.oidc?.issuer.status() ?? { ready: true },
  };
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64');

const isJwt = (token: string): boolean => token.split('.').length === 3;

/** A valid token without the scope that every call of this server needs. */
class MissingScope extends Error {
  override readonly name = 'MissingScope';

  constructor(scope: string) {
    super(`The token lacks the scope ${scope}.`);
  }
}

function scopesOf(claims: Claims, options: OidcOptions): string[] {
  const value = claimAt(claims, options.claims.scopes);
  return Array.isArray(value)
    ? value.filter((item) => typeof item === 'string')
    : String(value ?? '').split(' ');
}

async function claimsOf(token: string, options: OidcOptions, issuer: Issuer, now: Date): Promise<Claims> {
  if (isJwt(token)) return verifyJwt(token, issuer.keys, options, now);
  const claims = await issuer.introspect(token);
  if (!claims) throw new TokenRejected('The token is not accepted.');
  const { exp, aud, iss, nbf, token_type: type } = claims;
  const audiences = Array.isArray(aud) ? aud : [aud];
  const seconds = now.getTime() / 1000;
  const fits =
    typeof exp === 'number' &&
    exp > seconds &&
    (typeof nbf !== 'number' || nbf <= seconds + 60) &&
    audiences.some((item) => typeof item === 'string' && options.audiences.includes(item)) &&
    (type === undefined || (typeof type === 'string' && /^(bearer|dpop|access_token)$/i.test(type)));
  if (!fits) throw new TokenRejected('The token is not meant for this server, or has expired.');
  // A client that acts for nobody has no subject (RFC 7662, 2.2); it must not be mistaken for a person of that name.
  const sub = claims.sub ?? (typeof claims.client_id === 'string' ? `client:${claims.client_id}` : undefined);
  const complete = { ...claims, sub, iss: iss ?? options.issuer };
  checkClaims(complete, options, now);
  return complete;
}

function refusal(
  thrown: unknown,
  scopes: readonly string[],
  where: { resourceMetadata?: string },
): Authentication {
  if (thrown instanceof MissingScope) {
    return refuse(403, 'insufficient_scope', thrown.message, {
      error: 'insufficient_scope',
      description: thrown.message,
      scopes,
      ...where,
    });
  }
  if (thrown instanceof UnusableClaims) {
    // Without a challenge: a client would ask for scopes, or for another token, and neither helps.
    return { accepted: false, status: 403, rule: 'unusable_identity', headers: {}, message: thrown.message };
  }
  if (thrown instanceof TokenRejected && thrown.reason !== 'invalid') {
    return {
      accepted: false,
      status: 503,
      rule: thrown.reason === 'unavailable' ? 'identity_provider' : 'unknown_key',
      headers: { 'retry-after': String(thrown.retryAfterSeconds) },
      message: thrown.message,
    };
  }
  const message = thrown instanceof TokenRejected ? thrown.message : 'The token is not accepted.';
  return refuse(401, 'invalid_token', message, {
    error: 'invalid_token',
    description: message,
    scopes,
    ...where,
  });
}

function refuse(
  status: 400 | 401 | 403,
  rule: RefusalRule,
  message: string,
  challenge: Parameters<typeof challengeHeader>[0],
): Authentication {
  return {
    accepted: false,
    status,
    rule,
    headers: { 'www-authenticate': challengeHeader(challenge) },
    message,
  };
}
