/** Times every request of one connection, from the message to its answer, whatever handles it in between. */
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { McpObserver, McpOperation } from '../endpoint.ts';
import type { RequestId } from '../json-rpc.ts';
import { errorTypeOf } from './results.ts';

export class Stopwatch {
  readonly #observe: McpObserver;
  readonly #transport: McpOperation['transport'];
  readonly #running = new Map<RequestId, { request: JSONRPCRequest; started: number }>();
  /** Named in every record from now on. */
  protocolVersion: string | undefined;

  constructor(observe: McpObserver, transport: McpOperation['transport']) {
    this.#observe = observe;
    this.#transport = transport;
  }

  /** Requests that are not answered yet. */
  get running(): number {
    return this.#running.size;
  }

  has(id: RequestId): boolean {
    return this.#running.has(id);
  }

  start(request: JSONRPCRequest): void {
    this.#running.set(request.id, { request, started: performance.now() });
  }

  /** Takes whatever is sent; only answers count. */
  sent(message: JSONRPCMessage): void {
    if ('method' in message || message.id === undefined) return;
    this.#record(message.id, 'error' in message ? String(message.error.code) : errorTypeOf(message.result));
  }

  /** The client does not want the answer any more. */
  cancelled(id: RequestId): void {
    this.#record(id, 'cancelled');
  }

  #record(id: RequestId, errorType: string | undefined): void {
    const running = this.#running.get(id);
    if (!running) return;
    this.#running.delete(id);
    const { request, started } = running;
    const tool = request.method === 'tools/call' ? request.params?.name : undefined;
    this.#observe({
      method: request.method,
      transport: this.#transport,
      ...(typeof tool === 'string' && { tool }),
      ...(this.protocolVersion !== undefined && { protocolVersion: this.protocolVersion }),
      ...(errorType !== undefined && { errorType }),
      durationSeconds: (performance.now() - started) / 1000,
    });
  }
}
