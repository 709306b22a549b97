/** When a change needs a person's yes, what the yes is bound to, and whether the one that was given is good. */
import { ToolError } from '../errors.ts';
import type { KubeObject } from '../kube/gateway.ts';
import { type ConfirmationBinding, type ConfirmationSealer, digest } from '../policy/confirmation.ts';
import type { ToolCall } from './call.ts';
import type { ChangePlan } from './change-plan.ts';
import type { WriteTool } from './define-tool.ts';

/** A question that was not answered yet. */
export interface OpenQuestion {
  /** What must be typed. */
  name: string;
  state: string;
  expiresAt: Date;
}

/** Whether a change needs a person's yes at all. */
export function needsConfirmation(tool: WriteTool, plan: ChangePlan): boolean {
  return plan.confirm ?? tool.effect === 'destroy';
}

/** The last line of a dry run: how the same change is made for good. */
export function wayToApply(
  tool: WriteTool,
  input: Record<string, unknown>,
  confirmation: 'token' | 'argument',
  plan: ChangePlan,
): string {
  const way = 'To apply this, repeat the call without dry_run';
  if (!needsConfirmation(tool, plan)) return `${way}.`;
  const { confirmFlag } = tool;
  if (confirmation === 'token' || confirmFlag === undefined)
    return `${way}: a person is then asked to confirm.`;
  return input[confirmFlag] === true ? `${way}.` : `${way} and with ${confirmFlag}: true.`;
}

/** `undefined` when the change may go ahead; otherwise a new question. Throws when a confirmation was given and is no good. */
export function confirmationFor(
  tool: WriteTool,
  input: Record<string, unknown>,
  call: ToolCall,
  parts: { sealer: ConfirmationSealer; confirmation: 'token' | 'argument' },
  plan: ChangePlan,
  binding: ConfirmationBinding,
): OpenQuestion | undefined {
  const name = plan.confirmName ?? plan.target.name;
  const flag = tool.confirmFlag !== undefined && input[tool.confirmFlag] === true;
  if (parts.confirmation === 'argument' && flag) return undefined;
  const given = givenConfirmation(input, call, tool);
  if (!given) return { name, ...parts.sealer.seal(binding) };
  if (given.action !== 'accept') {
    throw new ToolError('confirmation_declined', 'The person did not confirm. Nothing was changed.');
  }
  // Somebody who was asked in a form has never seen a token.
  const again = call.answer ? { hint: 'Call again to be asked again.' } : {};
  if (given.name !== name) {
    throw new ToolError(
      'confirmation_invalid',
      `The name that was typed is not ${JSON.stringify(name)}. Nothing was changed.`,
      call.answer
        ? again
        : { hint: 'Repeat the call with the name as the person gives it: the token was not used up.' },
    );
  }
  const verdict = parts.sealer.redeem(given.state, binding);
  if (!verdict.valid)
    throw new ToolError('confirmation_invalid', `${verdictText[verdict.reason]} Nothing was changed.`, {
      ...again,
      details: { reason: verdict.reason },
    });
  return undefined;
}

const verdictText = {
  malformed: 'The confirmation token is damaged.',
  forged: 'The confirmation token was not made by this server.',
  expired: 'The confirmation token has expired.',
  used: 'The confirmation token has been used already.',
  other_principal: 'The confirmation token was given to somebody else.',
  other_call: 'The confirmation token belongs to another call.',
  changed:
    'What would be changed is no longer what was shown: the object or what depends on it has changed since.',
} as const;

function givenConfirmation(
  input: Record<string, unknown>,
  call: ToolCall,
  tool: WriteTool,
): { action: string; name?: unknown; state: string } | undefined {
  if (call.answer) return call.answer;
  if (typeof input.confirm_token !== 'string') return undefined;
  if (tool.confirmFlag !== undefined && input[tool.confirmFlag] !== true) {
    throw new ToolError(
      'confirmation_invalid',
      `${tool.confirmFlag} must be true together with confirm_token. Nothing was changed.`,
      {
        hint: `Repeat the call with ${tool.confirmFlag}: true.`,
      },
    );
  }
  return { action: 'accept', name: input.confirm_name, state: input.confirm_token };
}

/** What the two-call way asks for, for clients that cannot put a question to a person. */
export function twoCall(tool: WriteTool, open: OpenQuestion) {
  const confirmation = {
    confirm_name: open.name,
    confirm_token: open.state,
    expires_at: open.expiresAt.toISOString(),
  };
  const flag = tool.confirmFlag ? `${tool.confirmFlag}: true, ` : '';
  return {
    ...confirmation,
    repeat_with: `${flag}confirm_name: ${JSON.stringify(open.name)}, confirm_token: "${open.state}"`,
  };
}

/** What a confirmation of this plan is bound to. */
export function bindingOf(
  tool: WriteTool,
  input: Record<string, unknown>,
  call: ToolCall,
  plan: ChangePlan,
): ConfirmationBinding {
  const {
    confirm: _confirm,
    confirm_deletion: _flag,
    confirm_name: _name,
    confirm_token: _token,
    dry_run: _dry,
    ...rest
  } = input;
  const operations = plan.operations.map((operation) => ({
    verb: operation.verb,
    resource: operation.resource,
    key: operation.key,
    ...('uid' in operation && { uid: operation.uid }),
    ...('body' in operation && { body: operation.body }),
    ...('object' in operation && { object: operation.object }),
    ...('intent' in operation && { intent: operation.intent }),
  }));
  const dependants = plan.dependants.map(({ kind, name, namespace }) => ({ kind, name, namespace }));
  return {
    principal: digest(call.principal.id),
    tool: tool.name,
    argumentsDigest: digest(rest),
    planDigest: digest({ target: { ...plan.target, object: undefined }, operations, dependants }),
    uid: plan.target.object?.metadata.uid ?? '',
    version: versionOf(plan.target.object),
  };
}

/**
 * Digest of everything that people set on an object: its metadata and spec. The status is left out, because a cluster in
 * trouble changes it every few seconds, and just such a cluster must be confirmable.
 */
function versionOf(object: KubeObject | undefined): string {
  if (!object) return '';
  const { status: _status, metadata, ...rest } = object;
  const {
    managedFields: _managed,
    resourceVersion: _version,
    ...kept
  } = metadata as KubeObject['metadata'] & { managedFields?: unknown };
  return digest({ ...rest, metadata: kept });
}
