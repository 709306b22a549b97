/**
 * Which protocol generation a message speaks. Kept free of either SDK, because every request of both generations passes
 * here: the answer costs a few property reads.
 *
 * The rules are those of 2026-07-28 (Versioning, Backward Compatibility), with the body before the header: a request that
 * carries the reserved protocol version in `_meta` is modern, whatever it says otherwise, and so is one whose
 * `MCP-Protocol-Version` header names a modern revision: both are then answered by the modern side, also when they are
 * malformed. Everything else is the older generation's.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isObject } from '../is-object.ts';

/** The first revision without a handshake. Revisions are dates, so later ones sort after it. */
export const firstModernRevision = '2026-07-28';

const versionKey = 'io.modelcontextprotocol/protocolVersion';

function isModernRevision(version: unknown): boolean {
  return typeof version === 'string' && version >= firstModernRevision;
}

/** The `_meta` object of a message, when there is one. */
function metaOf(message: Record<string, unknown>): Record<string, unknown> | undefined {
  const params = message.params as { _meta?: unknown } | null | undefined;
  const meta = typeof params === 'object' ? params?._meta : undefined;
  return isObject(meta) ? meta : undefined;
}

/** True when a message itself says that it is modern. On stdio, where there are no headers, this is all there is. */
export function isModernMessage(message: Record<string, unknown>): boolean {
  const meta = metaOf(message);
  if (!meta || !(versionKey in meta)) return false;
  // `initialize` is the handshake of the older generation, unless it names a revision that has none.
  return message.method !== 'initialize' || isModernRevision(meta[versionKey]);
}

/** True when an HTTP request belongs to the modern side. Pure and cheap. */
export function isModernRequest(request: {
  message: Record<string, unknown>;
  headers: IncomingHttpHeaders;
}): boolean {
  if (isModernMessage(request.message)) return true;
  const header = request.headers['mcp-protocol-version'];
  // A posted response has no era of its own: only the older generation has them.
  return 'method' in request.message && isModernRevision(typeof header === 'string' ? header.trim() : header);
}
