/** What goes into the pipeline and what comes out. No protocol in here: the adapters in `mcp/` render it. */
import type { ToolError } from '../errors.ts';
import type { Tightening } from '../policy/decide.ts';
import type { Principal } from '../policy/principal.ts';

/** A person's answer to a confirmation question. */
export interface ConfirmationAnswer {
  action: 'accept' | 'decline' | 'cancel';
  /** What the person typed; only with `accept`. */
  name?: string;
  /** The sealed state of the question, unchanged. */
  state: string;
}

export interface ToolCall {
  tool: string;
  arguments: unknown;
  principal: Principal;
  requestId: string;
  signal: AbortSignal;
  /** True when the adapter can put a question to a person; otherwise the two-call way is used. */
  canAsk: boolean;
  /** Present on the second round of a question. */
  answer?: ConfirmationAnswer;
  tightening?: Tightening;
  progress?: (message: string, done?: number, total?: number) => void;
  /** W3C trace context of the caller, for log and audit. */
  traceparent?: string;
}

/** A question for a person: what will be lost, and the name to type. */
export interface ConfirmationQuestion {
  /** The plan as text for people. */
  message: string;
  /** What must be typed, exactly. */
  name: string;
  /** Opaque; comes back in {@link ConfirmationAnswer}. */
  state: string;
  expiresAt: Date;
}

export type ToolCallResult =
  | {
      kind: 'answer';
      isError: boolean;
      text: string;
      structured?: Record<string, unknown>;
      error?: ToolError;
    }
  | { kind: 'ask'; question: ConfirmationQuestion };

/** A tool as clients see it. `inputSchema` and `outputSchema` are JSON Schema 2020-12, in short forms. */
export interface ToolDescription {
  name: string;
  title: string;
  description: string;
  inputSchema: Record<string, unknown> & { type: 'object' };
  outputSchema: Record<string, unknown> & { type: 'object' };
  annotations: {
    readOnlyHint: boolean;
    destructiveHint: boolean;
    idempotentHint: boolean;
    openWorldHint: boolean;
  };
}
