/**
 * Who may do what: every tool, by callers with every set of scopes and grants, inside and outside their namespaces, under
 * every switch of the server. What is listed and what can be called must agree, and nothing else may decide.
 */
import { describe, expect, it } from 'vitest';
import { principalOf } from '../src/auth/claims.ts';
import { builtInRules, defaultClaimPaths, type GrantRule } from '../src/auth/options.ts';
import { ToolError } from '../src/errors.ts';
import type { KubeGateway } from '../src/kube/gateway.ts';
import { ConfirmationSealer } from '../src/policy/confirmation.ts';
import type { Policy, Tightening } from '../src/policy/decide.ts';
import { type Effect, effects } from '../src/policy/effect.ts';
import { localPrincipal, type Principal } from '../src/policy/principal.ts';
import { catalogue } from '../src/tools/catalog/index.ts';
import type { Tool } from '../src/tools/define-tool.ts';
import { toolsets } from '../src/tools/define-tool.ts';
import type { AuditRecord, PipelineParts } from '../src/tools/pipeline.ts';
import { createToolRegistry } from '../src/tools/registry.ts';
import { defaultToolSettings } from '../src/tools/settings.ts';
import { examples } from './tool-examples.ts';

const rules: readonly GrantRule[] = [
  ...builtInRules,
  { group: 'shop-dba', effect: 'destroy', namespaces: ['shop'] },
  { group: 'role-clerks', effect: 'change', toolsets: ['roles'] },
  { role: 'operator', effect: 'operate' },
];

const tokenOf = (claims: object): Principal =>
  principalOf(
    { iss: 'i', sub: 's', ...claims },
    {
      issuer: 'i',
      audiences: ['a'],
      claims: defaultClaimPaths,
      rules,
      scopePrefix: '',
      maxTokenLifetimeSeconds: 3600,
    },
  );

interface Case {
  principal: Principal;
  /** What this caller may do, worked out by hand: the greatest effect in a namespace and toolset. */
  may(namespace: string, toolset: string): Effect | 'nothing';
  /** Whether another scope can be asked for. */
  canStepUp: boolean;
}

const strongest = (...given: (Effect | 'nothing')[]): Effect | 'nothing' =>
  [...effects].reverse().find((effect) => given.includes(effect)) ?? 'nothing';

const callers: Readonly<Record<string, Case>> = {
  'no scope': { principal: tokenOf({}), may: () => 'nothing', canStepUp: true },
  ...Object.fromEntries(
    effects.map((effect) => [
      `scope cnpg:${effect}`,
      { principal: tokenOf({ scope: `openid cnpg:${effect}` }), may: () => effect, canStepUp: true },
    ]),
  ),
  'scope mcp:write': { principal: tokenOf({ scope: 'mcp:write' }), may: () => 'destroy', canStepUp: true },
  'group of one namespace': {
    principal: tokenOf({ scope: 'cnpg:read', groups: ['shop-dba'] }),
    may: (namespace) => (namespace === 'shop' ? 'destroy' : 'read'),
    canStepUp: true,
  },
  'group of one toolset, and a role': {
    principal: tokenOf({ groups: ['role-clerks'], roles: ['operator'] }),
    may: (_namespace, toolset) => strongest('operate', toolset === 'roles' ? 'change' : 'nothing'),
    canStepUp: true,
  },
  'static token': {
    principal: {
      id: 'token:ci',
      displayName: 'token ci',
      kind: 'token',
      grants: [{ effect: 'change', namespaces: ['shop'], from: 'token ci' }],
    },
    may: (namespace) => (namespace === 'shop' ? 'change' : 'nothing'),
    canStepUp: false,
  },
  'local process': { principal: localPrincipal, may: () => 'destroy', canStepUp: false },
};

const open: Policy = { readOnly: false, noDestroy: false };
const switches: Readonly<Record<string, { policy: Policy; tightening?: Tightening; most: Effect }>> = {
  'no switch': { policy: open, most: 'destroy' },
  'a read-only server': { policy: { ...open, readOnly: true }, most: 'read' },
  'a server that destroys nothing': { policy: { ...open, noDestroy: true }, most: 'change' },
  'a read-only request': { policy: open, tightening: { readOnly: true }, most: 'read' },
};
const serverNamespaces: Readonly<Record<string, readonly string[] | undefined>> = {
  'all namespaces': undefined,
  'the namespace shop only': ['shop'],
  'the namespace billing only': ['billing'],
};
const serverToolsets = [undefined, ...toolsets.map((toolset) => [toolset])];

/** A cluster that cannot be reached: whoever gets there has passed the policy. */
const unreachable = new Proxy({} as KubeGateway, {
  get: (_target, method) => {
    if (method === 'defaultNamespace') return () => ({ name: 'shop', source: 'built-in default' });
    return async () => {
      throw new ToolError('cluster_unreachable', 'The policy let it through.');
    };
  },
});

