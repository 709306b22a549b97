/** What follows from the settings of sign-in: where this server is, whose tokens it takes, and what they are worth. */
import { readFile } from 'node:fs/promises';
import { builtInRules, type OidcOptions } from '../auth/options.ts';
import { problemWithIdentity } from '../kube/impersonation.ts';
import type { Config } from './schema.ts';
import { UsageError } from './usage-error.ts';

/** True when callers must show a token. */
export function hasSignIn({ auth }: Pick<Config, 'auth'>): boolean {
  return auth.issuer !== undefined || auth.tokensFile !== undefined;
}

/** This server as a protected resource (RFC 9728): its address as clients know it, in canonical form. */
export function resourceOf({ publicUrl }: Pick<Config, 'publicUrl'>): URL | undefined {
  if (publicUrl === undefined) return undefined;
  const url = new URL(publicUrl);
  url.pathname = url.pathname === '/' ? '/mcp' : url.pathname.replace(/\/$/, '');
  return url;
}

/** Host names that clients may use: the listed ones, and that of the public address. */
export function allowedHostsOf(config: Pick<Config, 'allowedHosts' | 'publicUrl'>): string[] {
  const host = resourceOf(config)?.hostname;
  return [...new Set([...config.allowedHosts, ...(host === undefined ? [] : [host])])];
}

/** Throws {@link UsageError} when the settings of sign-in contradict each other or lack something. Reads no file. */
export function assertSignIn(config: Config): void {
  const { auth } = config;
  const problems = [
    config.unsafeAllowAnonymous &&
      hasSignIn(config) &&
      'unsafeAllowAnonymous contradicts auth.issuer and auth.tokensFile: callers either sign in or they do not.',
    auth.issuer !== undefined &&
      auth.audiences.length === 0 &&
      config.publicUrl === undefined &&
      'With auth.issuer, publicUrl (or auth.audiences) must say what its tokens are issued for; else tokens for other services would do.',
    auth.issuer === undefined &&
      (auth.audiences.length > 0 || auth.jwksUri !== undefined) &&
      'auth.audiences and auth.jwksUri mean nothing without auth.issuer.',
    auth.issuer === undefined &&
      auth.impersonation.enabled &&
      auth.tokensFile === undefined &&
      'auth.impersonation needs callers who sign in: set auth.issuer or auth.tokensFile.',
    (auth.introspection.clientId === undefined) !== (auth.introspection.clientSecretFile === undefined) &&
      'auth.introspection needs both clientId and clientSecretFile.',
    ...(auth.impersonation.enabled ? problemsWithImpersonation(auth.impersonation) : []),
  ].filter((problem) => typeof problem === 'string');
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
}

/** Claims that people choose themselves at many providers; none of them identifies anybody (OpenID Connect Core 1.0, 5.7). */
const chosenByPeople = ['preferred_username', 'nickname', 'name', 'given_name', 'family_name'];

/** Settings by which a caller could become somebody of Kubernetes that nobody meant, or by which nobody could act at all. */
function problemsWithImpersonation({
  userClaim,
  userPrefix,
  groupPrefix,
  allowedGroups,
}: Config['auth']['impersonation']): string[] {
  const names = {
    'auth.impersonation.userPrefix': [`${userPrefix}x`],
    'auth.impersonation.groupPrefix': [`${groupPrefix}x`],
    'auth.impersonation.allowedGroups, behind the groupPrefix,': allowedGroups.map(
      (group) => `${groupPrefix}${group}`,
    ),
  };
  const unusable = Object.entries(names).flatMap(([setting, list]) => {
    const [problem] = list.flatMap((name) => problemWithIdentity(name) ?? []);
    return problem === undefined ? [] : [`${setting} ${problem}.`];
  });
  if (userPrefix !== '' || !chosenByPeople.includes(userClaim)) return unusable;
  return [
    ...unusable,
    `auth.impersonation.userPrefix must not be empty with the userClaim ${userClaim}: people choose it, and could take the name of a Kubernetes user who is somebody else. Set a prefix, or use a claim such as sub.`,
  ];
}

/**
 * The options of the identity provider; `undefined` when none is configured. Throws {@link UsageError} when a file that is
 * named cannot be read.
 */
export async function oidcOptionsOf(config: Config): Promise<OidcOptions | undefined> {
  const { auth } = config;
  if (auth.issuer === undefined) return undefined;
  const resource = resourceOf(config);
  const { clientId, clientSecretFile } = auth.introspection;
  const ca = auth.caFile === undefined ? undefined : await content('auth.caFile', auth.caFile);
  const { enabled: impersonates, ...impersonation } = auth.impersonation;
  return {
    issuer: auth.issuer,
    audiences: [...auth.audiences, ...(resource ? spellings(resource) : [])],
    ...(auth.jwksUri !== undefined && { jwksUri: auth.jwksUri }),
    ...(auth.requiredScope !== undefined &&
      auth.requiredScope !== 'openid' && { requiredScope: auth.requiredScope }),
    scopePrefix: auth.scopePrefix,
    claims: auth.claims,
    rules: [...(auth.scopeGrants ? builtInRules : []), ...auth.rules],
    maxTokenLifetimeSeconds: auth.maxTokenLifetimeSeconds,
    ...(clientId !== undefined &&
      clientSecretFile !== undefined && {
        introspection: {
          clientId,
          clientSecret: (await content('auth.introspection.clientSecretFile', clientSecretFile)).trim(),
        },
      }),
    ...(impersonates && { impersonation }),
    ...(ca !== undefined && { ca }),
  };
}

/** An audience with and without the slash at its end is the same to identity providers, and clients add one. */
function spellings({ href }: URL): string[] {
  return [href, `${href}/`];
}

async function content(setting: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    throw new UsageError(`${setting}: ${file} cannot be read: ${thrown.code ?? thrown.message}.`);
  });
}
