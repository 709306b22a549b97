/** What follows from the configuration as a whole, rather than from one setting. */
import { readFile } from 'node:fs/promises';
import { isLoopback } from '../http/host-origin.ts';
import type { Policy } from '../policy/decide.ts';
import type { ToolSettings } from '../tools/settings.ts';
import type { Config } from './schema.ts';
import { allowedHostsOf, hasSignIn } from './sign-in.ts';
import { UsageError } from './usage-error.ts';

/**
 * Throws {@link UsageError} when HTTP would be served to others than this machine without anybody having to sign in, or
 * without a list of the names that it is reached by.
 */
export function assertMayListen(
  config: Pick<Config, 'host' | 'unsafeAllowAnonymous' | 'allowedHosts' | 'publicUrl' | 'auth'>,
): void {
  if (isLoopback(config.host)) return;
  if (!config.unsafeAllowAnonymous && !hasSignIn(config)) {
    throw new UsageError(
      `Refusing to listen on ${config.host}: nobody has to sign in to this server, so everybody who can reach it could ` +
        'do what it may do.\nSet auth.issuer or auth.tokensFile, listen on 127.0.0.1, or set unsafeAllowAnonymous ' +
        '(--unsafe-allow-anonymous) if something in front of it authenticates its callers.',
    );
  }
  if (allowedHostsOf(config).length === 0) {
    throw new UsageError(
      `To listen on ${config.host}, set publicUrl, or list the host names that clients use in allowedHosts ` +
        '(--allowed-hosts); requests with other names are refused, so that no web page can reach this server under a ' +
        'name of its own.',
    );
  }
}

/** The server-wide switches, as the policy wants them. */
export function policyOf(config: Config): Policy {
  return {
    readOnly: config.readOnly,
    noDestroy: config.noDestroy,
    protectedClusters: config.protectedClusters,
    ...(config.namespaces && { namespaces: config.namespaces }),
    ...(config.toolsets && { toolsets: config.toolsets }),
  };
}

/** What the tools want to know. */
export function toolSettingsOf(config: Config): ToolSettings {
  return {
    maxInstances: config.maxInstances,
    postgresImages: config.postgres.images,
    defaultImageRepository: config.postgres.imageRepository,
    defaultPostgresVersion: config.postgres.defaultVersion,
  };
}

/** The key that seals confirmations; `undefined`: make one. Throws {@link UsageError} when the file is no good. */
export async function confirmationKeyOf(config: Config): Promise<Uint8Array | undefined> {
  if (config.confirmationKey !== undefined) return Buffer.from(config.confirmationKey, 'utf8');
  const file = config.confirmationKeyFile;
  if (file === undefined) return undefined;
  const key = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    throw new UsageError(`confirmationKeyFile: ${file} cannot be read: ${thrown.code ?? thrown.message}.`);
  });
  const bytes = Buffer.from(key.trim(), 'utf8');
  if (bytes.byteLength < 32)
    throw new UsageError(`confirmationKeyFile: ${file} must hold at least 32 characters.`);
  return bytes;
}
