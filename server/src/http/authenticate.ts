/** Asks the authenticator about every request of a scope, before its body is read. */
import type { FastifyInstance } from 'fastify';
import { jsonRpcCodes } from '../mcp/json-rpc.ts';
import type { Authentication, Authenticator } from './authenticator.ts';
import { refuse } from './errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the request is past authentication. */
    identity: Pick<Extract<Authentication, { accepted: true }>, 'principal' | 'tightening'>;
  }
}

export function authenticateRequests(scope: FastifyInstance, authenticator: Authenticator): void {
  scope.addHook('onRequest', async (request, reply) => {
    const { headers, rawHeaders, url } = request.raw;
    const verdict = await authenticator.authenticate({
      headers,
      rawHeaders,
      url: url ?? '',
      remoteAddress: request.ip,
    });
    if (!verdict.accepted) {
      reply.headers(verdict.headers);
      return refuse(reply, verdict.status, jsonRpcCodes.serverError, verdict.message);
    }
    request.identity = verdict;
    return undefined;
  });
}
