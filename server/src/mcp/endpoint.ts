/**
 * Between HTTP and the protocol adapters. HTTP has read the request, checked the edge (Host, Origin, size, JSON, Accept)
 * and established who calls; an adapter turns one message into one answer. Neither knows how the other works.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Caller } from './surface.ts';

/** One POST to `/mcp`. */
export interface McpExchange {
  /** The body: one JSON object. An adapter checks that it is a JSON-RPC message. */
  message: Record<string, unknown>;
  headers: IncomingHttpHeaders;
  /** Whether the user can be asked follows from the message, so the adapter decides it. */
  caller: Omit<Caller, 'canAsk'>;
  /** Fires when the client has closed the connection before its answer was complete, and when the server must stop. */
  signal: AbortSignal;
}

/** What goes back. A `Readable` body is a stream of server-sent events; it is destroyed when the client goes. */
export interface McpAnswer {
  status: number;
  /** Lower-case names. Content-Type defaults to `application/json`, and to `text/event-stream` for a stream. */
  headers?: Readonly<Record<string, string>>;
  body?: string | Readable;
  /** Set when the request was turned away for a reason of sessions. */
  refusal?: 'session' | 'session_limit';
}

/** Sessions of the older generation. `mcp-session-id` names the session of a request. */
export interface McpSessions {
  readonly count: number;
  /** GET: a stream for what the server says by itself. */
  listen(exchange: McpExchange): McpAnswer;
  /** DELETE. */
  end(exchange: McpExchange): Promise<McpAnswer>;
  /** Opens no more sessions and ends the streams; calls that run go on, and can still ask. */
  drain(): void;
  /** Ends every session. */
  close(): Promise<void>;
}

/** One protocol generation on HTTP. */
export interface McpEndpoint {
  /** Answers every message, also a bad one; a rejection is a defect of the server. */
  handle(exchange: McpExchange): Promise<McpAnswer>;
}

/** The generations that are served. Both share one path. */
export interface McpEndpoints {
  /** 2025-11-25 and older: with a handshake. */
  legacy: McpEndpoint;
  /** Absent: the older generation is served without sessions. */
  sessions?: McpSessions | undefined;
  /** 2026-07-28: every request stands alone. */
  modern?: ModernEndpoint;
}

/** The newer generation also says which requests are its own; every other one is the older generation's. */
export interface ModernEndpoint extends McpEndpoint {
  /** Cheap, from headers and the first level of the message only. */
  claims(exchange: Pick<McpExchange, 'message' | 'headers'>): boolean;
}

/** One request of the protocol that was answered, for metrics. */
export interface McpOperation {
  method: string;
  /** Only for `tools/call`. */
  tool?: string;
  protocolVersion?: string;
  transport: 'http' | 'stdio';
  /** A ToolError code for a failed tool, the JSON-RPC code (as text) for a protocol error; absent: it went well. */
  errorType?: string;
  durationSeconds: number;
}

/** Told of every operation, by both generations, on both transports. Cheap and never throws. */
export type McpObserver = (operation: McpOperation) => void;
