/**
 * The gate of the modern side: is this a request of 2026-07-28 that may be worked on? Everything is checked before a
 * handler runs: shape, envelope, revision, and on HTTP that the headers say the same as the body.
 */
import type { IncomingHttpHeaders } from 'node:http';
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  classifyInboundRequest,
  LOG_LEVEL_META_KEY,
  PROTOCOL_VERSION_META_KEY,
  UnsupportedProtocolVersionError,
} from '@modelcontextprotocol/server';
import { isObject } from '../../is-object.ts';
import { firstModernRevision } from '../era.ts';
import { isRequestId } from '../json-rpc.ts';
import { RpcError, rpcCode } from './rpc-error.ts';

/** Revisions that are served, newest first. */
export const servedRevisions: readonly string[] = [firstModernRevision];

/** A request that passed the gate; `params._meta` is there and valid. */
export interface AdmittedRequest {
  id: string | number;
  method: string;
  params: Record<string, unknown>;
  revision: string;
}

/** The id that an answer to this message must carry; `null` when it has none that can be read. */
export function idOf(message: Record<string, unknown>): string | number | null {
  const { method, id } = message;
  return typeof method === 'string' && isRequestId(id) ? id : null;
}

/** Most envelopes that are remembered, and how long one may be (in characters) to be worth it. */
const rememberedEnvelopes = 256;
const longestRemembered = 2_000;

/** Admits requests. One per server: it remembers which envelopes are valid. */
export class Gate {
  /**
   * Envelopes that passed the schema of the SDK, oldest first. A client sends the same one with every request, and checking
   * it takes longer than everything else that is checked here.
   */
  readonly #valid = new Set<string>();

  /**
   * Admits one message. Returns `undefined` for a notification, which has no answer. Throws {@link RpcError}.
   * Without `headers` (stdio) only the message itself is checked.
   */
  admit(
    message: Record<string, unknown>,
    headers: IncomingHttpHeaders | undefined,
  ): AdmittedRequest | undefined {
    const request = this.#known(message, headers) ?? this.#examine(message, headers);
    if (request && headers) checkHeaders(headers, request.method, request.params);
    return request;
  }

  /** A request that is plainly right, with an envelope that was seen before. Whatever is odd goes the long way. */
  #known(
    message: Record<string, unknown>,
    headers: IncomingHttpHeaders | undefined,
  ): AdmittedRequest | undefined {
    const { jsonrpc, id, method, params } = message;
    if (jsonrpc !== '2.0' || typeof method !== 'string' || !isObject(params) || !isObject(params._meta))
      return undefined;
    if (Object.keys(message).length !== 4) return undefined;
    if (!isRequestId(id)) return undefined;
    const meta = params._meta;
    const token = meta.progressToken;
    if (token !== undefined && !isRequestId(token)) return undefined;
    const revision = meta[PROTOCOL_VERSION_META_KEY];
    if (typeof revision !== 'string' || !servedRevisions.includes(revision)) return undefined;
    if (!repeats(headers?.['mcp-protocol-version'], revision) || !repeats(headers?.['mcp-method'], method))
      return undefined;
    if (!this.#valid.has(envelopeKey(meta))) return undefined;
    return { id, method, params, revision };
  }

  /** The long way: every rule of the SDK, with the error that belongs to it. */
  #examine(
    message: Record<string, unknown>,
    headers: IncomingHttpHeaders | undefined,
  ): AdmittedRequest | undefined {
    const outcome = classifyInboundRequest({ httpMethod: 'POST', body: message, ...namedHeaders(headers) });
    if (outcome.kind === 'reject') {
      throw new RpcError(outcome.code, outcome.message, {
        status: outcome.httpStatus,
        ...(outcome.data !== undefined && { data: outcome.data as Record<string, unknown> }),
      });
    }
    if (outcome.kind === 'legacy') {
      // On HTTP such a request goes to the older generation. On a modern stdio connection it is a mistake of the client.
      const text = 'The request does not carry the _meta envelope of 2026-07-28.';
      throw new RpcError(rpcCode.invalidParams, text, { status: 400 });
    }
    if (outcome.messageKind === 'notification') return undefined;
    const revision = outcome.classification.revision ?? 'unknown';
    if (!servedRevisions.includes(revision)) {
      const supported = [...servedRevisions];
      const error = new UnsupportedProtocolVersionError({ supported, requested: revision });
      const data = error.data as Record<string, unknown>;
      throw new RpcError(error.code, error.message, { status: 400, data });
    }
    const { id, method, params = {} } = outcome.message;
    this.#remember(envelopeKey(params._meta ?? {}));
    return { id, method, params, revision };
  }

  #remember(key: string): void {
    if (key.length > longestRemembered) return;
    const [oldest] = this.#valid;
    if (this.#valid.size >= rememberedEnvelopes && oldest !== undefined) this.#valid.delete(oldest);
    this.#valid.add(key);
  }
}

