/** For tests that need several callers and no tokens: `Bearer alice` is alice, with every right. */
import type { Authenticator } from '../src/http/authenticator.ts';
import { localPrincipal } from '../src/policy/principal.ts';

/** `Bearer alice/editor`: alice, by the OAuth client `editor`. */
export const namedCallers: Authenticator = {
  async authenticate({ headers }) {
    const [name, client] = (headers.authorization ?? '').replace('Bearer ', '').split('/');
    if (!name) {
      return { accepted: false, status: 401, rule: 'no_token', headers: {}, message: 'Say who you are.' };
    }
    const principal = { ...localPrincipal, kind: 'oidc' as const, id: name, displayName: name };
    return { accepted: true, principal: client === undefined ? principal : { ...principal, client } };
  },
};

const unlimited = { inFlight: 100_000, perSecond: 100_000, burst: 100_000 };

/** For tests that send more than a person would. */
export const noCallerLimits = { signIn: unlimited, principal: unlimited };
