/** Who calls: the seam between HTTP and whatever knows about tokens. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Tightening } from '../policy/decide.ts';
import { localPrincipal, type Principal } from '../policy/principal.ts';

/** What an authenticator may look at. The body is not read yet. */
export interface AuthenticationRequest {
  headers: IncomingHttpHeaders;
  /** As `name, value, name, value …`: shows headers that came twice. */
  rawHeaders: readonly string[];
  remoteAddress: string;
  /** Of the request target, with the query. */
  url: string;
}

export type Authentication =
  | { accepted: true; principal: Principal; tightening?: Tightening }
  | {
      accepted: false;
      status: 400 | 401 | 403 | 429 | 503;
      /** For example `www-authenticate`; lower-case names. */
      headers: Readonly<Record<string, string>>;
      /** One sentence for the caller. */
      message: string;
    };

export interface Authenticator {
  /** Never throws for anything that a caller can send. */
  authenticate(request: AuthenticationRequest): Promise<Authentication>;
}

/** For a server that only this machine can reach: everybody is the local process. */
export const localAuthenticator: Authenticator = {
  authenticate: async () => ({ accepted: true, principal: localPrincipal }),
};
