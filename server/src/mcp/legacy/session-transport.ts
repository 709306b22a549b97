/**
 * The transport of one session over HTTP: every request is answered on its own POST, and what the server says by itself goes
 * to the stream that the client opened with GET. There is no resumption: what cannot be delivered is over.
 */
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { McpAnswer, McpExchange } from '../endpoint.ts';
import { errorBody, jsonRpcCodes, type RequestId } from '../json-rpc.ts';
import { EventStream } from '../modern/event-stream.ts';
import type { Envelope } from './envelope.ts';
import { PostAnswer } from './post-answer.ts';
import { responseOf } from './results.ts';
import type { Stopwatch } from './stopwatch.ts';

/** A request that is not answered yet. */
interface Running {
  post: PostAnswer;
  caller: McpExchange['caller'];
  /** Fires when the client has cancelled the request or is gone. */
  gone: AbortController;
}

/** Notices that wait for a client to open its stream; the same one once. More than a session can have subscriptions. */
const mostWaiting = 200;

/** A stream ends after this time, in milliseconds: the client opens another one. */
const streamLifetime = 3_600_000;

export class SessionTransport implements Transport {
  readonly sessionId: string;
  onmessage?: Transport['onmessage'];
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #stopwatch: Stopwatch;
  readonly #streamAfter: number;
  readonly #running = new Map<RequestId, Running>();
  readonly #waiting = new Set<string>();
  #stream: EventStream | undefined;
  #closed = false;

  constructor(sessionId: string, stopwatch: Stopwatch, streamAfterMilliseconds: number) {
    this.sessionId = sessionId;
    this.#stopwatch = stopwatch;
    this.#streamAfter = streamAfterMilliseconds;
  }

  async start(): Promise<void> {}

  /** True while the client waits for something here. */
  get busy(): boolean {
    return this.#running.size > 0 || this.#stream !== undefined;
  }

  /** The request with this id, for whoever works on it. */
  running(id: RequestId): Pick<Running, 'caller' | 'gone'> | undefined {
    return this.#running.get(id);
  }

  /** Takes one message from the client. */
  deliver(
    envelope: Exclude<Envelope, { kind: 'bad' }>,
    exchange: McpExchange,
  ): Promise<McpAnswer> | McpAnswer {
    if (envelope.kind === 'request') return this.#request(envelope.message, exchange);
    // Whoever answers a question in the middle of a call decides it: from here on only the rights of that request count.
    if (envelope.kind === 'response') this.#actAs(exchange.caller);
    if (envelope.kind === 'notification' && envelope.message.method === 'notifications/cancelled') {
      this.#cancel(envelope.message.params?.requestId as RequestId);
    }
    this.onmessage?.(envelope.message);
    return { status: 202 };
  }

  /** Opens the stream for what the server says by itself. A client that opens another one has lost the one before. */
  listen(): EventStream {
    this.endStream();
    const stream = new EventStream();
    const timer = setTimeout(() => stream.finish(), streamLifetime).unref();
    stream.once('close', () => {
      clearTimeout(timer);
      if (this.#stream === stream) this.#stream = undefined;
    });
    this.#stream = stream;
    // The first bytes send the headers off.
    stream.comment();
    for (const json of this.#waiting) stream.send(json);
    this.#waiting.clear();
    return stream;
  }

  /** Says something that belongs to no request; it waits for a stream where there is none. */
  notify(method: string, params: Record<string, unknown>): void {
    void this.send({ jsonrpc: '2.0', method, params }).catch(() => undefined);
  }

  /** Ends the stream; requests go on. */
  endStream(): void {
    this.#stream?.finish();
    this.#stream = undefined;
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.#closed) throw new Error('The session has ended.');
    if (!('method' in message)) {
      this.#answer(message);
      return;
    }
    const json = JSON.stringify(message);
    const { relatedRequestId } = options ?? {};
    if (relatedRequestId !== undefined) {
      const running = this.#running.get(relatedRequestId);
      if (running) running.post.notify(json);
      else if ('id' in message) throw new Error('The request that a question belongs to is answered.');
    } else if (this.#stream) this.#stream.send(json);
    else if (this.#waiting.size < mostWaiting) this.#waiting.add(json);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.endStream();
    for (const id of [...this.#running.keys()]) this.#breakOff(id, 'The session has ended.');
    this.onclose?.();
  }

  #request(message: JSONRPCRequest, { caller, signal }: McpExchange): Promise<McpAnswer> | McpAnswer {
    const { id, params } = message;
    if (this.#running.has(id)) {
      // Two answers under one id could not be told apart. Without the id: it belongs to the one that runs.
      return {
        status: 400,
        body: errorBody(jsonRpcCodes.invalidRequest, 'The id of this request is in use.'),
      };
    }
    const post = new PostAnswer(this.#streamAfter);
    this.#running.set(id, { post, caller, gone: new AbortController() });
    this.#stopwatch.start(message);
    // Nobody can ever read the answer of a POST whose connection is gone, so the work on it ends.
    const leave = (): void => this.#breakOff(id, 'The request was broken off.', { status: 503, retry: true });
    signal.addEventListener('abort', leave, { once: true });
    if (params?._meta?.progressToken !== undefined) post.openStream();
    this.onmessage?.(message);
    if (signal.aborted) leave();
    return post.given;
  }

  #answer(message: Extract<JSONRPCMessage, { result: unknown } | { error: unknown }>): void {
    if ('result' in message && typeof message.result.protocolVersion === 'string') {
      this.#stopwatch.protocolVersion = message.result.protocolVersion;
    }
    this.#stopwatch.sent(message);
    if (message.id === undefined) return;
    const running = this.#running.get(message.id);
    this.#running.delete(message.id);
    running?.post.end('result' in message ? responseOf(message.id, message.result) : JSON.stringify(message));
  }

  #actAs({ principal, tightening }: McpExchange['caller']): void {
    for (const running of this.#running.values()) {
      const readOnly = running.caller.tightening?.readOnly === true || tightening?.readOnly === true;
      running.caller = { ...running.caller, principal, ...(readOnly && { tightening: { readOnly } }) };
    }
  }

  #cancel(id: RequestId): void {
    if (this.#running.has(id)) this.#breakOff(id, 'The request was cancelled.');
  }

  /** Ends a request without its answer. */
  #breakOff(id: RequestId, why: string, { status = 200, retry = false } = {}): void {
    const running = this.#running.get(id);
    if (!running) return;
    this.#running.delete(id);
    this.#stopwatch.cancelled(id);
    running.gone.abort();
    running.post.end(errorBody(jsonRpcCodes.serverError, why, id), {
      status,
      ...(retry && { headers: { 'retry-after': '1' } }),
    });
  }
}