/** Everything of `_meta` that the schema of the envelope looks into. */
function envelopeKey(meta: Record<string, unknown>): string {
  return JSON.stringify([
    meta[PROTOCOL_VERSION_META_KEY],
    meta[CLIENT_CAPABILITIES_META_KEY],
    meta[CLIENT_INFO_META_KEY],
    meta[LOG_LEVEL_META_KEY],
  ]);
}

/** True when a header says the same as the body, or is not there. */
function repeats(header: string | string[] | undefined, inBody: string): boolean {
  return (
    header === undefined || header === inBody || (typeof header === 'string' && header.trim() === inBody)
  );
}

function namedHeaders(headers: IncomingHttpHeaders | undefined): {
  protocolVersionHeader?: string;
  mcpMethodHeader?: string;
} {
  const version = headers?.['mcp-protocol-version'];
  const method = headers?.['mcp-method'];
  return {
    ...(typeof version === 'string' && { protocolVersionHeader: version }),
    ...(typeof method === 'string' && { mcpMethodHeader: method }),
  };
}

/** Which parameter `Mcp-Name` repeats (2026-07-28, Streamable HTTP, Standard Request Headers). */
const nameParameter: Readonly<Record<string, 'name' | 'uri'>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/**
 * The half of the header rules that the SDK keeps to its own HTTP entry: which headers must be there, and that `Mcp-Name`
 * is the name in the body. A gateway may route or forbid by them, so they must not lie.
 */
function checkHeaders(headers: IncomingHttpHeaders, method: string, params: Record<string, unknown>): void {
  const needed = (header: string): string => {
    const value = headers[header];
    if (typeof value !== 'string') throw mismatch(`the ${headerNames[header]} header is missing`);
    return value.trim();
  };
  needed('mcp-protocol-version');
  needed('mcp-method');
  const parameter = Object.hasOwn(nameParameter, method) ? nameParameter[method] : undefined;
  const inBody = parameter && params[parameter];
  if (typeof inBody !== 'string') return;
  const inHeader = decodeHeader(needed('mcp-name'));
  if (inHeader === undefined) throw mismatch('the Mcp-Name header is not valid Base64');
  if (inHeader !== inBody) throw mismatch(`the Mcp-Name header does not repeat params.${parameter}`);
}

const headerNames: Readonly<Record<string, string>> = {
  'mcp-protocol-version': 'MCP-Protocol-Version',
  'mcp-method': 'Mcp-Method',
  'mcp-name': 'Mcp-Name',
};

function mismatch(reason: string): RpcError {
  return new RpcError(rpcCode.headerMismatch, `Bad Request: ${reason}.`, { status: 400 });
}

const sentinel = /^=\?base64\?(.*)\?=$/s;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Undoes the encoding of values that do not fit into a header (`=?base64?…?=`); `undefined` when it is damaged. */
function decodeHeader(value: string): string | undefined {
  const encoded = sentinel.exec(value)?.[1];
  if (encoded === undefined) return value;
  if (!base64.test(encoded)) return undefined;
  try {
    return utf8.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}
