/**
 * The transport of a single POST: one request in, one answer out. The answer is JSON as long as there is nothing to say
 * before it; progress, a log message or a long wait turn it into a stream of server-sent events on the same POST.
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { McpAnswer } from '../endpoint.ts';
import { errorBody, jsonRpcCodes } from '../json-rpc.ts';
import { EventStream } from '../modern/event-stream.ts';
import { toJson } from './results.ts';
import type { Stopwatch } from './stopwatch.ts';

export interface PostOptions {
  stopwatch: Stopwatch;
  /** A JSON answer that takes longer becomes a stream. */
  streamAfterMilliseconds: number;
}

export class PostTransport implements Transport {
  onmessage?: Transport['onmessage'];
  onclose?: () => void;
  onerror?: (error: Error) => void;
  /** Resolves once: with the whole answer, or with the stream that it will come on. */
  readonly answer: Promise<McpAnswer>;
  readonly #resolve: (answer: McpAnswer) => void;
  readonly #request: JSONRPCRequest;
  readonly #stopwatch: Stopwatch;
  #stream: EventStream | undefined;
  readonly #timer: NodeJS.Timeout;
  #ended = false;

  constructor(request: JSONRPCRequest, { stopwatch, streamAfterMilliseconds }: PostOptions) {
    const { promise, resolve } = Promise.withResolvers<McpAnswer>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#request = request;
    this.#stopwatch = stopwatch;
    this.#timer = setTimeout(() => this.#openStream(), streamAfterMilliseconds);
  }

  async start(): Promise<void> {}

  /** Hands the request to the connected server. */
  deliver(): void {
    this.#stopwatch.start(this.#request);
    if (this.#request.params?._meta?.progressToken !== undefined) this.#openStream();
    this.onmessage?.(this.#request);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#ended) return;
    this.#stopwatch.sent(message);
    const json = toJson(message);
    if ('method' in message) {
      this.#openStream().send(json.toString());
      return;
    }
    this.#end();
    if (this.#stream) this.#stream.end(json.toString());
    else this.#resolve({ status: 200, body: json });
  }

  /** Breaks the request off: nobody waits for it any more, or the server stops. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    this.#stopwatch.cancelled(this.#request.id);
    const body = errorBody(jsonRpcCodes.serverError, 'The request was broken off.', this.#request.id);
    if (this.#stream) this.#stream.end(body);
    else this.#resolve({ status: 503, headers: { 'retry-after': '1' }, body });
    this.onclose?.();
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #openStream(): EventStream {
    if (this.#stream) return this.#stream;
    clearTimeout(this.#timer);
    this.#stream = new EventStream();
    // The first bytes send the headers off, so that the client sees that its request has arrived.
    this.#stream.comment();
    this.#resolve({ status: 200, body: this.#stream });
    return this.#stream;
  }
}
