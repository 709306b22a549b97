/** The catalogue as clients see it, and the way to call it. Fed to both protocol generations. */
import { ToolError } from '../errors.ts';
import { decide, type Tightening } from '../policy/decide.ts';
import type { Principal } from '../policy/principal.ts';
import type { ToolCall, ToolCallResult, ToolDescription } from './call.ts';
import type { Tool } from './define-tool.ts';
import { describeTool } from './describe-tool.ts';
import { cleanText } from './fence.ts';
import { type AuditRecord, type PipelineParts, runTool } from './pipeline.ts';
import { policyQuestion } from './policy-question.ts';

/** What an adapter needs of the tools. */
export interface ToolRegistry {
  /**
   * The tools that this principal could call somewhere, in a fixed order; with step-up, also those that it could call with
   * another scope. The same array for the same answer: cacheable by identity.
   */
  list(principal: Principal, tightening?: Tightening): readonly ToolDescription[];
  /** Throws `unknown_tool` for a name that is not in the list; everything else is an answer. */
  call(call: ToolCall): Promise<ToolCallResult>;
  /** Leaves the audit record of a call that never becomes one, because its message is malformed. `tool`: the name, if any. */
  refused(tool: string | undefined, caller: RefusedCaller): void;
  /** The tools that the server's own switches leave, whoever calls. */
  offered: readonly Tool[];
  /** A tool by its name, whoever may call it. */
  find(name: string): Tool | undefined;
  /**
   * What the policy says before a call: the decision, when another scope would change it. `undefined`: go on, the call
   * itself will tell. Without `args` it is asked whether the tool could be called anywhere.
   */
  stepUp(
    tool: string,
    args: Readonly<Record<string, unknown>> | undefined,
    principal: Principal,
    tightening?: Tightening,
  ): StepUp | undefined;
}

/** What is known of whoever made a call that is refused. */
export type RefusedCaller = Pick<ToolCall, 'requestId' | 'principal' | 'traceparent'>;

/** A call that is refused, and would not be with these scopes. */
export interface StepUp {
  scopes: readonly string[];
  reason: string;
}

export interface RegistryOptions {
  /** Callers are told of the scope that a call lacks, so tools are listed that they can reach that way. */
  stepUp?: boolean;
}

/** Somebody with every right: what is denied to it is denied to all. */
const anybody: Principal = {
  id: 'anybody',
  displayName: 'anybody',
  kind: 'anonymous',
  grants: [{ effect: 'destroy', from: 'the question what this server offers' }],
};

/** Builds the registry. Listing and calling ask the same policy. */
export function createToolRegistry(
  tools: readonly Tool[],
  parts: PipelineParts,
  options: RegistryOptions = {},
): ToolRegistry {
  const sorted = [...tools].sort((a, b) => (a.name < b.name ? -1 : 1));
  const byName = new Map(sorted.map((tool) => [tool.name, tool]));
  const descriptions = new Map(sorted.map((tool) => [tool.name, describeTool(tool)]));
  const lists = new Map<string, readonly ToolDescription[]>();
  const isListed = (tool: Tool, principal: Principal, tightening?: Tightening): boolean => {
    const { name, toolset, effect } = tool;
    const decision = decide({ tool: name, toolset, effect }, principal, parts.policy, tightening);
    return decision.allowed || (options.stepUp === true && decision.scopesNeeded !== undefined);
  };
  return {
    offered: sorted.filter((tool) => isListed(tool, anybody)),
    list(principal, tightening) {
      const names = sorted.filter((tool) => isListed(tool, principal, tightening)).map(({ name }) => name);
      const key = names.join(' ');
      const known = lists.get(key);
      if (known) return known;
      const list = names.map((name) => descriptions.get(name) as ToolDescription);
      lists.set(key, list);
      return list;
    },
    call(call) {
      const tool = byName.get(call.tool);
      if (!tool) {
        parts.audit(refusedCall(call.tool, call, 'unknown_tool'));
        throw new ToolError('unknown_tool', 'There is no tool of this name.');
      }
      return runTool(tool, call, parts);
    },
    refused(tool, caller) {
      parts.audit(refusedCall(tool ?? '', caller, 'malformed_call'));
    },
    find: (name) => byName.get(name),
    stepUp(name, args, principal, tightening) {
      const tool = byName.get(name);
      if (!options.stepUp || !tool) return undefined;
      const { toolset, effect } = tool;
      const question = args ? policyQuestion(tool, args, parts.kube) : { tool: name, toolset, effect };
      const decision = decide(question, principal, parts.policy, tightening);
      if (decision.allowed || !decision.scopesNeeded) return undefined;
      return { scopes: decision.scopesNeeded, reason: decision.reason };
    },
  };
}

/** Somebody who asks for tools that are not there, or in a way that is not understood, is in the audit log, too. */
function refusedCall(
  tool: string,
  { requestId, principal, traceparent }: RefusedCaller,
  why: 'unknown_tool' | 'malformed_call',
): AuditRecord {
  return {
    requestId,
    principal: principal.id,
    displayName: principal.displayName,
    ...(principal.client !== undefined && { client: principal.client }),
    tool: cleanText(tool, 100),
    effect: 'unknown',
    decision: { allowed: false, rule: why },
    outcome: why,
    changed: false,
    ...(traceparent !== undefined && { traceparent }),
    durationSeconds: 0,
  };
}
