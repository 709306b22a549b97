/** Errors of the protocol itself: what becomes a JSON-RPC error instead of a result. */
import { ProtocolErrorCode } from '@modelcontextprotocol/server';
import { type ErrorCode, toToolError } from '../../errors.ts';

/** JSON-RPC codes that this side answers. `headerMismatch` has no name in the SDK: it exists on HTTP only. */
export const rpcCode = {
  invalidRequest: ProtocolErrorCode.InvalidRequest,
  methodNotFound: ProtocolErrorCode.MethodNotFound,
  invalidParams: ProtocolErrorCode.InvalidParams,
  internal: ProtocolErrorCode.InternalError,
  headerMismatch: -32020,
  missingCapability: ProtocolErrorCode.MissingRequiredClientCapability,
  unsupportedVersion: ProtocolErrorCode.UnsupportedProtocolVersion,
  /**
   * Refused by this server for a reason of its own, which `data.code` names. Outside the range that JSON-RPC and MCP
   * reserve (2026-07-28, Error Codes).
   */
  refused: -31000,
} as const;

export interface RpcErrorOptions {
  status?: number;
  data?: Record<string, unknown>;
  /** What was thrown, for the log; the client never sees it. */
  cause?: unknown;
}

/** Ends a request with a JSON-RPC error. `status` is the HTTP status that goes with it. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly status: number;
  readonly data: Record<string, unknown> | undefined;

  constructor(code: number, message: string, options: RpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 200;
    this.data = options.data;
  }
}

/** Errors of the surface that say something about the parameters of the request. */
const aboutParams: ReadonlySet<ErrorCode> = new Set([
  'unknown_tool',
  'not_found',
  'invalid_arguments',
  'confirmation_invalid',
]);

/**
 * What a failed request is answered with. An answer of a tool is never an error here: only what the surface throws.
 * `data` is added for errors about the parameters, for example the `uri` of a resource that is not there.
 */
export function toRpcError(thrown: unknown, data: Record<string, unknown> = {}): RpcError {
  if (thrown instanceof RpcError) return thrown;
  const error = toToolError(thrown);
  const reason = { code: error.code, hint: error.hint };
  if (aboutParams.has(error.code)) {
    return new RpcError(rpcCode.invalidParams, error.message, { data: { ...reason, ...data } });
  }
  return new RpcError(error.code === 'internal' ? rpcCode.internal : rpcCode.refused, error.message, {
    cause: error.cause ?? thrown,
    data: {
      ...reason,
      ...(error.retryAfterSeconds !== undefined && { retry_after_seconds: error.retryAfterSeconds }),
    },
  });
}
