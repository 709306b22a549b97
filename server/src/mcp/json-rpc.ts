/** JSON-RPC without an SDK: codes, error bodies, and reading one message out of bytes that anybody may have sent. */
import { isObject } from '../is-object.ts';

export const jsonRpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** The server's own: the request was fine, but cannot be served as it is. */
  serverError: -32000,
  /** Of MCP until 2025-11-25. */
  resourceNotFound: -32002,
} as const;

export type RequestId = string | number;

/** True for what can be an id. A number that JSON cannot carry exactly would come back as another one. */
export function isRequestId(id: unknown): id is RequestId {
  return typeof id === 'string' || Number.isSafeInteger(id);
}

/** An error that becomes a JSON-RPC error. `message` is for the caller. */
export class JsonRpcError extends Error {
  override readonly name = 'JsonRpcError';
  readonly code: number;
  readonly data: Record<string, unknown> | undefined;
  /** Of the request, where only what throws can still read it. */
  readonly id: RequestId | null;

  constructor(code: number, message: string, data?: Record<string, unknown>, id: RequestId | null = null) {
    super(message);
    this.code = code;
    this.data = data;
    this.id = id;
  }
}

/** An error response as text. `id` is null when the request's id could not be read. */
export function errorBody(
  code: number,
  message: string,
  id: RequestId | null = null,
  data?: Record<string, unknown>,
): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } });
}

/** Deepest nesting of a message. Arguments of tools need four. */
export const deepestNesting = 64;

/**
 * Reads one JSON object. Throws JsonRpcError: what is not UTF-8 or not JSON, arrays (batches left the protocol with
 * 2025-06-18), anything but an object, deep nesting (it would overflow the stack of whatever walks it later), and keys that
 * reach an object's prototype.
 */
export function parseMessage(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    const what = error instanceof TypeError ? 'UTF-8' : 'JSON';
    throw new JsonRpcError(jsonRpcCodes.parseError, `The message is not valid ${what}.`);
  }
  if (Array.isArray(value)) {
    throw new JsonRpcError(
      jsonRpcCodes.invalidRequest,
      'Batches are not part of this protocol; send one message.',
    );
  }
  if (!isObject(value)) {
    throw new JsonRpcError(jsonRpcCodes.invalidRequest, 'A message is a JSON object.');
  }
  refuseTraps(value);
  return value;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Walks level by level, so that its own stack does not grow with the input. A request that is refused here has an id, and over
 * stdio a client would wait forever for an answer without it.
 */
function refuseTraps(root: object): void {
  const { id, method } = root as { id?: unknown; method?: unknown };
  const own = isRequestId(id) && typeof method === 'string' ? id : null; // The id of a response is the server's.
  const refuse = (message: string): never => {
    throw new JsonRpcError(jsonRpcCodes.invalidRequest, message, undefined, own);
  };
  let level: object[] = [root];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > deepestNesting) refuse(`The message is nested deeper than ${deepestNesting} levels.`);
    const next: object[] = [];
    for (const node of level) {
      const trap = Array.isArray(node) ? undefined : prototypeKey(node);
      if (trap !== undefined) refuse(`The key "${trap}" is not allowed.`);
      for (const child of Object.values(node)) {
        if (child !== null && typeof child === 'object') next.push(child);
      }
    }
    level = next;
  }
}

/** A key that reaches an object's prototype. */
function prototypeKey(node: object): string | undefined {
  if (Object.hasOwn(node, '__proto__')) return '__proto__';
  const made = Object.hasOwn(node, 'constructor')
    ? (node as { constructor: unknown }).constructor
    : undefined;
  const reaches = made !== null && typeof made === 'object' && Object.hasOwn(made, 'prototype');
  return reaches ? 'constructor.prototype' : undefined;
}
