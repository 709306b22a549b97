/**
 * The one way from a call to an answer: parse, policy, plan, dry run, confirmation, apply, observe, audit.
 * It is the only caller of `applyPlan`, so no tool changes anything that did not pass every gate before it.
 */
import { ToolError, toToolError } from '../errors.ts';
import type { KubeGateway } from '../kube/gateway.ts';
import type { ConfirmationSealer } from '../policy/confirmation.ts';
import { type Decision, decide, type Policy, protectingPattern } from '../policy/decide.ts';
import { errorAnswer, readAnswer } from './answer.ts';
import { ApplyError, type ApplyResult, applyPlan, type StepReport, writtenBy } from './apply.ts';
import type { ToolCall, ToolCallResult } from './call.ts';
import { changeAnswer, planLines } from './change-answer.ts';
import type { ChangePlan, Outcome } from './change-plan.ts';
import { bindingOf, confirmationFor, needsConfirmation, twoCall, wayToApply } from './confirm.ts';
import type { Tool, ToolContext, WriteTool } from './define-tool.ts';
import { dryRunPlan } from './dry-run.ts';
import { Fence } from './fence.ts';
import { guardGateway } from './guarded-gateway.ts';
import { resolveNamespace } from './namespace.ts';
import { parseArguments } from './parse-arguments.ts';
import { policyQuestion } from './policy-question.ts';
import { sourceOf } from './preset.ts';
import type { ToolSettings } from './settings.ts';

/** One line of the audit log: what was asked, who decided what, what came of it. Names and numbers only. */
export interface AuditRecord {
  requestId: string;
  principal: string;
  displayName: string;
  client?: string;
  tool: string;
  effect: string;
  namespace?: string;
  /** Name of the role, database or cluster that the call is about, where it names one: as PostgreSQL knows it. */
  object?: string;
  /** The PostgreSQL cluster that the call is about. */
  cluster?: string;
  /** True when something was written, or may have been (an answer was lost), even if it was undone afterwards. */
  changed: boolean;
  decision: { allowed: boolean; rule: string };
  /** `read`, a change's state, or the code of the error. */
  outcome: string;
  planDigest?: string;
  kubernetesUser?: string;
  traceparent?: string;
  durationSeconds: number;
  /** Set for `internal` errors, for the log; never sent to the caller. */
  cause?: unknown;
}

export interface PipelineParts {
  kube: KubeGateway;
  settings: ToolSettings;
  policy: Policy;
  sealer: ConfirmationSealer;
  /** `token`: a person confirms; `argument`: the flag argument alone is enough, for automation. */
  confirmation: 'token' | 'argument';
  audit(record: AuditRecord): void;
  now?: () => Date;
}

/** Everything that is known about a call while it runs; becomes the audit record. */
interface Trail {
  namespace?: string;
  object?: string;
  cluster?: string;
  changed: boolean;
  decision?: Decision;
  outcome: string;
  planDigest?: string;
}

/** The tool that hints send people to, when something is not where it was looked for. */
const clusterLister = { name: 'list_postgres_clusters', toolset: 'clusters', effect: 'read' } as const;

