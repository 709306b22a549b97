/** What the handlers of 2025-11-25 work with, whatever carries the messages: a single POST, a session, a stdio pipe. */
import type { ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import type { McpObserver } from '../endpoint.ts';
import type { Caller, McpSurface, RequestContext, Watched } from '../surface.ts';

/** What all connections share. */
export interface LegacyOptions {
  surface: McpSurface;
  observe: McpObserver;
  /** Told of every error that is a defect of the server; the caller only learns that there was one. */
  onDefect(error: unknown): void;
}

/** What is remembered between the requests of one client; for a single POST, until it is answered. */
export interface Connection {
  options: LegacyOptions;
  /** Least level of log messages that the client wants. */
  logLevel: string;
  /** Present when the server can speak first: not on a single POST. */
  duplex?: {
    /** As the client declared them in its handshake. */
    capabilities(): ClientCapabilities | undefined;
    resourceUpdated(uri: string): void;
    /** Subscriptions to resources, by URI. */
    subscriptions: Map<string, Watched>;
  };
}

/** The way back to the client while one request runs. */
export interface Wire {
  /** Fires when the client cancels the request or is gone. */
  signal: AbortSignal;
  notify(method: string, params: Record<string, unknown>): void;
  /** Asks the client something; only where there is {@link Connection.duplex}. */
  ask?(method: string, params: Record<string, unknown>, timeoutMilliseconds: number): Promise<unknown>;
  /** Who the caller is now: an answer may have come with fewer rights than the request. */
  callerNow(): Pick<Caller, 'principal' | 'tightening'>;
}

/** One request, as it came in. */
export interface IncomingRequest {
  method: string;
  params: Record<string, unknown>;
  caller: Omit<Caller, 'canAsk'>;
  wire: Wire;
}

/** One request, as its handler sees it. */
export interface LegacyCall {
  connection: Connection;
  surface: McpSurface;
  params: Record<string, unknown>;
  context: RequestContext;
  wire: Wire;
}

/** Returns the result. Throws JsonRpcError, or what the surface throws. */
export type Handler = (call: LegacyCall) => Promise<object>;
