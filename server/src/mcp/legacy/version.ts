/** Which revision a request of the older generation speaks, and what is answered when it is not served. */
import type { IncomingHttpHeaders } from 'node:http';
import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';
import type { McpAnswer } from '../endpoint.ts';
import { errorBody, jsonRpcCodes } from '../json-rpc.ts';

/** What the specification assumes of a request without the header. */
const versionWithoutHeader = '2025-03-26';

export function versionOf(headers: IncomingHttpHeaders): string {
  return String(headers['mcp-protocol-version'] ?? versionWithoutHeader);
}

/** The refusal of a revision; `undefined`: it is served. */
export function unservedVersion(version: string): McpAnswer | undefined {
  if (SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return undefined;
  const text = `This protocol version is not served. Served are ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}.`;
  return { status: 400, body: errorBody(jsonRpcCodes.serverError, text) };
}
