/** From the claims of a verified token to a principal. Pure. */
import type { Impersonation } from '../kube/gateway.ts';
import { problemWithIdentity } from '../kube/impersonation.ts';
import { effects } from '../policy/effect.ts';
import type { Grant, ObtainableGrant, Principal } from '../policy/principal.ts';
import { unseen } from '../unseen.ts';
import type { GrantRule, ImpersonationOptions, OidcOptions } from './options.ts';

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

/** What the claims of a token are worth: now, and with one more scope. */
export interface Worth {
  grants: Grant[];
  obtainable: ObtainableGrant[];
}

/** Compares claims with the rules. A rule counts when the token has everything that it names. */
export function worthOf(
  claims: Claims,
  options: Pick<OidcOptions, 'claims' | 'rules' | 'scopePrefix'>,
): Worth {
  const scopes = new Set(listAt(claims, options.claims.scopes, true));
  const groups = new Set(listAt(claims, options.claims.groups, false));
  const roles = new Set(listAt(claims, options.claims.roles, false));
  const worth: Worth = { grants: [], obtainable: [] };
  for (const rule of options.rules) {
    const { scope, group, role, token } = rule;
    const isPerson = (group === undefined || groups.has(group)) && (role === undefined || roles.has(role));
    if (token !== undefined || !isPerson) continue;
    const grant = grantOf(rule, originOf(rule));
    if (scope === undefined || scopes.has(scope)) worth.grants.push(grant);
    else worth.obtainable.push({ ...grant, scope: `${options.scopePrefix}${scope}` });
  }
  return worth;
}

/** `scope cnpg:read`, `scope cnpg:change, group dba`: how a rule is named in audit lines. */
function originOf({ scope, group, role }: GrantRule): string {
  return Object.entries({ scope, group, role })
    .flatMap(([kind, value]) => (value === undefined ? [] : [`${kind} ${value}`]))
    .join(', ');
}

/** The scopes to ask for at first: what every token needs, and the one that the least right comes with. */
export function firstScopes({
  rules,
  requiredScope,
  scopePrefix,
}: Pick<OidcOptions, 'rules' | 'requiredScope' | 'scopePrefix'>): string[] {
  const withScope = rules.filter(({ scope }) => scope !== undefined);
  const [least] = effects.flatMap((effect) => withScope.filter((rule) => rule.effect === effect));
  return [...new Set([requiredScope, least?.scope])].flatMap((scope) =>
    scope === undefined ? [] : [`${scopePrefix}${scope}`],
  );
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

/** Why a token that is valid cannot be used all the same: there is nobody whom the server could act as. No scope helps. */
export class UnusableClaims extends Error {
  override readonly name = 'UnusableClaims';
}

const longestShownName = 255;

/** Often people choose their names themselves: nothing in one ends a line or changes how the rest of a sentence is seen. */
function shownName(name: string): string {
  const seen = [...name].slice(0, longestShownName);
  return seen.map((character) => (unseen.test(character) ? '?' : character)).join('');
}

/** The principal of verified claims. Throws {@link UnusableClaims} when impersonation cannot use who is in them. */
export function principalOf(claims: Claims, options: OidcOptions): Principal {
  const subject = claims.sub as string;
  const client = textAt(claims, options.claims.client);
  return {
    id: `${options.issuer}|${subject}`,
    displayName: shownName(textAt(claims, options.claims.name) ?? subject),
    kind: 'oidc',
    ...(client !== undefined && { client }),
    ...worthOf(claims, options),
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
  if (name === undefined) throw unusable(`it has no claim ${options.userClaim} with a name`);
  // As the API server has it: somebody could have typed in another person's address.
  if (options.userClaim === 'email' && 'email_verified' in claims && claims.email_verified !== true) {
    throw unusable('its email address is not verified');
  }
  const user = `${options.userPrefix}${name}`;
  const groups = listAt(claims, groupPaths, false)
    .filter((group) => options.allowedGroups.includes(group))
    .map((group) => `${options.groupPrefix}${group}`);
  const problem = problemWithIdentity(user);
  if (problem !== undefined) throw unusable(`the name made of its claim ${options.userClaim} ${problem}`);
  if (groups.some((group) => problemWithIdentity(group) !== undefined)) {
    throw unusable(
      'one of its groups has a name that Kubernetes keeps for itself or that a header cannot carry',
    );
  }
  return { user, groups };
}

/** The sentence holds nothing of the token. */
function unusable(why: string): UnusableClaims {
  return new UnusableClaims(
    `The token is valid, but this server cannot act in Kubernetes as the one whom it names: ${why}.`,
  );
}
