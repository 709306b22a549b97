/** How answers and questions of the surface look in MCP, in every generation. */
import type { ConfirmationAnswer, ConfirmationQuestion } from '../tools/call.ts';
import type { Answers, ContentBlock, SurfaceResult } from './surface.ts';

/** The part of a `CallToolResult` that all generations share. */
export interface CallResult {
  content: ContentBlock[];
  structuredContent?: unknown;
  isError?: boolean;
  [field: string]: unknown;
}

/** Questions that must be answered before the call can go on. */
export type InputNeeded = Extract<SurfaceResult, { kind: 'input' }>;

/** Renders an answer. Questions come back as they are, a confirmation as the question that it is. */
export function renderResult(
  result: SurfaceResult,
): { kind: 'result'; result: CallResult; errorType?: string } | InputNeeded {
  switch (result.kind) {
    case 'input':
      return result;
    case 'ask':
      return confirmationInput(result.question);
    case 'content': {
      const { content, structured, isError } = result;
      const rendered: CallResult = {
        content,
        ...(structured !== undefined && { structuredContent: structured }),
        ...(isError && { isError }),
      };
      return { kind: 'result', result: rendered, ...(isError && { errorType: 'tool_error' }) };
    }
    case 'answer': {
      const { text, structured, isError, error } = result;
      const rendered: CallResult = {
        content: [{ type: 'text', text }],
        ...(structured !== undefined && { structuredContent: structured }),
        ...(isError && { isError }),
      };
      return {
        kind: 'result',
        result: rendered,
        ...(isError && { errorType: error?.code ?? 'tool_error' }),
      };
    }
  }
}

/** Key of the one question that a confirmation asks. */
const confirmationKey = 'confirmation';

/** A confirmation as a form: what will be lost, and one field for the name. */
export function confirmationInput(question: ConfirmationQuestion): InputNeeded {
  const form = {
    mode: 'form',
    message: question.message,
    requestedSchema: {
      type: 'object',
      properties: {
        name: {
          type: 'string',
          title: 'Name',
          description: `To confirm, type ${JSON.stringify(question.name)}.`,
          maxLength: 253,
        },
      },
      required: ['name'],
    },
  };
  return {
    kind: 'input',
    requests: { [confirmationKey]: { method: 'elicitation/create', params: form } },
    state: question.state,
  };
}

/** The person's answer out of what the client sent back. Anything that is not a clear yes counts as a no. */
export function confirmationAnswer({ responses, state }: Answers): ConfirmationAnswer {
  const response = responses[confirmationKey];
  const { action, content } = (response ?? {}) as { action?: unknown; content?: { name?: unknown } };
  const given: ConfirmationAnswer = {
    action: action === 'accept' || action === 'decline' ? action : 'cancel',
    state: state ?? '',
  };
  return typeof content?.name === 'string' ? { ...given, name: content.name } : given;
}
