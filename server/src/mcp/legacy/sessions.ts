/**
 * Sessions of 2025-11-25 and older over HTTP: for clients that can ask their user something in the middle of a call, and
 * be told of changes. Every session has a protocol server of its own and belongs to whoever opened it.
 */
import { randomUUID } from 'node:crypto';
import type { McpAnswer, McpExchange, McpSessions } from '../endpoint.ts';
import type { HeldStreams } from '../held-streams.ts';
import { errorBody, jsonRpcCodes } from '../json-rpc.ts';
import { recordRefusedCall } from '../refused-call.ts';
import type { LegacyOptions } from './call.ts';
import type { Envelope } from './envelope.ts';
import { createDuplexServer, type DuplexServer } from './server.ts';
import { SessionTransport } from './session-transport.ts';
import { Stopwatch } from './stopwatch.ts';
import { unservedVersion, versionOf } from './version.ts';

/** Bounds of what callers can keep open. */
export interface SessionLimits {
  total: number;
  perPrincipal: number;
  /** A session without requests and without an open stream ends after this time. */
  idleSeconds: number;
  /** Every session ends after this time. */
  lifetimeSeconds: number;
}

export interface SessionOptions extends LegacyOptions {
  limits: SessionLimits;
  /** A JSON answer that takes longer becomes a stream, in seconds. */
  streamAfterSeconds: number;
  /** Holds the streams of sessions to the credentials of their callers. */
  held: HeldStreams;
  /** Milliseconds. */
  now?: () => number;
}

interface Session {
  /** Only this caller may use it, by the client that opened it. */
  owner: string;
  principal: string;
  transport: SessionTransport;
  subscriptions: DuplexServer['subscriptions'];
  openedAt: number;
  usedAt: number;
}

type Message = Exclude<Envelope, { kind: 'bad' }>;

/** Longest time between two looks at sessions that have expired, in milliseconds. */
const sweepEvery = 30_000;

const sessionHeader = 'mcp-session-id';

export class Sessions implements McpSessions {
  readonly #options: SessionOptions;
  readonly #now: () => number;
  readonly #sessions = new Map<string, Session>();
  readonly #sweeper: NodeJS.Timeout;
  #accepting = true;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    const every = Math.min(sweepEvery, (options.limits.idleSeconds * 1000) / 2);
    this.#sweeper = setInterval(() => this.sweep(), every).unref();
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** The answer to a message that belongs to a session or opens one; `undefined`: it does neither. */
  post(message: Message, exchange: McpExchange): Promise<McpAnswer> | McpAnswer | undefined {
    const isHandshake = message.kind === 'request' && message.message.method === 'initialize';
    if (exchange.headers[sessionHeader] === undefined) {
      return isHandshake && wantsSession(message) ? this.#open(message, exchange) : undefined;
    }
    const session = this.#find(exchange);
    if (!session) return unknown(message);
    if (isHandshake) return refusal(400, 'This session is open already.', message);
    if (message.kind !== 'request' || session.transport.running(message.message.id)) {
      recordRefusedCall(this.#options.surface, exchange.message, exchange.caller);
    }
    return session.transport.deliver(message, exchange);
  }

  listen(exchange: McpExchange): McpAnswer {
    const unserved = unservedVersion(versionOf(exchange.headers));
    if (unserved) return unserved;
    const session = this.#find(exchange);
    if (!session) return unknown();
    if (!this.#accepting) return { ...refusal(503, 'The server is stopping.'), headers: retryAfter(1) };
    const { transport, subscriptions } = session;
    const { caller } = exchange;
    for (const [uri, watched] of subscriptions) {
      if (watched.allows(caller)) continue;
      // Made with rights that this caller has no more. The notice is the last: whoever reads the resource is told why.
      watched.end();
      subscriptions.delete(uri);
      transport.notify('notifications/resources/updated', { uri });
    }
    const stream = transport.listen();
    const release = this.#options.held.hold({
      caller,
      method: 'GET',
      allows: (now) => [...subscriptions.values()].every((watched) => watched.allows(now)),
      end: () => stream.finish(),
    });
    stream.once('close', release);
    return { status: 200, body: stream };
  }

