import { describe, expect, it } from 'vitest';
import { claimAt, firstScopes, principalOf, UnusableClaims, worthOf } from './claims.ts';
import { builtInRules, defaultClaimPaths, type GrantRule, type OidcOptions } from './options.ts';

const base: OidcOptions = {
  issuer: 'https://idp.example.com',
  audiences: ['https://mcp.example.com/mcp'],
  claims: defaultClaimPaths,
  rules: builtInRules,
  scopePrefix: '',
  maxTokenLifetimeSeconds: 86_400,
};

const effectsOf = (claims: Record<string, unknown>, rules: readonly GrantRule[] = builtInRules): string[] =>
  worthOf(claims, { ...base, rules }).grants.map(({ effect }) => effect);

describe('grants from claims', () => {
  it.each([
    ['scope as one string', { scope: 'openid cnpg:change' }, ['change']],
    ['scp as a list, as Okta writes', { scp: ['cnpg:operate'] }, ['operate']],
    ['scp as a string, as Entra writes', { scp: 'cnpg:read' }, ['read']],
    ['mcp:read', { scope: 'mcp:read' }, ['read']],
    ['mcp:write', { scope: 'mcp:write' }, ['destroy']],
    ['nothing of ours', { scope: 'openid profile' }, []],
    ['no scope claim', {}, []],
  ])('%s', (_name, claims, expected) => {
    expect(effectsOf(claims)).toEqual(expected);
  });

  it('come from groups and roles too, limited as the rule says', () => {
    const rules: GrantRule[] = [
      { group: 'dba', effect: 'destroy', namespaces: ['shop'] },
      { role: 'operator', effect: 'operate', toolsets: ['clusters'] },
    ];
    const claims = { groups: ['dba', 'staff'], realm_access: { roles: ['operator'] } };
    expect(worthOf(claims, { ...base, rules }).grants).toEqual([
      { effect: 'destroy', namespaces: ['shop'], from: 'group dba' },
      { effect: 'operate', toolsets: ['clusters'], from: 'role operator' },
    ]);
  });

  it('need everything that a rule names; what only lacks its scope can be had', () => {
    const rules: GrantRule[] = [
      { scope: 'write', group: 'dba', effect: 'change', namespaces: ['shop'] },
      { scope: 'all', role: 'admin', effect: 'destroy' },
    ];
    const worth = (claims: Record<string, unknown>) =>
      worthOf(claims, { ...base, rules, scopePrefix: 'https://mcp.example.com/mcp/' });
    expect(worth({ groups: ['dba'], scope: 'write' }).grants).toEqual([
      { effect: 'change', namespaces: ['shop'], from: 'scope write, group dba' },
    ]);
    expect(worth({ scope: 'write all' }).grants).toEqual([]);
    expect(worth({ groups: ['dba'] })).toMatchObject({
      grants: [],
      obtainable: [{ effect: 'change', scope: 'https://mcp.example.com/mcp/write' }],
    });
    expect(worth({ scope: 'write all' }).obtainable).toEqual([]);
  });

  it('never come from a rule for a static token', () => {
    expect(effectsOf({ groups: ['ci'] }, [{ token: 'ci', effect: 'destroy' }])).toEqual([]);
  });

  it('do not come from a group that is part of another name', () => {
    expect(effectsOf({ groups: 'dba staff' }, [{ group: 'dba', effect: 'destroy' }])).toEqual([]);
  });
});

describe('claimAt', () => {
  it('prefers a claim whose own name has dots, as URL-like claims do', () => {
    expect(claimAt({ 'a.b': 1, a: { b: 2 } }, ['a.b'])).toBe(1);
    expect(claimAt({ a: { b: 2 } }, ['x', 'a.b'])).toBe(2);
  });

  it('never reaches into the prototype', () => {
    expect(claimAt({}, ['constructor', '__proto__.toString', 'toString'])).toBeUndefined();
  });
});

describe('the name that is shown', () => {
  it('holds nothing that ends a line or is not seen, and is not without end; who it is stays as it was', () => {
    const evil = 'eve\r\n\u202eadmin\u0000';
    expect(principalOf({ sub: evil }, base)).toMatchObject({
      id: `${base.issuer}|${evil}`,
      displayName: 'eve???admin?',
    });
    expect(principalOf({ sub: 'Ünï 日本 O’Neil' }, base).displayName).toBe('Ünï 日本 O’Neil');
    expect(principalOf({ sub: 's', name: 'x'.repeat(9000) }, base).displayName).toHaveLength(255);
  });
});

describe('impersonation', () => {
  const options: OidcOptions = {
    ...base,
    impersonation: {
      userClaim: 'email',
      userPrefix: 'oidc:',
      groupPrefix: 'oidc:',
      allowedGroups: ['dba', 'viewers'],
    },
  };

  it('uses prefixes, and passes on only the groups that are allowed', () => {
    const { impersonate } = principalOf(
      { sub: 's', email: 'alice@example.com', groups: ['dba', 'admins'] },
      options,
    );
    expect(impersonate).toEqual({ user: 'oidc:alice@example.com', groups: ['oidc:dba'] });
  });

  it.each([
    ['no claim to act as', { sub: 's' }],
    ['a claim that is a list', { sub: 's', email: ['alice'] }],
    ['an address that is not verified', { sub: 's', email: 'alice@example.com', email_verified: false }],
    ['a name beyond ASCII, which no header carries for certain', { sub: 's', email: 'älice@example.com' }],
    ['a space at the end, which is cut off on the way', { sub: 's', email: 'alice ' }],
    ['a line break', { sub: 's', email: 'alice\r\nImpersonate-Group: system:masters' }],
  ])('is refused with %s', (_name, claims) => {
    expect(() => principalOf(claims, options)).toThrow(UnusableClaims);
  });

  it.each(['system:admin', 'SYSTEM:masters', 'system:serviceaccount:kube-system:default'])(
    'never becomes %s, even without a prefix',
    (email) => {
      const bare = {
        ...options,
        impersonation: { ...options.impersonation, userPrefix: '' } as OidcOptions['impersonation'],
      };
      expect(() => principalOf({ sub: 's', email }, bare as OidcOptions)).toThrow(UnusableClaims);
    },
  );

  it('never acts for a group of the system, even when the allow-list names it', () => {
    const bare = {
      ...options,
      impersonation: {
        userClaim: 'email',
        userPrefix: '',
        groupPrefix: '',
        allowedGroups: ['system:masters'],
      },
    };
    expect(() => principalOf({ sub: 's', email: 'a', groups: ['system:masters'] }, bare)).toThrow(
      UnusableClaims,
    );
  });
});

describe('the scopes to ask for at first', () => {
  it('are what every token needs and the least that gives a right, as the provider knows them', () => {
    expect(firstScopes(base)).toEqual(['cnpg:read']);
    const rules: GrantRule[] = [
      { group: 'dba', effect: 'read' },
      { scope: 'rw', effect: 'change' },
      { scope: 'ro', effect: 'operate' },
    ];
    const options = { ...base, rules, requiredScope: 'mcp', scopePrefix: 'api/' };
    expect(firstScopes(options)).toEqual(['api/mcp', 'api/ro']);
    expect(firstScopes({ ...base, rules: [{ group: 'dba', effect: 'read' }] })).toEqual([]);
  });
});
