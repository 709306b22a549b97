/** From the claims of a verified token to a principal. Pure. */
import type { Impersonation } from '../kube/gateway.ts';
import type { Grant, Principal } from '../policy/principal.ts';
import { builtInRules, type GrantRule, type ImpersonationOptions, type OidcOptions } from './options.ts';

/** Claims as the token has them. */
export type Claims = Readonly<Record<string, unknown>>;

/** The value at the first of the paths that leads to one. A claim may have dots in its own name: that is tried first. */
export function claimAt(claims: Claims, paths: readonly string[]): unknown {
  for (const path of paths) {
    if (Object.hasOwn(claims, path)) return claims[path];
    const value = path.split('.').reduce<unknown>((inner, key) => {
      return inner !== null && typeof inner === 'object' && Object.hasOwn(inner, key)
        ? (inner as Record<string, unknown>)[key]
        : undefined;
    }, claims);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A list claim: an array of strings, or (`spaceSeparated`) one string. Anything else in it is left out. */
function listAt(claims: Claims, paths: readonly string[], spaceSeparated: boolean): string[] {
  const value = claimAt(claims, paths);
  if (typeof value === 'string')
    return spaceSeparated ? value.split(' ').filter((item) => item !== '') : [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function textAt(claims: Claims, paths: readonly string[]): string | undefined {
  const value = claimAt(claims, paths);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Grants by scope, group and role; the same rule never counts twice. */
export function grantsOf(claims: Claims, options: Pick<OidcOptions, 'claims' | 'rules'>): Grant[] {
  const held = {
    scope: new Set(listAt(claims, options.claims.scopes, true)),
    group: new Set(listAt(claims, options.claims.groups, false)),
    role: new Set(listAt(claims, options.claims.roles, false)),
  };
  return [...builtInRules, ...options.rules].flatMap((rule) => {
    const kind = (['scope', 'group', 'role'] as const).find((candidate) => rule[candidate] !== undefined);
    const value = kind && rule[kind];
    return kind && value !== undefined && held[kind].has(value) ? [grantOf(rule, `${kind} ${value}`)] : [];
  });
}

/** The grant that a rule gives. */
export function grantOf(rule: Pick<GrantRule, 'effect' | 'namespaces' | 'toolsets'>, from: string): Grant {
  return {
    effect: rule.effect,
    ...(rule.namespaces && { namespaces: rule.namespaces }),
    ...(rule.toolsets && { toolsets: rule.toolsets }),
    from,
  };
}

/** Why a token that is valid cannot be used all the same. */
export class UnusableClaims extends Error {
  override readonly name = 'UnusableClaims';
}

/** The principal of verified claims. Throws {@link UnusableClaims} when impersonation needs a claim that is not there. */
export function principalOf(claims: Claims, options: OidcOptions): Principal {
  const subject = claims.sub as string;
  const client = textAt(claims, options.claims.client);
  return {
    id: `${options.issuer}|${subject}`,
    displayName: textAt(claims, options.claims.name) ?? subject,
    kind: 'oidc',
    ...(client !== undefined && { client }),
    grants: grantsOf(claims, options),
    ...(options.impersonation && {
      impersonate: impersonationOf(claims, options.impersonation, options.claims.groups),
    }),
  };
}

function impersonationOf(
  claims: Claims,
  options: ImpersonationOptions,
  groupPaths: readonly string[],
): Impersonation {
  const name = textAt(claims, [options.userClaim]);
  if (name === undefined) throw new UnusableClaims(`The token has no claim ${options.userClaim} to act as.`);
  const user = `${options.userPrefix}${name}`;
  const groups = listAt(claims, groupPaths, false)
    .filter((group) => options.allowedGroups.includes(group))
    .map((group) => `${options.groupPrefix}${group}`);
  for (const identity of [user, ...groups]) {
    // Names of the system are not for people, and a header must stay one line.
    if (/^system:/i.test(identity) || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(identity) || identity.length > 512) {
      throw new UnusableClaims('The token names a user or group that must not be acted as.');
    }
  }
  return { user, groups };
}
