/** The one place where it is decided who may call what. Pure: listing and calling ask the same function. */
import { type Effect, effects, includesEffect } from './effect.ts';
import type { Grant, Principal } from './principal.ts';

/** Server-wide switches, from configuration. */
export interface Policy {
  readOnly: boolean;
  noDestroy: boolean;
  /** Namespaces that may be touched at all; omitted: every one. */
  namespaces?: readonly string[];
  /** Toolsets that are enabled; omitted: every one. */
  toolsets?: readonly string[];
  /** Patterns (`*` matches any run of characters) of cluster names that may not be changed by `change` or `destroy`. */
  protectedClusters?: readonly string[];
}

/** What a request itself asks for. It can tighten, never widen. */
export interface Tightening {
  readOnly?: boolean;
}

export interface PolicyQuestion {
  tool: string;
  toolset: string;
  effect: Effect;
  /** The namespace that is touched; `'*'`: all of them; omitted: not known yet (listing). */
  namespace?: string;
  /** The cluster that is touched, for protection by name. */
  cluster?: string;
}

export type Decision =
  | { allowed: true; rule: string }
  | {
      allowed: false;
      rule: string;
      reason: string;
      /** What to do, where more can be said than to ask the administrator. */
      hint?: string;
      /** Set when another scope would have allowed the call: everything the call needs, for a step-up challenge. */
      scopesNeeded?: string[];
    };

const deny = (rule: string, reason: string, hint?: string): Decision => ({
  allowed: false,
  rule,
  reason,
  ...(hint !== undefined && { hint }),
});

/** Decides one call (or, without a namespace, whether a tool is listed). The first rule that denies is named. */
export function decide(
  question: PolicyQuestion,
  principal: Principal,
  policy: Policy,
  tightening: Tightening = {},
): Decision {
  const { effect, toolset, tool, namespace, cluster } = question;
  if (policy.toolsets && !policy.toolsets.includes(toolset)) {
    return deny('toolsets', `The toolset ${toolset} is not enabled on this server.`);
  }
  if (effect !== 'read') {
    if (policy.readOnly) return deny('read_only', `This server is read-only; ${tool} would ${effect}.`);
    if (tightening.readOnly)
      return deny(
        'request_read_only',
        `This request is marked read-only; ${tool} would ${effect}.`,
        'The client sends the header X-Cnpg-Mcp-Read-Only: whoever set the client up can take it out.',
      );
  }
  if (effect === 'destroy' && policy.noDestroy) {
    return deny('no_destroy', `This server does not allow anything to be destroyed; ${tool} would.`);
  }
  if (namespace !== undefined && policy.namespaces && !coversNamespace(policy.namespaces, namespace)) {
    const limit = `This server is limited to the namespaces ${policy.namespaces.join(', ')}`;
    return deny(
      'namespaces',
      namespace === '*' ? `${limit}: name one of them.` : `${limit}; ${namespace} is not one of them.`,
      'Pass a namespace that is named, or ask the administrator of this server for another one (namespaces).',
    );
  }
  if (cluster !== undefined && (effect === 'change' || effect === 'destroy')) {
    const pattern = protectingPattern(policy, cluster);
    if (pattern !== undefined)
      return deny('protected_clusters', `Clusters named ${pattern} are protected on this server.`);
  }
  return decideByGrants(question, principal, policy);
}

function decideByGrants(question: PolicyQuestion, principal: Principal, policy: Policy): Decision {
  const { effect, toolset, tool, namespace } = question;
  const { displayName, grants, obtainable = [] } = principal;
  const fitting = grants.find((grant) => grantCovers(grant, question, policy));
  if (fitting) return { allowed: true, rule: fitting.from };
  const [stepUp] = obtainable
    .filter((grant) => grantCovers(grant, question, policy))
    .sort((a, b) => effects.indexOf(a.effect) - effects.indexOf(b.effect));
  if (stepUp) {
    return {
      allowed: false,
      rule: 'scope',
      reason: `${tool} needs the scope ${stepUp.scope}, which ${displayName} has not been given.`,
      scopesNeeded: [stepUp.scope],
    };
  }
  const strongEnough = grants.filter((grant) => includesEffect(grant.effect, effect));
  if (strongEnough.length === 0) {
    return deny('grant_effect', `${displayName} may not ${effect} here, which ${tool} would.`);
  }
  if (!strongEnough.some((grant) => !grant.toolsets || grant.toolsets.includes(toolset))) {
    return deny('grant_toolsets', `${displayName} may not use the toolset ${toolset}.`);
  }
  const where = namespace === '*' ? 'all namespaces at once' : `the namespace ${namespace}`;
  return deny('grant_namespaces', `${displayName} may not ${effect} in ${where}.`);
}

function grantCovers(
  { effect, toolsets, namespaces }: Grant,
  question: PolicyQuestion,
  policy: Policy,
): boolean {
  if (!includesEffect(effect, question.effect)) return false;
  if (toolsets && !toolsets.includes(question.toolset)) return false;
  if (!namespaces) return true;
  if (question.namespace !== undefined) return coversNamespace(namespaces, question.namespace);
  // Listing: it is enough that there is a namespace which both the caller and the server may touch.
  return namespaces.some((namespace) => !policy.namespaces || policy.namespaces.includes(namespace));
}

function coversNamespace(list: readonly string[], namespace: string): boolean {
  return namespace !== '*' && list.includes(namespace);
}

/** The first pattern that protects clusters of this name from `change` and `destroy`. */
export function protectingPattern(
  { protectedClusters }: Pick<Policy, 'protectedClusters'>,
  cluster: string,
): string | undefined {
  return protectedClusters?.find((pattern) => matches(pattern, cluster));
}

function matches(pattern: string, name: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`, 'u').test(name);
}
