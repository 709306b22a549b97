/** What kind of JSON-RPC message an object is. Stricter than the SDK, which drops what it does not understand unanswered. */
import type {
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResponse,
} from '@modelcontextprotocol/sdk/types.js';
import { InitializeRequestSchema, JSONRPCResponseSchema } from '@modelcontextprotocol/sdk/types.js';
import { isObject } from '../../is-object.ts';
import { isRequestId, JsonRpcError, jsonRpcCodes, type RequestId } from '../json-rpc.ts';

export type Envelope =
  | { kind: 'request'; message: JSONRPCRequest }
  | { kind: 'notification'; message: JSONRPCNotification }
  | { kind: 'response'; message: JSONRPCResponse }
  | { kind: 'bad'; id: RequestId | null; error: JsonRpcError };

/** Sorts a message. Requests and notifications come back with the fields of JSON-RPC only. */
export function readEnvelope(message: Record<string, unknown>): Envelope {
  const id = isRequestId(message.id) ? message.id : null;
  const bad = (text: string, code: number = jsonRpcCodes.invalidRequest): Envelope => ({
    kind: 'bad',
    id,
    error: new JsonRpcError(code, text),
  });
  if (message.jsonrpc !== '2.0') return bad('"jsonrpc" must be "2.0".');
  if (!('method' in message)) {
    const response = JSONRPCResponseSchema.safeParse(message);
    return response.success
      ? { kind: 'response', message: response.data }
      : bad('This is neither a request nor a response.');
  }
  const { method } = message;
  if (typeof method !== 'string' || method === '') return bad('"method" must be a name.');
  if ('id' in message && id === null) return bad('"id" must be a string or an integer.');
  const problem = problemWithParams(message.params);
  if (problem) return bad(problem, jsonRpcCodes.invalidParams);
  const params = withoutTasks(message.params as Record<string, unknown> | undefined);
  const bare = { jsonrpc: '2.0' as const, method, ...(params && { params }) };
  if (id === null) return { kind: 'notification', message: bare };
  if (method === 'initialize' && !InitializeRequestSchema.safeParse(bare).success) {
    return bad('initialize needs protocolVersion, capabilities and clientInfo.', jsonRpcCodes.invalidParams);
  }
  return { kind: 'request', message: { ...bare, id } };
}

function problemWithParams(params: unknown): string | undefined {
  if (params === undefined) return undefined;
  if (!isObject(params)) return '"params" must be an object.';
  const meta = params._meta;
  if (meta === undefined) return undefined;
  if (!isObject(meta)) return '"_meta" must be an object.';
  const token = meta.progressToken;
  return token === undefined || isRequestId(token)
    ? undefined
    : '"progressToken" must be a string or an integer.';
}

const relatedTask = 'io.modelcontextprotocol/related-task';

/** A server without tasks must answer as if a request had not asked for one; the SDK would refuse it. */
function withoutTasks(params: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  const meta = params?._meta as Record<string, unknown> | undefined;
  if (!params || !('task' in params || (meta && relatedTask in meta))) return params;
  const { task: _task, _meta: _kept, ...rest } = params;
  const { [relatedTask]: _related, ...metaRest } = meta ?? {};
  return meta ? { ...rest, _meta: metaRest } : rest;
}
