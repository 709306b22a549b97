/** The transport of a connection that carries messages in both directions, one JSON text each. Made for stdio. */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { errorBody, jsonRpcCodes, type RequestId } from '../json-rpc.ts';
import { readEnvelope } from './envelope.ts';
import { responseOf } from './results.ts';
import type { Stopwatch } from './stopwatch.ts';

export class LineTransport implements Transport {
  onmessage?: Transport['onmessage'];
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #write: (json: string) => void;
  readonly #stopwatch: Stopwatch;
  readonly #refused: (message: Record<string, unknown>) => void;
  #idle: (() => void)[] = [];
  #closed = false;

  /** `refused` is told of every message that the server is not given, or does not answer. */
  constructor(
    write: (json: string) => void,
    stopwatch: Stopwatch,
    refused: (message: Record<string, unknown>) => void,
  ) {
    this.#write = write;
    this.#stopwatch = stopwatch;
    this.#refused = refused;
  }

  async start(): Promise<void> {}

  /** Takes one message from the client; what is no message is answered here. */
  deliver(message: Record<string, unknown>): void {
    if (this.#closed) return;
    const envelope = readEnvelope(message);
    switch (envelope.kind) {
      case 'bad':
        this.#refused(message);
        this.#write(errorBody(envelope.error.code, envelope.error.message, envelope.id));
        return;
      case 'request':
        if (this.#stopwatch.has(envelope.message.id)) {
          // Two answers under one id could not be told apart. Without the id: it belongs to the one that runs.
          this.#refused(message);
          this.#write(errorBody(jsonRpcCodes.invalidRequest, 'The id of this request is in use.'));
          return;
        }
        this.#stopwatch.start(envelope.message);
        break;
      case 'notification':
        this.#refused(message);
        if (envelope.message.method === 'notifications/cancelled') {
          this.#stopwatch.cancelled(envelope.message.params?.requestId as RequestId);
          this.#wake();
        }
    }
    this.onmessage?.(envelope.message);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) return;
    if ('result' in message && typeof message.result.protocolVersion === 'string') {
      this.#stopwatch.protocolVersion = message.result.protocolVersion;
    }
    const isResult = 'result' in message;
    this.#write(isResult ? responseOf(message.id, message.result) : JSON.stringify(message));
    this.#stopwatch.sent(message);
    this.#wake();
  }

  /** Resolves as soon as every request is answered. */
  async idle(): Promise<void> {
    if (this.#stopwatch.running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.onclose?.();
  }

  #wake(): void {
    if (this.#stopwatch.running === 0) for (const wake of this.#idle.splice(0)) wake();
  }
}
