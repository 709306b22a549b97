/**
 * Every error that the server can answer, as a closed set of codes.
 *
 * A code is stable: clients, tests and dashboards may rely on it. The sentence is for people and may be improved.
 */

/** What each code means, and the general way on when the error itself has no better hint. */
export const errorCatalogue = {
  invalid_arguments: 'Correct the arguments that are named and call again; nothing was sent to the cluster.',
  unknown_tool: 'Call tools/list for the tools that this server offers.',
  namespace_not_found: 'Check the spelling, or pass the namespace in which the object lives.',
  not_found: 'List the objects first, or check the name and the namespace.',
  already_exists: 'Choose another name, or change the object that exists.',
  conflict: 'The object changed in the meantime. Look at it again, then repeat the call.',
  invalid_object: 'The API server or the operator refused the object; correct the field that is named.',
  forbidden: 'Grant the missing right to the identity that is named, or ask somebody who has it.',
  not_authenticated:
    'Renew the credentials: the token or the certificate has expired, or is that of another cluster.',
  cluster_unreachable: 'Check that the API server runs and can be reached from this server, then call again.',
  cluster_not_configured:
    'Run inside a cluster with a service account, set KUBECONFIG, or pass --kubeconfig and --context.',
  operator_missing: 'Install the CloudNativePG operator in this cluster; its kinds are not served.',
  not_supported: 'This needs a newer operator, or a feature that this cluster does not offer.',
  refused: 'Remove the reason that is named, then call again.',
  confirmation_required: 'Show the plan to a person and repeat the call with what is asked for.',
  confirmation_invalid: 'Nothing was changed. Ask for a new confirmation by calling without the token.',
  confirmation_declined: 'Nothing was changed. Call again when it is wanted after all.',
  policy_denied: 'Ask the administrator of this server; the rule that decided is named.',
  insufficient_scope: 'Sign in again with the scope that is named.',
  too_many_requests: 'Wait a little, then call again.',
  timeout: 'Call again, or give the call more time.',
  cancelled: 'The call was cancelled before it ended.',
  change_failed: 'Read what was seen and which steps were done or undone before you repeat the call.',
  cluster_error: 'The API server failed. Call again in a moment.',
  internal: 'This is a defect of the server. The log has the details under the request id.',
} as const;

/** A stable code of {@link errorCatalogue}. */
export type ErrorCode = keyof typeof errorCatalogue;

/** What the API server said, where it said something. */
export interface ApiAnswer {
  /** HTTP status, for example 403. */
  status: number;
  /** Kubernetes' reason, for example `Forbidden`. */
  reason?: string;
}

/** A right that the acting identity lacks. */
export interface MissingRight {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  /** The Kubernetes identity that lacks it, as the API server names it. */
  identity?: string;
}

export interface ToolErrorOptions {
  /** What to do next, when there is something better to say than the catalogue's general hint. */
  hint?: string;
  api?: ApiAnswer;
  missingRight?: MissingRight;
  /** Seconds after which a repetition makes sense, from Retry-After. */
  retryAfterSeconds?: number;
  /** Facts for programs: names and numbers only, never secrets, never text written by strangers. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The only error type that leaves a tool. `message` is one sentence without secrets. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly api: ApiAnswer | undefined;
  readonly missingRight: MissingRight | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: ToolErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? errorCatalogue[code];
    this.api = options.api;
    this.missingRight = options.missingRight;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.details = options.details;
  }
}

/** Turns anything thrown into a {@link ToolError}; what is not one already becomes `cancelled` or `internal`. */
export function toToolError(thrown: unknown): ToolError {
  if (thrown instanceof ToolError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new ToolError('cancelled', 'The call was cancelled.', { cause: thrown });
  }
  return new ToolError('internal', 'The server failed while it worked on this call.', { cause: thrown });
}
