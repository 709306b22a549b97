/** What is known about a result besides its content; results are passed on by identity, so no wrapper is needed. */
import type { RequestId } from '../json-rpc.ts';

/** The JSON of results that are sent again and again. */
const serialised = new WeakMap<object, string>();
/** Why a tool result is an error, for metrics. */
const errorTypes = new WeakMap<object, string>();

/** Keeps the JSON of a result that is never changed: serialising a list of 30 tools costs more than all else about it. */
export function keepJson<T extends object>(result: T): T {
  serialised.set(result, JSON.stringify(result));
  return result;
}

export function markError<T extends object>(result: T, errorType: string): T {
  errorTypes.set(result, errorType);
  return result;
}

/** A response as JSON, with the kept text where there is one. */
export function responseOf(id: RequestId, result: object): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${serialised.get(result) ?? JSON.stringify(result)}}`;
}

/** Why a result is an error, as metrics know it; `undefined` when it went well. */
export function errorTypeOf(result: object): string | undefined {
  return errorTypes.get(result);
}
