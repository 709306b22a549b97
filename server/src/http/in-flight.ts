/** The MCP requests under way: counted, capped, waited for at the end, and told when nobody waits for them any more. */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../observability/metrics.ts';
import type { Overload } from './overload.ts';
import { turnAway } from './refusals.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Fires when the client has gone before its answer was complete, and when the server must stop. */
    goneSignal: AbortSignal;
    /** Gives the place back that the request takes among those under way. */
    leaveInFlight?: () => void;
  }
}

export class InFlight {
  readonly #running = new Set<AbortController>();
  /** Streams that are held open: broken off at the end like the rest, but neither counted nor waited for. */
  readonly #held = new Set<AbortController>();
  #idle: (() => void)[] = [];

  get count(): number {
    return this.#running.size;
  }

  /** Knows a request until its response is closed, or until it leaves. */
  enter(response: ServerResponse, counted = true): { signal: AbortSignal; leave(): void } {
    const controller = new AbortController();
    const set = counted ? this.#running : this.#held;
    set.add(controller);
    const leave = (): void => {
      set.delete(controller);
      if (this.#running.size === 0) for (const wake of this.#idle.splice(0)) wake();
    };
    response.once('close', () => {
      leave();
      if (!response.writableFinished) controller.abort();
    });
    return { signal: controller.signal, leave };
  }

  /** Resolves as soon as nothing is under way. */
  async idle(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Breaks off whatever still runs. */
  stop(): void {
    for (const controller of [...this.#running, ...this.#held]) controller.abort();
  }
}

/**
 * Counts every request of this scope; turns it away at the cap and while the process is overloaded, before its body is
 * read. The stream of a session only waits for news, so it takes no place.
 */
export function limitInFlight(
  scope: FastifyInstance,
  parts: { inFlight: InFlight; overload: Overload; limit: number; metrics: Metrics },
): void {
  const { inFlight, overload, limit, metrics } = parts;
  scope.addHook('onRequest', (request, reply, next) => {
    const full = inFlight.count >= limit;
    if (!full && !overload.overloaded) {
      const { signal, leave } = inFlight.enter(reply.raw, request.method !== 'GET');
      request.goneSignal = signal;
      request.leaveInFlight = leave;
      next();
      return;
    }
    metrics.overloaded();
    turnAway(request, reply, {
      status: 503,
      rule: full ? 'server_limit' : 'overload',
      headers: { 'retry-after': full ? '1' : '2' },
      message: full
        ? 'Too many requests are under way. Try again in a second.'
        : 'The server is too busy at the moment. Try again in a few seconds.',
    });
  });
  // Whoever is refused decides how long the answer takes to arrive, and could keep the place from everybody else.
  scope.addHook('onSend', (request, _reply, _payload, next) => {
    if (request.refusal) request.leaveInFlight?.();
    next();
  });
}