function server(policy: Policy) {
  const audits: AuditRecord[] = [];
  const parts: PipelineParts = {
    kube: unreachable,
    settings: defaultToolSettings,
    policy,
    sealer: new ConfirmationSealer(),
    confirmation: 'token',
    audit: (record) => audits.push(record),
  };
  const registries = {
    challenge: createToolRegistry(catalogue, parts, { stepUp: true }),
    answer: createToolRegistry(catalogue, parts),
  };
  return { registries, audits };
}

/** The namespace that an argument means; `undefined`: the default one. */
const places = ['shop', 'billing', undefined];

const cells = Object.entries(callers).flatMap(([who, caller]) =>
  Object.entries(switches).flatMap(([how, setting]) =>
    Object.entries(serverNamespaces).map(([where, namespaces]) => ({
      who,
      caller,
      how,
      setting,
      where,
      namespaces,
    })),
  ),
);

describe.each(cells)('$who, $how, $where', ({ caller, setting, namespaces }) => {
  it.each(serverToolsets)(
    'with the toolsets %j: listing and calling agree, for every tool',
    async (enabled) => {
      const { principal, may, canStepUp } = caller;
      const { tightening, most } = setting;
      const { registries, audits } = server({
        ...setting.policy,
        ...(namespaces && { namespaces }),
        ...(enabled && { toolsets: enabled }),
      });
      const listed = {
        challenge: registries.challenge.list(principal, tightening).map(({ name }) => name),
        answer: registries.answer.list(principal, tightening).map(({ name }) => name),
      };
      for (const tool of catalogue) {
        const outcomes = await Promise.all(places.map((namespace) => call(tool, namespace)));
        const callable = outcomes.includes('through');
        const reachable = callable || outcomes.includes('step up');
        expect(listed.answer.includes(tool.name), `${tool.name} is listed`).toBe(callable);
        expect(listed.challenge.includes(tool.name), `${tool.name} is listed with step-up`).toBe(reachable);
      }

      /** Calls a tool, and compares what comes of it with what was worked out by hand. */
      async function call(
        tool: Tool,
        namespace: string | undefined,
      ): Promise<'through' | 'step up' | 'denied'> {
        const args = { ...examples[tool.name], ...(namespace !== undefined && { namespace }) };
        const place = namespace ?? 'shop';
        const needed = effects.indexOf(tool.effect);
        const isOffered =
          (!enabled || enabled.includes(tool.toolset as never)) &&
          (!namespaces || namespaces.includes(place)) &&
          needed <= effects.indexOf(most);
        const granted = may(place, tool.toolset);
        const isGranted = granted !== 'nothing' && effects.indexOf(granted) >= needed;
        const expected = isOffered && isGranted ? 'through' : isOffered && canStepUp ? 'step up' : 'denied';

        const challenge = registries.challenge.stepUp(tool.name, args, principal, tightening);
        const answer = await registries.challenge.call({
          tool: tool.name,
          arguments: args,
          principal,
          ...(tightening && { tightening }),
          requestId: 'r',
          signal: new AbortController().signal,
          canAsk: false,
        });
        if (answer.kind !== 'answer') throw new Error('Nobody can be asked here.');
        const code = answer.error?.code;
        const outcome = challenge ? 'step up' : code === 'cluster_unreachable' ? 'through' : 'denied';
        expect(outcome, `${tool.name} in ${place}: ${answer.text}`).toBe(expected);
        // Whoever skips the look before the call meets the same decision in the call.
        if (outcome === 'step up') {
          expect(code).toBe('insufficient_scope');
          expect(answer.error?.details?.scopes_needed).toEqual(challenge?.scopes);
          expect(challenge?.scopes).toEqual([`cnpg:${tool.effect}`]);
        }
        if (outcome === 'denied') expect(code).toBe('policy_denied');
        expect(audits.at(-1)?.decision.allowed).toBe(outcome === 'through');
        return outcome;
      }
    },
  );
});

describe('all namespaces at once', () => {
  const list = async (policy: Policy, principal: Principal) => {
    const { registries } = server(policy);
    const answer = await registries.answer.call({
      tool: 'list_postgres_clusters',
      arguments: { all_namespaces: true },
      principal,
      requestId: 'r',
      signal: new AbortController().signal,
      canAsk: false,
    });
    if (answer.kind !== 'answer') throw new Error('Nobody can be asked here.');
    return answer.error;
  };

  it('are open to whoever may look everywhere', async () => {
    expect(await list(open, tokenOf({ scope: 'cnpg:read' }))).toMatchObject({ code: 'cluster_unreachable' });
  });

  it('are refused by a server that is limited, which names what there is instead', async () => {
    const error = await list({ ...open, namespaces: ['shop', 'billing'] }, localPrincipal);
    expect(error).toMatchObject({
      code: 'policy_denied',
      message: 'This server is limited to the namespaces shop, billing: name one of them.',
      hint: expect.stringContaining('Pass a namespace that is named'),
    });
  });

  it('are refused to a caller who is limited', async () => {
    const limited: Principal = {
      ...localPrincipal,
      grants: [{ effect: 'read', namespaces: ['shop'], from: 'token ci' }],
    };
    expect(await list(open, limited)).toMatchObject({
      code: 'policy_denied',
      details: { rule: 'grant_namespaces' },
    });
  });
});
