import { describe, expect, it } from 'vitest';
import { decide, type Policy, type PolicyQuestion } from './decide.ts';
import { type Effect, effects } from './effect.ts';
import type { Grant, Principal } from './principal.ts';

const open: Policy = { readOnly: false, noDestroy: false };

function principal(...grants: Omit<Grant, 'from'>[]): Principal {
  return {
    id: 'p',
    displayName: 'p',
    kind: 'oidc',
    grants: grants.map((grant, index) => ({ ...grant, from: `grant ${index}` })),
  };
}

const question = (effect: Effect, namespace?: string): PolicyQuestion => ({
  tool: 'a_tool',
  toolset: 'clusters',
  effect,
  ...(namespace !== undefined && { namespace }),
});

describe('decide', () => {
  it.each(effects.flatMap((granted) => effects.map((needed) => [granted, needed] as const)))(
    'a grant for %s, asked for %s',
    (granted, needed) => {
      const decision = decide(question(needed, 'demo'), principal({ effect: granted }), open);
      expect(decision.allowed).toBe(effects.indexOf(granted) >= effects.indexOf(needed));
      if (!decision.allowed) expect(decision.rule).toBe('grant_effect');
    },
  );

  it('names the grant that allowed the call', () => {
    const who = principal({ effect: 'read' }, { effect: 'change', namespaces: ['demo'] });
    expect(decide(question('change', 'demo'), who, open)).toEqual({ allowed: true, rule: 'grant 1' });
  });

  it('names the least scope that would have allowed the call, where one would', () => {
    const who: Principal = {
      ...principal({ effect: 'read' }),
      obtainable: [
        { effect: 'destroy', from: 'scope all', scope: 'all' },
        { effect: 'change', from: 'scope shop', scope: 'shop', namespaces: ['shop'] },
      ],
    };
    expect(decide(question('change', 'shop'), who, open)).toMatchObject({
      allowed: false,
      rule: 'scope',
      scopesNeeded: ['shop'],
    });
    expect(decide(question('change', 'demo'), who, open)).toMatchObject({ scopesNeeded: ['all'] });
    expect(decide(question('destroy', 'shop'), who, { ...open, noDestroy: true })).not.toHaveProperty(
      'scopesNeeded',
    );
  });

  it('keeps a grant inside its namespaces; all namespaces at once need an unlimited grant', () => {
    const who = principal({ effect: 'destroy', namespaces: ['demo'] });
    expect(decide(question('destroy', 'demo'), who, open).allowed).toBe(true);
    expect(decide(question('read', 'other'), who, open)).toMatchObject({
      allowed: false,
      rule: 'grant_namespaces',
    });
    expect(decide(question('read', '*'), who, open)).toMatchObject({
      allowed: false,
      rule: 'grant_namespaces',
    });
    expect(decide(question('read'), who, open).allowed, 'listing does not know the namespace yet').toBe(true);
  });

  it('keeps a grant inside its toolsets', () => {
    const who = principal({ effect: 'read', toolsets: ['roles'] });
    expect(decide(question('read', 'demo'), who, open)).toMatchObject({
      allowed: false,
      rule: 'grant_toolsets',
    });
  });

  it.each([
    ['readOnly', { ...open, readOnly: true }, ['read']],
    ['noDestroy', { ...open, noDestroy: true }, ['read', 'operate', 'change']],
  ] as const)('the switch %s leaves only what it should', (_name, policy, left) => {
    const allowed = effects.filter(
      (effect) => decide(question(effect, 'demo'), principal({ effect: 'destroy' }), policy).allowed,
    );
    expect(allowed).toEqual(left);
  });

  it('a request can tighten but not widen', () => {
    const who = principal({ effect: 'destroy' });
    expect(decide(question('change', 'demo'), who, open, { readOnly: true })).toMatchObject({
      allowed: false,
      rule: 'request_read_only',
      hint: expect.stringContaining('X-Cnpg-Mcp-Read-Only'),
    });
    expect(
      decide(question('change', 'demo'), who, { ...open, readOnly: true }, { readOnly: false }).allowed,
    ).toBe(false);
  });

  it("the server's namespaces and toolsets bind everybody", () => {
    const who = principal({ effect: 'destroy' });
    const policy = { ...open, namespaces: ['demo'], toolsets: ['clusters'] };
    expect(decide(question('read', 'demo'), who, policy).allowed).toBe(true);
    expect(decide(question('read', 'other'), who, policy)).toMatchObject({
      allowed: false,
      rule: 'namespaces',
      reason: 'This server is limited to the namespaces demo; other is not one of them.',
      hint: expect.stringContaining('Pass a namespace that is named'),
    });
    expect(decide(question('read', '*'), who, policy)).toMatchObject({ allowed: false, rule: 'namespaces' });
    expect(decide({ ...question('read', 'demo'), toolset: 'roles' }, who, policy)).toMatchObject({
      allowed: false,
      rule: 'toolsets',
    });
  });

  it('protects clusters by name pattern against change and destruction, not against looking and operating', () => {
    const policy = { ...open, protectedClusters: ['prod-*', 'a.b'] };
    const who = principal({ effect: 'destroy' });
    const on = (effect: Effect, cluster: string) =>
      decide({ ...question(effect, 'demo'), cluster }, who, policy).allowed;
    expect(effects.filter((effect) => on(effect, 'prod-orders'))).toEqual(['read', 'operate']);
    expect(on('destroy', 'my-prod-orders')).toBe(true);
    expect(on('destroy', 'axb'), 'a dot in a pattern is a dot').toBe(true);
  });

  it('somebody without grants may do nothing', () => {
    expect(effects.some((effect) => decide(question(effect), principal(), open).allowed)).toBe(false);
  });
});
