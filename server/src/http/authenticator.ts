/** Who calls: the seam between HTTP and whatever knows about tokens. */
import type { IncomingHttpHeaders } from 'node:http';
import { anonymousPrincipal, type Identity, localPrincipal, type Principal } from '../policy/principal.ts';

/** What an authenticator may look at. The body is not read yet. */
export interface AuthenticationRequest {
  headers: IncomingHttpHeaders;
  /** As `name, value, name, value …`: shows headers that came twice. */
  rawHeaders: readonly string[];
  remoteAddress: string;
  /** Of the request target, with the query. */
  url: string;
}

/** Why a request is turned away before anybody works on it; a label of metrics and a word of the audit log. */
export type RefusalRule =
  | 'host'
  | 'origin'
  | 'no_token'
  | 'malformed_token'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'unusable_identity'
  | 'identity_provider'
  | 'unknown_key'
  | 'bad_tightening'
  | 'unreadable'
  | 'sign_in_limit'
  | 'caller_limit'
  | 'server_limit'
  | 'overload'
  | 'session_limit'
  | 'session';

export type Authentication =
  | ({ accepted: true } & Identity)
  | {
      accepted: false;
      status: 400 | 401 | 403 | 429 | 503;
      rule: RefusalRule;
      /** For example `www-authenticate`; lower-case names. */
      headers: Readonly<Record<string, string>>;
      /** One sentence for the caller. */
      message: string;
    };

export interface Authenticator {
  /** Never throws for anything that a caller can send. */
  authenticate(request: AuthenticationRequest): Promise<Authentication>;
  /** Who it is when that is known already and costs nothing; `undefined`: ask `authenticate`. */
  recall?(request: Pick<AuthenticationRequest, 'rawHeaders'>): Identity | undefined;
  /** The `WWW-Authenticate` header for a call that needs these scopes. Omitted: callers cannot get others. */
  challenge?(scopes: readonly string[], message: string): string;
}

/** Everybody is the same caller. */
const everybodyIs = (principal: Principal): Authenticator => ({
  authenticate: async () => ({ accepted: true, principal }),
  recall: () => ({ principal }),
});

/** For a server that only this machine can reach: everybody is the local process. */
export const localAuthenticator = everybodyIs(localPrincipal);

/** For a server behind something that decides who may reach it: everybody has every right of the server. */
export const anonymousAuthenticator = everybodyIs(anonymousPrincipal);
