/**
 * The 2026-07-28 side without a transport: one message in, one answer out. HTTP and stdio are thin around it.
 *
 * Types, schemas, classification and codes are those of `@modelcontextprotocol/server`. Its `Server` and `createMcpHandler`
 * are not used: they build a server with all its handlers for every request, which costs more than the request. Here
 * everything that does not depend on the request is made once.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { McpObserver } from '../endpoint.ts';
import type { HeldStreams } from '../held-streams.ts';
import type { Progress } from '../progress.ts';
import { recordRefusedCall } from '../refused-call.ts';
import type { Caller, McpSurface, RequestContext } from '../surface.ts';
import { type AdmittedRequest, Gate, idOf } from './admit.ts';
import { canShowForms, type Envelope, readEnvelope } from './envelope.ts';
import { createMethods, type Method, type MethodCall } from './methods.ts';
import { logTo, progressTo } from './notices.ts';
import { errorResponseOf, ResultWriter, responseOf } from './results.ts';
import { RpcError, rpcCode, toRpcError } from './rpc-error.ts';
import { type Subscription, type SubscriptionLimits, Subscriptions } from './subscriptions.ts';

export interface ModernServerOptions {
  observe?: McpObserver;
  subscriptions?: SubscriptionLimits;
  /** Holds subscriptions to the credentials of their callers; absent where callers have none. */
  held?: HeldStreams;
  /** Told of defects, for the log; the client gets a plain internal error. */
  onDefect?(thrown: unknown): void;
}

/** One message that came in. */
export interface Incoming {
  message: Record<string, unknown>;
  /** Absent on stdio. */
  headers?: IncomingHttpHeaders;
  caller: Omit<Caller, 'canAsk'>;
  signal: AbortSignal;
  /** Takes notifications that belong to this request, before its answer. */
  notify(json: string): void;
}

/** What comes of a message. `status` is the HTTP status. */
export type Outcome =
  | { kind: 'response'; status: number; json: string }
  /** The message was a notification: there is no answer. */
  | { kind: 'accepted' }
  | { kind: 'subscription'; subscription: Subscription };

const listenMethod = 'subscriptions/listen';

export class ModernServer {
  readonly #gate = new Gate();
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #subscriptions: Subscriptions;
  readonly #options: ModernServerOptions;
  readonly #surface: McpSurface;

  constructor(surface: McpSurface, options: ModernServerOptions = {}) {
    const write = new ResultWriter(surface.info);
    this.#methods = createMethods(surface, write);
    this.#subscriptions = new Subscriptions(surface, write, options);
    this.#options = options;
    this.#surface = surface;
  }

  /** Answers one message. Never rejects. */
  async answer(incoming: Incoming): Promise<Outcome> {
    const started = performance.now();
    let request: AdmittedRequest | undefined;
    let call: MethodCall | undefined;
    let failure: RpcError | undefined;
    let progress: Progress | undefined;
    try {
      request = this.#gate.admit(incoming.message, incoming.headers);
      if (!request) {
        recordRefusedCall(this.#surface, incoming.message, incoming.caller);
        return { kind: 'accepted' };
      }
      const envelope = readEnvelope(request.params);
      if (envelope.progressToken !== undefined)
        progress = progressTo(incoming.notify, envelope.progressToken);
      const context = contextOf(incoming, envelope, progress);
      if (request.method === listenMethod) {
        return {
          kind: 'subscription',
          subscription: await this.#subscriptions.open(request.id, request.params, context),
        };
      }
      const method = this.#methods.get(request.method);
      if (!method) {
        throw new RpcError(rpcCode.methodNotFound, `Method not found: ${request.method}`, { status: 404 });
      }
      call = { params: request.params, context, envelope };
      return { kind: 'response', status: 200, json: responseOf(request.id, await method(call)) };
    } catch (thrown) {
      // From here on the method has it, and records it itself.
      if (!call) recordRefusedCall(this.#surface, incoming.message, incoming.caller);
      failure = toRpcError(thrown);
      if (failure.code === rpcCode.internal) this.#options.onDefect?.(failure.cause);
      return {
        kind: 'response',
        status: failure.status,
        json: errorResponseOf(idOf(incoming.message), failure),
      };
    } finally {
      progress?.end();
      if (request)
        this.#observe(request, incoming, started, failure ? String(failure.code) : call?.errorType);
    }
  }

  /** Ends the open subscriptions with their result; requests that run go on. */
  close(): void {
    this.#subscriptions.close();
  }

  #observe(
    request: AdmittedRequest,
    incoming: Incoming,
    started: number,
    errorType: string | undefined,
  ): void {
    const { observe } = this.#options;
    if (!observe) return;
    const { method, params, revision } = request;
    const known = this.#methods.has(method) || method === listenMethod;
    observe({
      // A name that somebody made up must not become a label of a metric.
      method: known ? method : 'unknown',
      ...(method === 'tools/call' && typeof params.name === 'string' && { tool: params.name }),
      protocolVersion: revision,
      transport: incoming.headers ? 'http' : 'stdio',
      ...(errorType !== undefined && { errorType }),
      durationSeconds: (performance.now() - started) / 1000,
    });
  }
}

/** What the surface is told about the request. The trace of the message is nearer to the call than that of the transport. */
function contextOf(
  { caller, signal, notify }: Incoming,
  { capabilities, logLevel, traceparent }: Envelope,
  progress: Progress | undefined,
): RequestContext {
  return {
    ...caller,
    ...(traceparent !== undefined && { traceparent }),
    canAsk: canShowForms(capabilities),
    signal,
    ...(progress && { progress: (message, done, total) => progress.report(message, done, total) }),
    ...(logLevel !== undefined && { log: logTo(notify, logLevel) }),
  };
}