/** Runs one call of one tool. Never throws: every failure is an answer, and every call leaves one audit record. */
export async function runTool(tool: Tool, call: ToolCall, parts: PipelineParts): Promise<ToolCallResult> {
  const started = performance.now();
  const fence = new Fence();
  const trail: Trail = { outcome: 'internal', changed: false };
  let cause: unknown;
  try {
    return await run(tool, call, parts, fence, trail);
  } catch (thrown) {
    const broken = thrown instanceof ApplyError ? thrown : undefined;
    const error = broken?.error ?? toToolError(thrown);
    if (broken) trail.changed = broken.wrote;
    trail.outcome = error.code;
    if (error.code === 'internal') cause = error.cause ?? error;
    return errorAnswer(error, fence, {
      ...(broken && brokenOff(broken)),
      rightComesWith: error.missingRight && sourceOf(tool, error.missingRight),
    });
  } finally {
    const { principal } = call;
    parts.audit({
      requestId: call.requestId,
      principal: principal.id,
      displayName: principal.displayName,
      ...(principal.client !== undefined && { client: principal.client }),
      tool: tool.name,
      effect: tool.effect,
      ...(trail.namespace !== undefined && { namespace: trail.namespace }),
      ...(trail.object !== undefined && { object: trail.object }),
      ...(trail.cluster !== undefined && { cluster: trail.cluster }),
      changed: trail.changed,
      decision: { allowed: trail.decision?.allowed ?? false, rule: trail.decision?.rule ?? 'not reached' },
      outcome: trail.outcome,
      ...(trail.planDigest !== undefined && { planDigest: trail.planDigest }),
      ...(principal.impersonate && { kubernetesUser: principal.impersonate.user }),
      ...(call.traceparent !== undefined && { traceparent: call.traceparent }),
      durationSeconds: (performance.now() - started) / 1000,
      ...(cause !== undefined && { cause }),
    });
  }
}

async function run(
  tool: Tool,
  call: ToolCall,
  parts: PipelineParts,
  fence: Fence,
  trail: Trail,
): Promise<ToolCallResult> {
  const input = parseArguments(tool.name, tool.input, call.arguments);
  const kube = call.principal.impersonate ? parts.kube.as(call.principal.impersonate) : parts.kube;
  const namespace = resolveNamespace(input.namespace, kube);
  const question = policyQuestion(tool, input, kube);
  trail.namespace = question.namespace;
  if (question.cluster) {
    trail.cluster = question.cluster;
    const named = tool.objectArgument === undefined ? undefined : input[tool.objectArgument];
    trail.object = typeof named === 'string' ? named : question.cluster;
  }
  trail.decision = decide(question, call.principal, parts.policy, call.tightening);
  if (!trail.decision.allowed) throw policyError(trail.decision);

  const context: ToolContext = {
    kube: guardGateway(kube, tool, call.signal),
    namespace,
    settings: parts.settings,
    mayLookEverywhere: mayLookEverywhere(call, parts.policy),
    protectingPattern: (cluster) => protectingPattern(parts.policy, cluster),
    signal: call.signal,
    fence,
    progress: withoutRepetitions(call.progress),
    now: parts.now ?? (() => new Date()),
  };
  if (tool.effect === 'read') {
    const answer = readAnswer(tool, await tool.read(context, input), input, context);
    trail.outcome = 'read';
    return answer;
  }
  return change(tool as WriteTool, input, context, call, parts, trail);
}

/** Drops a report that says what the last one said. */
function withoutRepetitions(tell: ToolCall['progress']): ToolContext['progress'] {
  if (!tell) return () => undefined;
  let last = '';
  return (...report) => {
    const said = JSON.stringify(report);
    if (said !== last) tell(...report);
    last = said;
  };
}

/** Asks the policy what it would be asked if the caller listed the clusters of all namespaces. */
function mayLookEverywhere({ principal, tightening }: ToolCall, policy: Policy): boolean {
  const { name, toolset, effect } = clusterLister;
  return decide({ tool: name, toolset, effect, namespace: '*' }, principal, policy, tightening).allowed;
}

function policyError(decision: Extract<Decision, { allowed: false }>): ToolError {
  const code = decision.scopesNeeded ? 'insufficient_scope' : 'policy_denied';
  return new ToolError(code, decision.reason, {
    ...(decision.hint !== undefined && { hint: decision.hint }),
    details: { rule: decision.rule, ...(decision.scopesNeeded && { scopes_needed: decision.scopesNeeded }) },
  });
}

