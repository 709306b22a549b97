/** Asks the authenticator about every request of a scope, before its body is read, and holds callers to their limits. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Tightening } from '../policy/decide.ts';
import type { Identity } from '../policy/principal.ts';
import type { Authentication, Authenticator } from './authenticator.ts';
import { CallLimits } from './call-limits.ts';
import { networkOf } from './caller-network.ts';
import type { HttpLimits } from './limits.ts';
import { type Refusal, turnAway } from './refusals.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the request is past authentication. */
    identity: Identity & { tightening?: Tightening };
  }
}

/** A request can give up its right to change anything with this header; nothing can be gained by it. */
export const readOnlyHeader = 'x-cnpg-mcp-read-only';

export function authenticateRequests(
  scope: FastifyInstance,
  authenticator: Authenticator,
  limits: Pick<HttpLimits, 'principal' | 'signIn'>,
): void {
  const signIns = new CallLimits(limits.signIn);
  const callers = new CallLimits(limits.principal);
  scope.addHook('onRequest', async (request, reply) => {
    const verdict =
      authenticator.recall?.({ rawHeaders: request.raw.rawHeaders }) ??
      (await signIn(request, authenticator, signIns));
    if ('status' in verdict) return turnAway(request, reply, verdict);
    const { principal, credential } = verdict;
    const tightening = tighteningOf(request);
    request.identity = {
      principal,
      ...(credential && { credential }),
      ...(tightening !== 'unclear' && tightening && { tightening }),
    };
    const refuseUnclear = () => {
      if (tightening !== 'unclear') return undefined;
      // Somebody wants to be careful; what was misspelt must not mean the opposite.
      const message = 'X-Cnpg-Mcp-Read-Only must be true or false.';
      return turnAway(request, reply, { status: 400, rule: 'bad_tightening', message });
    };
    if (principal.kind === 'local') return refuseUnclear();
    // An anonymous caller is told from another by its address only.
    const key = principal.kind === 'anonymous' ? networkOf(request.ip) : principal.id;
    const entry = callers.enter(key);
    if ('retryAfterSeconds' in entry) {
      const message = 'You have sent too many requests. Try again in a moment.';
      return turnAway(request, reply, tooMany('caller_limit', message, entry.retryAfterSeconds));
    }
    reply.raw.once('close', () => entry.leave());
    return refuseUnclear();
  });
}

/** Verifies credentials that are not known yet: the only part of sign-in that costs anything, so an address has a limit. */
async function signIn(
  request: FastifyRequest,
  authenticator: Authenticator,
  limits: CallLimits,
): Promise<Identity | Refusal> {
  const entry = limits.enter(networkOf(request.ip));
  if ('retryAfterSeconds' in entry) {
    const message = 'Too many attempts to sign in have come from this address. Try again in a moment.';
    return tooMany('sign_in_limit', message, entry.retryAfterSeconds);
  }
  const { headers, rawHeaders, url } = request.raw;
  let verdict: Authentication | undefined;
  try {
    verdict = await authenticator.authenticate({
      headers,
      rawHeaders,
      url: url ?? '',
      remoteAddress: request.ip,
    });
    return verdict;
  } finally {
    entry.leave(verdict?.accepted);
  }
}

function tooMany(rule: 'sign_in_limit' | 'caller_limit', message: string, seconds: number): Refusal {
  return { status: 429, rule, message, headers: { 'retry-after': String(seconds) } };
}

function tighteningOf({ headers }: FastifyRequest): Tightening | undefined | 'unclear' {
  const value = headers[readOnlyHeader];
  if (value === undefined) return undefined;
  const word = String(value).trim().toLowerCase();
  if (word === 'true') return { readOnly: true };
  return word === 'false' ? undefined : 'unclear';
}
