/** What is known about a result besides its content; results are passed on by identity, so no wrapper is needed. */
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** The beginning of the response, up to the end of the result, of results that are sent again and again. */
const serialised = new WeakMap<object, Buffer>();
/** Why a tool result is an error, for metrics. */
const errorTypes = new WeakMap<object, string>();

/** Keeps the JSON of a result that is never changed: serialising a list of 30 tools costs more than all else about it. */
export function keepJson<T extends object>(result: T): T {
  serialised.set(result, Buffer.from(`{"jsonrpc":"2.0","result":${JSON.stringify(result)}`));
  return result;
}

export function markError<T extends object>(result: T, errorType: string): T {
  errorTypes.set(result, errorType);
  return result;
}

/** A message as JSON, with the kept part where there is one. */
export function toJson(message: JSONRPCMessage): string | Buffer {
  const kept = 'result' in message ? serialised.get(message.result) : undefined;
  if (!kept || !('id' in message)) return JSON.stringify(message);
  return Buffer.concat([kept, Buffer.from(`,"id":${JSON.stringify(message.id)}}`)]);
}

/** The error type of a response, as metrics know it; `undefined` when it went well. */
export function errorTypeOf(message: JSONRPCMessage): string | undefined {
  if ('error' in message) return String(message.error.code);
  return 'result' in message ? errorTypes.get(message.result) : undefined;
}
