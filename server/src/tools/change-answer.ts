/** The text and the structured content of a writing tool's answer, for every state that a change can be in. */

import { ToolError } from '../errors.ts';
import { answerLimit, changeOutput, limitText } from './answer.ts';
import type { StepReport } from './apply.ts';
import { boundSize } from './bound-size.ts';
import type { ToolCallResult } from './call.ts';
import type { ChangePlan } from './change-plan.ts';
import type { Creation } from './creation.ts';
import type { ResolvedNamespace, WriteTool } from './define-tool.ts';
import { cleanText, type Fence } from './fence.ts';
import { namespacePhrase } from './namespace.ts';

export type ChangeState = 'dry_run' | 'confirmation_required' | 'unchanged' | 'requested' | 'done' | 'failed';

export interface ChangeAnswerParts {
  state: ChangeState;
  /** What was seen or is to be done, one or two sentences. */
  message: string;
  /** Written by the cluster; shown fenced. */
  quoted?: string | undefined;
  steps: StepReport[];
  admissionWarnings?: string[];
  creations?: Creation[];
  diffs?: { object: string; diff: string }[];
  confirmation?: { confirm_name: string; confirm_token: string; expires_at: string; repeat_with: string };
  result?: Record<string, unknown>;
  /** The tool's own lines. */
  text?: string;
  /** Last line of a dry run: how to make the change for good. */
  toApply?: string;
}

const headings: Record<ChangeState, string> = {
  dry_run: 'Dry run: nothing was changed.',
  confirmation_required: 'Nothing was changed yet: a person has to confirm.',
  unchanged: 'Nothing to do.',
  requested: 'Requested.',
  done: 'Done.',
  failed: 'Failed.',
};

const marks: Record<StepReport['status'], string> = {
  planned: '',
  checked: ' (accepted by the API server)',
  done: ' (done)',
  not_needed: ' (was so already)',
  undone: ' (done, then undone)',
  failed: ' (failed)',
  unknown: ' (it is not known whether this was done)',
  not_seen: ' (nothing seen in this time; went on)',
  not_done: ' (not done)',
};

/** Renders a change. `failed` is an error result; every other state is not. */
export function changeAnswer(
  tool: WriteTool,
  plan: ChangePlan,
  namespace: ResolvedNamespace,
  fence: Fence,
  parts: ChangeAnswerParts,
): ToolCallResult {
  const quoted = fence.quote(parts.quoted);
  const warnings = [
    ...plan.warnings,
    ...(parts.admissionWarnings ?? []).map((warning) => `The API server warns: ${fence.quote(warning)}`),
  ];
  const diffs = parts.diffs?.map(({ object, diff }) => ({
    object,
    diff: fence.quote(diff, answerLimit / 4),
  }));
  const creations = parts.creations?.map((creation) => quoteCreation(creation, fence));
  const message = quoted ? `${parts.message} ${quoted}` : parts.message;
  const error = parts.state === 'failed' ? new ToolError('change_failed', message) : undefined;
  const structured = changeOutput(tool.output).parse({
    state: parts.state,
    summary: plan.summary,
    message,
    namespace: namespace.name,
    namespace_source: namespace.source,
    steps: parts.steps,
    warnings,
    losses: plan.losses,
    dependants: plan.dependants,
    ...(creations && { creations }),
    ...(diffs && { diffs }),
    ...(parts.confirmation && { confirmation: parts.confirmation }),
    ...(parts.result && { result: parts.result }),
    // As every error has it, for clients that look nowhere else.
    ...(error && { error: { code: error.code, message, hint: error.hint } }),
  }) as Record<string, unknown>;
  const lines = [
    `**${headings[parts.state]}** ${message}`.trim(),
    '',
    ...planLines(plan, namespace, parts.steps, warnings),
    ...(creations?.flatMap(creationLines) ?? []),
    ...(diffs?.flatMap(({ object, diff }) => ['', `Changes of ${object}:`, diff]) ?? []),
    ...(parts.text ? ['', parts.text] : []),
    ...(parts.confirmation ? ['', ...confirmationLines(parts.confirmation)] : []),
    ...(parts.toApply ? ['', parts.toApply] : []),
  ];
  return {
    kind: 'answer',
    isError: error !== undefined,
    text: limitText(lines.join('\n')),
    structured: boundSize(structured, answerLimit),
    ...(error && { error }),
  };
}

/** The plan as text: what happens, what is lost, who is touched. */
export function planLines(
  plan: ChangePlan,
  namespace: ResolvedNamespace,
  steps: StepReport[],
  warnings = plan.warnings,
): string[] {
  const section = (title: string, lines: string[]): string[] =>
    lines.length > 0 ? ['', `${title}:`, ...lines] : [];
  return [
    `Plan: ${plan.summary}`,
    `In ${namespacePhrase(namespace)}.`,
    ...section(
      'Steps',
      steps.map(({ what, status }, index) => `${index + 1}. ${what}${marks[status]}`),
    ),
    ...section(
      'Lost for good',
      plan.losses.map((loss) => `- ${loss}`),
    ),
    ...section(
      'Also touched',
      plan.dependants.map(
        ({ kind, name, fate, note }) => `- ${kind} ${name}: ${fate}${note ? ` (${note})` : ''}`,
      ),
    ),
    ...section(
      'Warnings',
      warnings.map((warning) => `- ${warning}`),
    ),
  ];
}

/** What the caller asked for stands as it is; what the API server says of it is quoted. */
function quoteCreation({ manifest, changed, defaults, ...rest }: Creation, fence: Fence): Creation {
  return {
    ...rest,
    manifest: limitText(manifest, answerLimit / 4),
    changed: changed.map(({ path, asked, stored }) => ({
      path: cleanText(path, 200),
      asked: cleanText(asked, 200),
      ...(stored !== undefined && { stored: fence.quote(stored, 200) }),
    })),
    defaults: defaults.filter((path) => fieldPath.test(path)),
  };
}

/** Fields, and keys of maps as Kubernetes has them: nothing in which somebody could write a sentence. */
const fieldPath = /^[\w.[\]/-]{1,200}$/;

/** Names of defaults that a line shows. */
const namedDefaults = 6;

function creationLines({ object, manifest, changed, defaults }: Creation): string[] {
  const rest = defaults.length - namedDefaults;
  const names = [...defaults.slice(0, namedDefaults), ...(rest > 0 ? [`${rest} more`] : [])];
  return [
    '',
    `${object}:`,
    '```yaml',
    manifest,
    '```',
    ...(changed.length > 0 ? ['The API server would store something else than was asked for:'] : []),
    ...changed.map(({ path, asked, stored }) =>
      stored === undefined ? `- ${path}: ${asked} is dropped` : `- ${path}: ${asked} becomes ${stored}`,
    ),
    ...(defaults.length > 0
      ? [
          `The API server fills in ${defaults.length === 1 ? '1 default' : `${defaults.length} defaults`} (${names.join(', ')}).`,
        ]
      : []),
  ];
}

function confirmationLines(confirmation: NonNullable<ChangeAnswerParts['confirmation']>): string[] {
  return [
    'Show this to a person. Only when that person agrees and gives the name, repeat the call with the same arguments and:',
    confirmation.repeat_with,
    `The token is valid once, until ${confirmation.expires_at}.`,
  ];
}
