/** The settings of sign-in: who may come in over HTTP, and what each may do. */
import { z } from 'zod';
import { defaultClaimPaths } from '../auth/options.ts';
import { effects } from '../policy/effect.ts';
import { toolsets } from '../tools/define-tool.ts';
import { providerUrl } from './addresses.ts';
import { setting } from './setting.ts';

const text = (max: number) => z.string().min(1).max(max);
const path = text(4096);
const paths = (preset: readonly string[]) =>
  z
    .array(text(200))
    .min(1)
    .max(20)
    .default([...preset]);

const grantRule = z
  .strictObject({
    scope: text(512).optional(),
    group: text(512).optional(),
    role: text(512).optional(),
    token: text(100).optional(),
    effect: z.enum(effects),
    namespaces: z.array(text(63)).min(1).max(1000).optional(),
    toolsets: z.array(z.enum(toolsets)).min(1).optional(),
  })
  .refine(
    ({ scope, group, role, token }) => [scope, group, role, token].some((value) => value !== undefined),
    'must name a scope, a group, a role or a token',
  )
  .refine(
    ({ scope, group, role, token }) =>
      token === undefined || [scope, group, role].every((value) => value === undefined),
    'a token has no scope, group or role',
  );

const claims = z
  .strictObject({
    scopes: setting(paths(defaultClaimPaths.scopes), {
      section: 'auth',
      description: 'Claims that may hold the scopes; dots lead into objects. The first that is there counts.',
    }),
    groups: setting(paths(defaultClaimPaths.groups), {
      section: 'auth',
      description: 'Claims that may hold the groups of the user.',
    }),
    roles: setting(paths(defaultClaimPaths.roles), {
      section: 'auth',
      description: 'Claims that may hold the roles of the user.',
    }),
    name: setting(paths(defaultClaimPaths.name), {
      section: 'auth',
      description: 'Claims that may hold a name for people to read, in audit lines and messages.',
    }),
    client: setting(paths(defaultClaimPaths.client), {
      section: 'auth',
      description: 'Claims that may hold the id of the OAuth client.',
    }),
  })
  .prefault({});

const introspection = z
  .strictObject({
    clientId: setting(text(512).optional(), {
      section: 'auth',
      description:
        'Client of this server at the identity provider, to ask it about tokens that are no JWT (RFC 7662).',
    }),
    clientSecretFile: setting(path.optional(), {
      section: 'auth',
      description: 'File with the secret of that client.',
    }),
  })
  .prefault({});

const impersonation = z
  .strictObject({
    enabled: setting(z.boolean().default(false), {
      section: 'auth',
      description:
        'Call Kubernetes in the name of the person who calls, so that the rights of that person in Kubernetes decide.',
    }),
    userClaim: setting(text(200).default('sub'), {
      section: 'auth',
      description:
        'Claim with the name of the Kubernetes user. email does not count when the token says that it is not verified.',
    }),
    userPrefix: setting(z.string().max(100).default('oidc:'), {
      section: 'auth',
      description:
        'Put before that name, so that no claim can name a user of another origin. Empty: nothing.',
    }),
    groupPrefix: setting(z.string().max(100).default('oidc:'), {
      section: 'auth',
      description: 'Put before the name of every group. Empty: nothing.',
    }),
    allowedGroups: setting(z.array(text(512)).max(1000).default([]), {
      section: 'auth',
      description:
        'Groups of the token, without the prefix, that are passed on to Kubernetes. Others are not.',
    }),
  })
  .prefault({});

/** Everything below `auth`. */
export const authSettings = z
  .strictObject({
    issuer: setting(providerUrl.optional(), {
      section: 'auth',
      description:
        'Issuer of the identity provider, spelt exactly as in its tokens. With it, every caller needs a token of this provider.',
      alsoEnvironment: ['OIDC_ISSUER'],
    }),
    audiences: setting(z.array(text(2048)).max(100).default([]), {
      section: 'auth',
      description:
        'Accepted values of the claim aud, besides publicUrl: an API identifier, or the client id where the provider writes that.',
      alsoEnvironment: ['OIDC_AUDIENCE'],
    }),
    jwksUri: setting(providerUrl.optional(), {
      section: 'auth',
      description: 'Address of the keys of the provider. Omitted: found by discovery.',
      alsoEnvironment: ['OIDC_JWKS_URI'],
    }),
    requiredScope: setting(text(512).optional(), {
      section: 'auth',
      description:
        'A scope that every token must carry. openid is not asked for: it says that somebody signed in, and is no right.',
      alsoEnvironment: ['OIDC_SCOPE'],
    }),
    scopeGrants: setting(z.boolean().default(true), {
      section: 'auth',
      description:
        'Let the scopes cnpg:read, cnpg:operate, cnpg:change and cnpg:destroy (and mcp:read, mcp:write) give rights by themselves, everywhere. false: only auth.rules do. Set false where the provider gives any scope to whoever asks.',
    }),
    rules: setting(z.array(grantRule).max(1000).default([]), {
      section: 'auth',
      description:
        'Who may do what: each gives an effect (read, operate, change, destroy) to tokens with a scope, a group and a role (all that are named), or to a named token, in some namespaces and toolsets or in all.',
    }),
    scopePrefix: setting(z.string().max(512).default(''), {
      section: 'auth',
      description:
        'Put before a scope when clients are told to ask for it. For Entra ID, whose tokens hold the short name only.',
    }),
    stepUp: setting(z.enum(['challenge', 'answer']).default('challenge'), {
      section: 'auth',
      description:
        'What a call gets that needs another scope. challenge: HTTP 403 that names it, so that the client can ask for it, and such tools are listed. answer: a failed call, for clients that cannot, and they are not listed.',
    }),
    maxTokenLifetimeSeconds: setting(z.int().min(60).max(31_536_000).default(86_400), {
      section: 'auth',
      description: 'Longest time for which a token may still be valid.',
    }),
    claims,
    introspection,
    impersonation,
    caFile: setting(path.optional(), {
      section: 'auth',
      description: 'File with the certificate authorities (PEM) of the identity provider.',
    }),
    tokensFile: setting(path.optional(), {
      section: 'auth',
      description:
        'File with the hashes of bearer tokens and what each allows; read again when it changes. Alone, or besides an issuer.',
    }),
    oidcFile: setting(path.optional(), {
      section: 'auth',
      description:
        'File with issuer, audience, jwks_uri, scope and public_url, below every other source. Omitted: the first of /etc/mcp/oidc.yaml, /config/oidc.yaml and oidc.yaml in the working directory that is there.',
    }),
  })
  .prefault({});
