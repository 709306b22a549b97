/** What a site says about sign-in. Plain data; the configuration schema produces it. */
import type { Effect } from '../policy/effect.ts';

/** Gives a grant to tokens that have everything it names: a scope, a group, a role; or to the static token of a name. */
export interface GrantRule {
  scope?: string | undefined;
  group?: string | undefined;
  role?: string | undefined;
  token?: string | undefined;
  effect: Effect;
  namespaces?: readonly string[] | undefined;
  toolsets?: readonly string[] | undefined;
}

/** Where the interesting claims are; dots lead into objects (`realm_access.roles`). The first path that is there wins. */
export interface ClaimPaths {
  scopes: readonly string[];
  groups: readonly string[];
  roles: readonly string[];
  name: readonly string[];
  client: readonly string[];
}

export const defaultClaimPaths: ClaimPaths = {
  scopes: ['scope', 'scp'],
  groups: ['groups'],
  roles: ['roles', 'realm_access.roles'],
  name: ['preferred_username', 'email', 'name'],
  client: ['client_id', 'azp', 'cid', 'appid'],
};

/** Calls to Kubernetes in the name of the caller. */
export interface ImpersonationOptions {
  userClaim: string;
  /** Put before the user's name, so that no claim can name a service account or another realm's user. */
  userPrefix: string;
  groupPrefix: string;
  /** Only these groups (without the prefix) are passed on. */
  allowedGroups: readonly string[];
}

export interface OidcOptions {
  /** Exactly as it stands in tokens and in the issuer's discovery document. */
  issuer: string;
  /** Accepted values of `aud`: this server's resource identifier, and what else the identity provider writes. */
  audiences: readonly string[];
  /** Omitted: found by discovery. */
  jwksUri?: string;
  /** A scope that every token must carry, besides those that the grants ask for. */
  requiredScope?: string;
  /** Put before a scope when a client is told to ask for it; tokens carry it without. */
  scopePrefix: string;
  claims: ClaimPaths;
  /** All rules that count, with {@link builtInRules} where scopes give rights by themselves. */
  rules: readonly GrantRule[];
  /** Longest time that a token may still be valid, in seconds. */
  maxTokenLifetimeSeconds: number;
  /** Client of this server for RFC 7662, for opaque tokens. */
  introspection?: { clientId: string; clientSecret: string };
  impersonation?: ImpersonationOptions;
  /** PEM of the certificate authorities that the identity provider's certificate may come from. */
  ca?: string;
}

/** What scopes mean by themselves. `mcp:read` and `mcp:write` are common names at other servers. */
export const builtInRules: readonly GrantRule[] = [
  { scope: 'cnpg:read', effect: 'read' },
  { scope: 'cnpg:operate', effect: 'operate' },
  { scope: 'cnpg:change', effect: 'change' },
  { scope: 'cnpg:destroy', effect: 'destroy' },
  { scope: 'mcp:read', effect: 'read' },
  { scope: 'mcp:write', effect: 'destroy' },
];