async function change(
  tool: WriteTool,
  input: Record<string, unknown>,
  context: ToolContext,
  call: ToolCall,
  parts: PipelineParts,
  trail: Trail,
): Promise<ToolCallResult> {
  const plan: ChangePlan = await tool.plan(context, input);
  trail.object ??= plan.target.name;
  const binding = bindingOf(tool, input, call, plan);
  trail.planDigest = binding.planDigest;
  const answer = (state: Parameters<typeof changeAnswer>[4]): ToolCallResult => {
    trail.outcome = state.state;
    return changeAnswer(tool, plan, context.namespace, context.fence, state);
  };
  const planned: StepReport[] = plan.operations.map(({ summary }) => ({ what: summary, status: 'planned' }));

  const [refusal] = plan.refusals;
  if (refusal) {
    const others = plan.refusals.slice(1).map(({ reason }) => reason);
    throw new ToolError('refused', [refusal.reason, ...others].join(' '), { hint: refusal.lift });
  }
  if (plan.unchanged !== undefined) return answer({ state: 'unchanged', message: plan.unchanged, steps: [] });
  if (input.dry_run === true) {
    const checked = await dryRunPlan(context.kube, plan.operations);
    return answer({
      state: 'dry_run',
      message: 'The API server accepted every step.',
      ...checked,
      admissionWarnings: checked.warnings,
      toApply: wayToApply(tool, input, parts.confirmation, plan),
    });
  }
  if (needsConfirmation(tool, plan)) {
    const open = confirmationFor(tool, input, call, parts, plan, binding);
    if (open) {
      if (call.canAsk) {
        trail.outcome = 'confirmation_required';
        const message = planLines(plan, context.namespace, planned).join('\n');
        return { kind: 'ask', question: { ...open, message } };
      }
      return answer({
        state: 'confirmation_required',
        message: '',
        steps: planned,
        confirmation: twoCall(tool, open),
      });
    }
  }

  trail.changed = true; // As long as it is not known.
  const applied = await applyPlan(context.kube, plan.operations, {
    requestId: call.requestId,
    signal: call.signal,
    progress: (message) => context.progress(message),
  });
  trail.changed = applied.wrote;
  const outcome: Outcome<Record<string, unknown>> & { text?: string } = applied.stopped
    ? { ...applied.stopped, result: {} }
    : tool.observe
      ? await observeChange(tool, context, plan, input, applied.objects)
      : { state: 'done', message: 'The API server accepted every step.', result: {} };
  const result =
    applied.stopped || !tool.observe
      ? undefined
      : (tool.output.parse(outcome.result) as Record<string, unknown>);
  return answer({
    state: outcome.state,
    message: outcome.message,
    quoted: outcome.quoted,
    steps: applied.steps,
    admissionWarnings: applied.warnings,
    ...(result && { result }),
    // How to connect and the like is no help when the change has failed: the way on is in the message.
    ...(result && tool.text && outcome.state !== 'failed' && { text: tool.text(result, input, plan) }),
  });
}

/** The change is made: whatever goes wrong while watching must not read as if it were not. */
async function observeChange(
  tool: WriteTool,
  context: ToolContext,
  plan: ChangePlan,
  input: Record<string, unknown>,
  objects: ApplyResult['objects'],
): Promise<Outcome<Record<string, unknown>>> {
  const observe = tool.observe as NonNullable<WriteTool['observe']>;
  try {
    return await observe(context, plan, input, writtenBy(plan.operations, objects));
  } catch (thrown) {
    const error = toToolError(thrown);
    if (error.code === 'internal') throw error;
    throw new ToolError(
      error.code,
      `The change was accepted by the API server, but what became of it was not seen: ${error.message}`,
      {
        hint: 'Look at the object before you repeat the call.',
        ...(error.api && { api: error.api }),
        ...(error.missingRight && { missingRight: error.missingRight }),
        cause: error,
      },
    );
  }
}

function brokenOff({ steps, remains, notUndone }: ApplyError): {
  text: string;
  structured: Record<string, unknown>;
} {
  const undone = steps.some(({ status }) => status === 'undone');
  const sentence = remains
    ? 'The steps before it were not undone, or it is not known what became of one; look before you repeat the call.'
    : undone
      ? 'The steps before it were undone: nothing remains.'
      : 'Nothing was changed.';
  const marks = steps.map(({ what, status }, index) => `${index + 1}. ${what} (${status.replace('_', ' ')})`);
  return { text: [sentence, ...notUndone, ...marks].join('\n'), structured: { steps } };
}
