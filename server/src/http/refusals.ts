/** Turning requests away before anybody works on them: one answer, one number, one audit line for each. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { jsonRpcCodes, type RequestId } from '../mcp/json-rpc.ts';
import type { RefusalRecord } from '../observability/audit.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { RefusalRule } from './authenticator.ts';
import { refuse } from './errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set when the request was turned away. */
    refusal?: { rule: RefusalRule; tool?: string };
    /** True once the message was read and given to the protocol, which from then on records what it refuses. */
    isRead?: boolean;
  }
}

export interface Refusal {
  status: 400 | 401 | 403 | 404 | 429 | 503;
  rule: RefusalRule;
  /** One sentence for the caller. */
  message: string;
  headers?: Readonly<Record<string, string>>;
  /** Of the message that is refused, where it is known. */
  id?: RequestId | null;
  tool?: string;
}

/** Answers with a refusal. */
export function turnAway(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status, rule, message, headers = {}, id = null, tool } = refusal;
  request.refusal = { rule, ...(tool !== undefined && { tool }) };
  return refuse(reply.headers(headers), status, jsonRpcCodes.serverError, message, id, { code: rule });
}

/** A message that never got as far as the protocol: no JSON, a batch, too large. Nobody knows whether it was a call. */
function isUnreadable(request: FastifyRequest, reply: FastifyReply): boolean {
  return request.method === 'POST' && reply.statusCode >= 400 && request.isRead !== true;
}

/** Counts and records every refusal of this scope. Nothing of the token, of the body or of the query is recorded. */
export function recordRefusals(
  scope: FastifyInstance,
  { metrics, audit }: { metrics: Metrics; audit(record: RefusalRecord): void },
): void {
  // Not when the answer has arrived: whoever leaves before it must not stay unseen.
  scope.addHook('onSend', (request, reply, _payload, next) => {
    const { identity } = request;
    const refusal =
      request.refusal ?? (isUnreadable(request, reply) ? { rule: 'unreadable' as const } : undefined);
    if (refusal) {
      metrics.refused(refusal.rule);
      const principal = identity?.principal;
      audit({
        requestId: request.id,
        address: request.ip,
        method: request.method,
        status: reply.statusCode,
        rule: refusal.rule,
        ...('tool' in refusal && { tool: refusal.tool }),
        ...(principal && { principal: principal.id, displayName: principal.displayName }),
        ...(principal?.client !== undefined && { client: principal.client }),
      });
    }
    next();
  });
}
