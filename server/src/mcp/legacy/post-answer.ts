/**
 * The answer to a single POST. It is JSON as long as there is nothing to say before it; progress, a log message or a long
 * wait turn it into a stream of server-sent events on the same POST.
 */
import type { McpAnswer } from '../endpoint.ts';
import { EventStream } from '../modern/event-stream.ts';

export class PostAnswer {
  /** Resolves once: with the whole answer, or with the stream that it will come on. */
  readonly given: Promise<McpAnswer>;
  readonly #give: (answer: McpAnswer) => void;
  readonly #timer: NodeJS.Timeout;
  #stream: EventStream | undefined;
  #ended = false;

  constructor(streamAfterMilliseconds: number) {
    const { promise, resolve } = Promise.withResolvers<McpAnswer>();
    this.given = promise;
    this.#give = resolve;
    this.#timer = setTimeout(() => this.openStream(), streamAfterMilliseconds);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sends something before the answer. */
  notify(json: string): void {
    if (!this.#ended) this.openStream().send(json);
  }

  /** The last message; only the first one counts. `status` and `headers` only reach a client that has none yet. */
  end(json: string, otherwise: Pick<McpAnswer, 'status' | 'headers'> = { status: 200 }): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    if (this.#stream) this.#stream.end(json);
    else this.#give({ ...otherwise, body: json });
  }

  openStream(): EventStream {
    if (this.#stream) return this.#stream;
    clearTimeout(this.#timer);
    this.#stream = new EventStream();
    // The first bytes send the headers off, so that the client sees that its request has arrived.
    this.#stream.comment();
    this.#give({ status: 200, body: this.#stream });
    return this.#stream;
  }
}
