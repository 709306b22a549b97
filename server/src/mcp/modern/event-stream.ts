/** Server-sent events, one JSON-RPC message each. */
import { Readable } from 'node:stream';
import type { SubscriptionSink } from './subscriptions.ts';

/** Seconds between comments on a quiet stream, below the idle timeout of common proxies. */
const keepAliveSeconds = 15;

/** Characters that may wait for a client that does not read; beyond them it is cut off instead of filling the memory. */
const maxWaiting = 1_048_576;

export class EventStream extends Readable implements SubscriptionSink {
  readonly #keepAlive: NodeJS.Timeout;
  #ended = false;

  constructor() {
    super();
    this.#keepAlive = setInterval(() => this.comment(), keepAliveSeconds * 1000).unref();
  }

  send(json: string): void {
    this.#write(`event: message\ndata: ${json}\n\n`);
  }

  /** Sends the last message. */
  end(json: string): void {
    this.send(json);
    this.finish();
  }

  /** Ends without another message. */
  finish(): void {
    this.#ended = true;
    clearInterval(this.#keepAlive);
    if (!this.destroyed) this.push(null);
  }

  /** A line that clients ignore and proxies see. */
  comment(): void {
    this.#write(': keep-alive\n\n');
  }

  override _read(): void {
    // Messages are pushed when they happen.
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.#keepAlive);
    done(error);
  }

  #write(text: string): void {
    if (this.destroyed || this.#ended) return;
    if (this.readableLength + text.length > maxWaiting) this.destroy();
    else this.push(text);
  }
}
