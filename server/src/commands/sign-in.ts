/** Puts sign-in together from the configuration. What it needs is loaded only where somebody has to sign in. */
import type { Config } from '../config/schema.ts';
import { assertSignIn, hasSignIn, oidcOptionsOf, resourceOf } from '../config/sign-in.ts';
import { UsageError } from '../config/usage-error.ts';
import { type Authenticator, anonymousAuthenticator, localAuthenticator } from '../http/authenticator.ts';
import { isLoopback } from '../http/host-origin.ts';
import type { ReadinessCheck } from '../http/readiness.ts';
import { metadataUrl, type ProtectedResource } from '../http/resource-metadata.ts';
import type { Logger } from '../observability/logger.ts';

export interface SignIn {
  authenticator: Authenticator;
  /** What clients are told about where to sign in. */
  protectedResource?: ProtectedResource;
  /** Whether callers can sign in at the moment. */
  checks(): Promise<readonly ReadinessCheck[]>;
  /** Whether the tokens file is in force as it is now; absent: there is none. */
  tokensFileUsable?(): Promise<boolean>;
  close(): Promise<void>;
}

/** Everybody can read the readiness page, so the cause stands in the log only. */
const staleTokens =
  'The file cannot be used as it is now: the tokens that were read before stay in force. The log says why.';

/**
 * Opens it. An identity provider that cannot be reached is not waited for. Throws {@link UsageError} when the settings
 * contradict each other or a file that they name cannot be used.
 */
export async function openSignIn(config: Config, logger: Logger): Promise<SignIn> {
  assertSignIn(config);
  if (!hasSignIn(config)) {
    const authenticator = isLoopback(config.host) ? localAuthenticator : anonymousAuthenticator;
    return { authenticator, checks: async () => [], close: async () => undefined };
  }
  const options = await oidcOptionsOf(config);
  const { createAuthenticator, firstScopes, openIssuer, openStaticTokens } = await import('../auth/index.ts');
  const { tokensFile, rules, impersonation } = config.auth;
  const tokens =
    tokensFile === undefined
      ? undefined
      : await openStaticTokens({
          path: tokensFile,
          rules,
          mustImpersonate: impersonation.enabled,
          onProblem: (problem) =>
            problem === undefined
              ? logger.info(`The tokens file ${tokensFile} can be used again and is in force.`)
              : logger.warn(
                  `The tokens file ${tokensFile} cannot be used, the tokens read before stay valid: ${problem}`,
                ),
        }).catch((thrown: Error) => {
          throw new UsageError(
            `auth.tokensFile: ${tokensFile} cannot be used: ${thrown.message}.\nCorrect the file. No server starts with it; one that runs goes on with the tokens that it read before.`,
          );
        });
  const issuer = options && openIssuer(options, (message) => logger.warn(message));
  const resource = resourceOf(config);
  if (options && !resource) {
    logger.warn('publicUrl is not set, so clients are not told where to sign in.');
  }
  return {
    authenticator: createAuthenticator({
      ...(options && issuer && { oidc: { options, issuer } }),
      ...(tokens && { tokens }),
      ...(options && resource && { resourceMetadata: metadataUrl(resource) }),
    }),
    ...(options &&
      resource && {
        protectedResource: {
          resource,
          authorizationServers: [options.issuer],
          scopes: firstScopes(options),
        },
      }),
    async checks() {
      const checks: ReadinessCheck[] = [];
      if (issuer) {
        const { ready, reason } = issuer.status();
        checks.push({ name: 'identity-provider', ok: ready, ...(reason !== undefined && { reason }) });
      }
      if (tokens) {
        const stale = (await tokens.problem()) !== undefined;
        checks.push({ name: 'tokens-file', ok: true, ...(stale && { warning: staleTokens }) });
      }
      return checks;
    },
    ...(tokens && { tokensFileUsable: async () => (await tokens.problem()) === undefined }),
    close: async () => issuer?.close(),
  };
}
