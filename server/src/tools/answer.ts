/** Turns outputs, plans and errors into answers: structured content plus a short text, both within the size limit. */
import { z } from 'zod';
import type { ToolError } from '../errors.ts';
import { boundSize } from './bound-size.ts';
import type { ToolCallResult } from './call.ts';
import type { ReadResult, ReadTool, ToolContext } from './define-tool.ts';
import { cleanText, type Fence } from './fence.ts';

/** Most characters of one answer, for the text and for the JSON each. */
export const answerLimit = 25_000;

/** Room that is kept for a trailer. */
const trailerRoom = 200;

/** Cuts a text at a line and says how much is missing. */
export function limitText(text: string, limit = answerLimit): string {
  if (text.length <= limit) return text;
  const head = text.slice(0, limit - trailerRoom);
  const lineEnd = head.lastIndexOf('\n');
  const kept = lineEnd > 0 ? head.slice(0, lineEnd) : head;
  return `${kept}\n\n[${text.length - kept.length} more characters are not shown.]`;
}

/** Renders what a read tool found. A list that is too long is shortened, with `truncated` and `next_cursor`. */
export function readAnswer(
  tool: ReadTool,
  result: ReadResult<Record<string, unknown>>,
  input: Record<string, unknown>,
  context: Pick<ToolContext, 'mayLookEverywhere'>,
): ToolCallResult {
  let output = tool.output.parse(result.output) as Record<string, unknown>;
  if (result.list) {
    const { field, cursorAt } = result.list;
    const all = output[field] as unknown[];
    for (let size = all.length; JSON.stringify(output).length > answerLimit && size > 1; ) {
      size = Math.max(
        1,
        Math.min(size - 1, Math.floor((size * answerLimit * 0.95) / JSON.stringify(output).length)),
      );
      const shortened = {
        ...output,
        [field]: all.slice(0, size),
        count: size,
        truncated: true,
        next_cursor: cursorAt(size),
      };
      output = tool.output.parse(shortened) as Record<string, unknown>;
    }
  }
  const structured = boundSize(output, answerLimit);
  const text =
    input.format === 'json'
      ? JSON.stringify(structured, null, 2)
      : limitText(tool.text(output, input, context));
  return {
    kind: 'answer',
    isError: false,
    structured,
    text: text.length > answerLimit ? JSON.stringify(structured) : text,
  };
}

/**
 * Renders an error. What the API server or the operator wrote is quoted by whoever made the error. `rightComesWith` says
 * which preset or add-on of the installation has the right that is missing.
 */
export function errorAnswer(
  error: ToolError,
  fence: Fence,
  extra: { text?: string; structured?: Record<string, unknown>; rightComesWith?: string | undefined } = {},
): ToolCallResult {
  const quoted = typeof error.details?.quoted === 'string' ? fence.quote(error.details.quoted) : undefined;
  const right = error.missingRight;
  const where = right?.namespace === undefined ? '' : ', given in that namespace (rbac.namespaces)';
  const rule = typeof error.details?.rule === 'string' ? error.details.rule : undefined;
  const lines = [
    `Error (${error.code}): ${cleanText(error.message, 2000)}`,
    ...(quoted ? [`Said by the cluster: ${quoted}`] : []),
    ...(error.api
      ? [`Kubernetes API: ${error.api.status}${error.api.reason ? ` ${error.api.reason}` : ''}`]
      : []),
    ...(right
      ? [
          `Missing right: ${right.verb} ${right.resource}${right.subresource ? `/${right.subresource}` : ''}` +
            `${right.group ? ` in API group ${right.group}` : ''}` +
            `${right.namespace ? ` in namespace ${right.namespace}` : ''}${right.identity ? `, for ${right.identity}` : ''}`,
          ...(extra.rightComesWith ? [`It comes with: ${extra.rightComesWith}${where}`] : []),
        ]
      : []),
    ...(rule ? [`Decided by the rule: ${rule}`] : []),
    ...(extra.text ? [extra.text] : []),
    `Suggestion: ${error.hint}`,
  ];
  const structured = {
    error: {
      code: error.code,
      message: cleanText(error.message, 2000),
      hint: error.hint,
      ...(quoted && { quoted }),
      ...(rule && { rule }),
      ...(error.api && { api: error.api }),
      ...(right && {
        missing_right: {
          ...right,
          ...(extra.rightComesWith && { comes_with: extra.rightComesWith }),
        },
      }),
      ...(error.retryAfterSeconds !== undefined && { retry_after_seconds: error.retryAfterSeconds }),
    },
    ...extra.structured,
  };
  return { kind: 'answer', isError: true, text: limitText(lines.join('\n')), structured, error };
}

/** What every writing tool answers; `result` is the tool's own output. */
export function changeOutput(result: z.ZodObject): z.ZodObject {
  return z.object({
    state: z.enum(['dry_run', 'confirmation_required', 'unchanged', 'requested', 'done', 'failed']),
    summary: z.string(),
    message: z.string(),
    namespace: z.string(),
    namespace_source: z.string(),
    steps: z.array(z.object({ what: z.string(), status: z.string() })),
    warnings: z.array(z.string()),
    losses: z.array(z.string()),
    dependants: z.array(
      z.object({
        kind: z.string(),
        name: z.string(),
        namespace: z.string().optional(),
        fate: z.string(),
        note: z.string().optional(),
      }),
    ),
    creations: z
      .array(
        z.object({
          object: z.string(),
          manifest: z.string(),
          changed: z.array(z.object({ path: z.string(), asked: z.string(), stored: z.string().optional() })),
          defaults: z.array(z.string()),
        }),
      )
      .optional(),
    diffs: z.array(z.object({ object: z.string(), diff: z.string() })).optional(),
    confirmation: z
      .object({
        confirm_name: z.string(),
        confirm_token: z.string(),
        expires_at: z.string(),
        repeat_with: z.string(),
      })
      .optional(),
    result: result.optional(),
    error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
  });
}

/** What is advertised of {@link changeOutput}: the same for every writing tool, and enough to read an answer by. */
export const advertisedChangeOutput = z.object({
  state: z.string(),
  summary: z.string(),
  message: z.string(),
  result: z.object({}),
});
