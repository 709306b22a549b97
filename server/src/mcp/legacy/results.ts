/** What is known about a result besides its content; results are passed on by identity, so no wrapper is needed. */
import type { RequestId } from '../json-rpc.ts';

/** A result that is sent again and again, and the last response that it was part of. */
interface Kept {
  json: string;
  last?: { id: RequestId; response: string };
}

const kept = new WeakMap<object, Kept>();
/** Why a tool result is an error, for metrics. */
const errorTypes = new WeakMap<object, string>();

/** Keeps the JSON of a result that is never changed: serialising a list of 30 tools costs more than all else about it. */
export function keepJson<T extends object>(result: T): T {
  kept.set(result, { json: JSON.stringify(result) });
  return result;
}

export function markError<T extends object>(result: T, errorType: string): T {
  errorTypes.set(result, errorType);
  return result;
}

/**
 * A response as JSON. Clients number their requests from the start of the connection, so a list is asked for under the same
 * id over and over: its last response is kept whole, which saves copying 30 kB.
 */
export function responseOf(id: RequestId, result: object): string {
  const known = kept.get(result);
  if (known?.last?.id === id) return known.last.response;
  const json = known?.json ?? JSON.stringify(result);
  const response = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${json}}`;
  if (known) known.last = { id, response };
  return response;
}

/** Why a result is an error, as metrics know it; `undefined` when it went well. */
export function errorTypeOf(result: object): string | undefined {
  return errorTypes.get(result);
}
