/** Small checks that several methods share. */
import { JsonRpcError, jsonRpcCodes } from '../json-rpc.ts';

/** For a method that this server, or this connection, does not have. */
export function methodNotFound(): JsonRpcError {
  return new JsonRpcError(jsonRpcCodes.methodNotFound, 'Method not found');
}

/** For lists that are given whole: a cursor can only be one that this server did not make. */
export function refuseCursor({ cursor }: Record<string, unknown>): void {
  if (cursor !== undefined) {
    throw new JsonRpcError(jsonRpcCodes.invalidParams, 'This cursor is not from this server.');
  }
}

/** A parameter that must be text. Throws -32602. */
export function text(params: Record<string, unknown>, name: string): string {
  const value = params[name];
  if (typeof value === 'string') return value;
  throw new JsonRpcError(jsonRpcCodes.invalidParams, `"${name}" must be a string.`);
}

/** A parameter that must be an object of texts, or absent. Throws -32602. */
export function texts(value: unknown, name: string): Record<string, string> {
  const entries =
    value === undefined
      ? []
      : typeof value === 'object' && value !== null
        ? Object.entries(value)
        : undefined;
  if (entries?.every(([, item]) => typeof item === 'string')) return Object.fromEntries(entries);
  throw new JsonRpcError(jsonRpcCodes.invalidParams, `"${name}" must be an object of strings.`);
}
