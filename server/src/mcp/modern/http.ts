/** 2026-07-28 on HTTP: one POST, one answer; as events when there is something to say before it. */
import { Readable } from 'node:stream';
import type { McpAnswer, McpExchange, ModernEndpoint } from '../endpoint.ts';
import { isModernRequest } from '../era.ts';
import type { ModernServer } from './server.ts';
import type { SubscriptionSink } from './subscriptions.ts';

/** Seconds between comments on a quiet stream, below the idle timeout of common proxies. */
const keepAliveSeconds = 15;

/** Bytes that may wait for a client that does not read; beyond them it is cut off instead of filling the memory. */
const maxWaitingBytes = 1_048_576;

const eventHeaders = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' };

/** The endpoint of a server for HTTP. */
export function modernEndpoint(server: ModernServer): ModernEndpoint {
  return {
    claims: isModernRequest,
    handle: (exchange) => handle(server, exchange),
  };
}

function handle(server: ModernServer, { message, headers, caller, signal }: McpExchange): Promise<McpAnswer> {
  return new Promise((resolve, reject) => {
    let events: EventStream | undefined;
    const open = (): EventStream => {
      events = new EventStream();
      resolve({ status: 200, headers: eventHeaders, body: events });
      return events;
    };
    const notify = (json: string): void => (events ?? open()).send(json);
    server.answer({ message, headers, caller, signal, notify }).then((outcome) => {
      switch (outcome.kind) {
        case 'accepted':
          return resolve({ status: 202 });
        case 'response':
          if (events) return events.end(outcome.json);
          return resolve({ status: outcome.status, body: outcome.json });
        case 'subscription': {
          const { subscription } = outcome;
          const stream = open();
          stream.once('close', () => subscription.close());
          // The client has gone, or the server stops: in the second case the stream ends with its result.
          if (signal.aborted) subscription.end();
          else signal.addEventListener('abort', () => subscription.end(), { once: true });
          return subscription.attach(stream);
        }
      }
    }, reject);
  });
}

/** Server-sent events, one JSON-RPC message each. */
class EventStream extends Readable implements SubscriptionSink {
  readonly #keepAlive: NodeJS.Timeout;

  constructor() {
    super({ highWaterMark: maxWaitingBytes });
    this.#keepAlive = setInterval(() => this.#write(': keep-alive\n\n'), keepAliveSeconds * 1000).unref();
  }

  send(json: string): void {
    this.#write(`event: message\ndata: ${json}\n\n`);
  }

  /** Sends the last message. */
  end(json: string): void {
    this.send(json);
    clearInterval(this.#keepAlive);
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    // Messages are pushed when they happen.
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.#keepAlive);
    done(error);
  }

  #write(text: string): void {
    if (this.destroyed || this.readableEnded) return;
    if (this.readableLength + text.length > maxWaitingBytes) this.destroy();
    else this.push(text);
  }
}
