/** The MCP requests under way: counted, capped, waited for at the end, and told when nobody waits for them any more. */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { jsonRpcCodes } from '../mcp/json-rpc.ts';
import type { Metrics } from '../observability/metrics.ts';
import { refuse } from './errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Fires when the client has gone before its answer was complete, and when the server must stop. */
    goneSignal: AbortSignal;
  }
}

export class InFlight {
  readonly #running = new Set<AbortController>();
  #idle: (() => void)[] = [];

  get count(): number {
    return this.#running.size;
  }

  /** Counts a request until its response is closed. */
  enter(response: ServerResponse): AbortSignal {
    const controller = new AbortController();
    this.#running.add(controller);
    response.once('close', () => {
      this.#running.delete(controller);
      if (!response.writableFinished) controller.abort();
      if (this.#running.size === 0) for (const wake of this.#idle.splice(0)) wake();
    });
    return controller.signal;
  }

  /** Resolves as soon as nothing is under way. */
  async idle(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Breaks off whatever still runs. */
  stop(): void {
    for (const controller of this.#running) controller.abort();
  }
}

/** Counts every request of this scope; turns it away at the cap, before its body is read. */
export function limitInFlight(
  scope: FastifyInstance,
  inFlight: InFlight,
  limit: number,
  metrics: Metrics,
): void {
  scope.addHook('onRequest', (request, reply, next) => {
    if (inFlight.count < limit) {
      request.goneSignal = inFlight.enter(reply.raw);
      next();
      return;
    }
    metrics.overloaded();
    reply.header('retry-after', '1');
    const message = 'Too many requests are under way. Try again in a second.';
    refuse(reply, 503, jsonRpcCodes.serverError, message);
  });
}