  async end(exchange: McpExchange): Promise<McpAnswer> {
    const unserved = unservedVersion(versionOf(exchange.headers));
    if (unserved) return unserved;
    const session = this.#find(exchange);
    if (!session) return unknown();
    await session.transport.close();
    return { status: 200 };
  }

  drain(): void {
    this.#accepting = false;
    for (const { transport } of this.#sessions.values()) transport.endStream();
  }

  async close(): Promise<void> {
    this.drain();
    clearInterval(this.#sweeper);
    await Promise.all([...this.#sessions.values()].map(({ transport }) => transport.close()));
  }

  /** Ends what has expired. */
  sweep(): void {
    const now = this.#now();
    for (const session of this.#sessions.values()) {
      if (this.#isOver(session, now)) void session.transport.close();
    }
  }

  #isOver({ openedAt, usedAt, transport }: Session, now: number): boolean {
    const { idleSeconds, lifetimeSeconds } = this.#options.limits;
    return (
      now - openedAt >= lifetimeSeconds * 1000 || (!transport.busy && now - usedAt >= idleSeconds * 1000)
    );
  }

  /** The session of a request. One of somebody else is as unknown as one that never was. */
  #find({ headers, caller }: McpExchange): Session | undefined {
    const session = this.#sessions.get(String(headers[sessionHeader]));
    if (session?.owner !== ownerOf(caller)) return undefined;
    const now = this.#now();
    if (this.#isOver(session, now)) {
      void session.transport.close();
      return undefined;
    }
    session.usedAt = now;
    return session;
  }

  async #open(message: Message, exchange: McpExchange): Promise<McpAnswer> {
    this.sweep();
    const { total, perPrincipal } = this.#options.limits;
    const principal = exchange.caller.principal.id;
    if (!this.#accepting || this.#sessions.size >= total) {
      const why = this.#accepting ? 'Too many sessions are open.' : 'The server is stopping.';
      return { ...refusal(503, why, message), refusal: 'session_limit', headers: retryAfter(30) };
    }
    const own = [...this.#sessions.values()].filter((session) => session.principal === principal);
    if (own.length >= perPrincipal) {
      const why = `You have ${perPrincipal} sessions open already. End one of them first.`;
      return { ...refusal(429, why, message), refusal: 'session_limit', headers: retryAfter(30) };
    }
    const id = randomUUID();
    const { streamAfterSeconds, observe } = this.#options;
    const transport = new SessionTransport(id, new Stopwatch(observe, 'http'), streamAfterSeconds * 1000);
    const now = this.#now();
    const owner = ownerOf(exchange.caller);
    const { server, subscriptions } = createDuplexServer(this.#options, ({ requestId }) => {
      const running = transport.running(requestId);
      if (!running) throw new Error('A request is worked on that is not there.');
      return { caller: running.caller, signal: running.gone.signal };
    });
    this.#sessions.set(id, { owner, principal, transport, subscriptions, openedAt: now, usedAt: now });
    await server.connect(transport);
    const { onclose } = transport;
    transport.onclose = () => {
      this.#sessions.delete(id);
      onclose?.();
    };
    const answer = await transport.deliver(message, exchange);
    return { ...answer, headers: { ...answer.headers, [sessionHeader]: id } };
  }
}

/** Issuer and subject are in the id; the client is bound as well, so that no other program takes a session over. */
function ownerOf({ principal }: McpExchange['caller']): string {
  return JSON.stringify([principal.id, principal.client ?? null]);
}

/** A session is worth its memory only to a client whose user can be asked. The others work without one. */
function wantsSession(message: Message): boolean {
  const { capabilities } = ('params' in message.message ? message.message.params : undefined) ?? {};
  return (capabilities as { elicitation?: unknown } | undefined)?.elicitation !== undefined;
}

function refusal(status: number, why: string, message?: Message): McpAnswer {
  const id = message?.kind === 'request' ? message.message.id : null;
  return { status, body: errorBody(jsonRpcCodes.serverError, why, id) };
}

/** -32001 is what the SDK's own transport answers; clients begin anew. */
function unknown(message?: Message): McpAnswer {
  const id = message?.kind === 'request' ? message.message.id : null;
  return { status: 404, refusal: 'session', body: errorBody(-32_001, 'There is no such session.', id) };
}

const retryAfter = (seconds: number) => ({ 'retry-after': String(seconds) });
