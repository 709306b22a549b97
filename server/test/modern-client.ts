/** Requests of 2026-07-28 as a well-behaved client sends them: with an envelope, and with headers that repeat the body. */
import type { LightMyRequestResponse } from 'fastify';
import type { SmallApp } from './small-app.ts';

export interface ModernRequest {
  jsonrpc: '2.0';
  id: string | number;
  method: string;
  params: Record<string, unknown> & { _meta: Record<string, unknown> };
}

export interface ModernOptions {
  capabilities?: Record<string, unknown>;
  /** More keys for `_meta`. */
  meta?: Record<string, unknown>;
  id?: string | number;
}

export const revision = '2026-07-28';
export const asksUser = { elicitation: {} };

let ids = 0;

export function modernRequest(
  method: string,
  params: Record<string, unknown> = {},
  { capabilities = {}, meta = {}, id }: ModernOptions = {},
): ModernRequest {
  ids += 1;
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': revision,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...meta,
  };
  return { jsonrpc: '2.0', id: id ?? ids, method, params: { ...params, _meta } };
}

/** The headers that belong to a request. */
export function modernHeaders({ method, params }: ModernRequest): Record<string, string> {
  const name = params.name ?? params.uri;
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': revision,
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': name }),
  };
}

/** Posts a request; `headers` replace the right ones, `undefined` leaves one out. */
export function postModern(
  { post }: Pick<SmallApp, 'post'>,
  request: ModernRequest,
  headers: Record<string, string | undefined> = {},
): Promise<LightMyRequestResponse> {
  return post(request, { ...modernHeaders(request), ...headers });
}

/** The JSON-RPC messages of a body of server-sent events. */
export function messagesOf(events: string): Record<string, unknown>[] {
  return events
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice('data: '.length)) as Record<string, unknown>);
}
