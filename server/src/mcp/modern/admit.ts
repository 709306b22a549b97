/**
 * The gate of the modern side: is this a request of 2026-07-28 that may be worked on? Everything is checked before a
 * handler runs: shape, envelope, revision, and on HTTP that the headers say the same as the body.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { classifyInboundRequest, UnsupportedProtocolVersionError } from '@modelcontextprotocol/server';
import { firstModernRevision } from '../era.ts';
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
  return typeof method === 'string' && (typeof id === 'string' || typeof id === 'number') ? id : null;
}

/**
 * Admits one message. Returns `undefined` for a notification, which has no answer. Throws {@link RpcError}.
 * Without `headers` (stdio) only the message itself is checked.
 */
export function admit(
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
    throw new RpcError(
      rpcCode.invalidParams,
      'The request does not carry the _meta envelope of 2026-07-28.',
      {
        status: 400,
      },
    );
  }
  if (outcome.messageKind === 'notification') return undefined;
  const revision = outcome.classification.revision ?? 'unknown';
  if (!servedRevisions.includes(revision)) {
    const {
      code,
      message: text,
      data,
    } = new UnsupportedProtocolVersionError({
      supported: [...servedRevisions],
      requested: revision,
    });
    throw new RpcError(code, text, { status: 400, data: data as Record<string, unknown> });
  }
  const { id, method, params = {} } = outcome.message;
  if (headers) checkHeaders(headers, method, params);
  return { id, method, params, revision };
}

function namedHeaders(headers: IncomingHttpHeaders | undefined) {
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
  const require = (header: string): string => {
    const value = headers[header];
    if (typeof value !== 'string') throw mismatch(`the ${headerNames[header]} header is missing`);
    return value.trim();
  };
  require('mcp-protocol-version');
  require('mcp-method');
  const parameter = Object.hasOwn(nameParameter, method) ? nameParameter[method] : undefined;
  const inBody = parameter && params[parameter];
  if (typeof inBody !== 'string') return;
  const inHeader = decodeHeader(require('mcp-name'));
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
