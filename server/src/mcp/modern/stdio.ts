/** 2026-07-28 on one pair of streams: many requests at once, told apart by their ids. */
import { randomUUID } from 'node:crypto';
import { recordRefusedCall } from '../refused-call.ts';
import type { Caller, McpSurface } from '../surface.ts';
import { idOf } from './admit.ts';
import { errorResponseOf } from './results.ts';
import { RpcError, rpcCode } from './rpc-error.ts';
import { ModernServer, type ModernServerOptions } from './server.ts';
import type { Subscription } from './subscriptions.ts';

export interface ModernConnectionOptions extends ModernServerOptions {
  surface: McpSurface;
  /** Whoever started the process. */
  caller: Omit<Caller, 'canAsk' | 'requestId'>;
  /** Takes one message, without a line end. */
  write(json: string): void;
}

/** One client on one connection. Messages may come in any number at once; each is answered when it is done. */
export class ModernConnection {
  readonly #server: ModernServer;
  readonly #options: ModernConnectionOptions;
  readonly #running = new Map<string | number, AbortController>();
  readonly #subscriptions = new Map<string | number, Subscription>();

  constructor(options: ModernConnectionOptions) {
    this.#options = options;
    this.#server = new ModernServer(options.surface, options);
  }

  /** Works on one message; resolves when it is answered, or for a subscription when it is open. */
  async receive(message: Record<string, unknown>): Promise<void> {
    if (message.method === 'notifications/cancelled' && !('id' in message)) {
      this.#cancel((message.params as { requestId?: unknown } | undefined)?.requestId);
      return;
    }
    const id = idOf(message);
    if (id !== null && (this.#running.has(id) || this.#subscriptions.has(id))) {
      // Two answers under one id could not be told apart.
      recordRefusedCall(this.#options.surface, message, this.#caller());
      this.#options.write(errorResponseOf(id, new RpcError(rpcCode.invalidRequest, 'This id is in use.')));
      return;
    }
    const controller = new AbortController();
    const { signal } = controller;
    // A cancelled request is not heard of again.
    const write = (json: string): void => {
      if (!signal.aborted) this.#options.write(json);
    };
    if (id !== null) this.#running.set(id, controller);
    const caller = this.#caller();
    const outcome = await this.#server.answer({ message, caller, signal, notify: write });
    if (id !== null) this.#running.delete(id);
    if (outcome.kind === 'response') write(outcome.json);
    if (outcome.kind === 'subscription' && id !== null) this.#listen(id, outcome.subscription, signal);
  }

  /** Cancels what runs and ends the subscriptions with their result. */
  close(): void {
    this.#server.close();
    for (const controller of this.#running.values()) controller.abort();
  }

  #caller(): Omit<Caller, 'canAsk'> {
    return { ...this.#options.caller, requestId: randomUUID() };
  }

  #listen(id: string | number, subscription: Subscription, signal: AbortSignal): void {
    if (signal.aborted) {
      subscription.close();
      return;
    }
    this.#subscriptions.set(id, subscription);
    const { write } = this.#options;
    subscription.attach({
      send: write,
      end: (json) => {
        this.#subscriptions.delete(id);
        write(json);
      },
    });
  }

  #cancel(id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return;
    this.#running.get(id)?.abort();
    this.#subscriptions.get(id)?.close();
    this.#subscriptions.delete(id);
  }
}
