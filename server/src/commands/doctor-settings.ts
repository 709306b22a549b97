/** Checks of `doctor` that need no cluster: whether `serve` would start with these settings. */
import { setTimeout as delay } from 'node:timers/promises';
import { assertMayListen, confirmationKeyOf } from '../config/checks.ts';
import type { Config } from '../config/schema.ts';
import { hasSignIn } from '../config/sign-in.ts';
import { UsageError } from '../config/usage-error.ts';
import { isLoopback } from '../http/host-origin.ts';
import type { ReadinessCheck } from '../http/readiness.ts';
import { createLogger } from '../observability/logger.ts';
import { type Check, check, type Result } from './doctor-check.ts';
import { openSignIn } from './sign-in.ts';

/** Only for a server on HTTP: over stdio nobody listens, and confirmations stay in the process. */
export async function* checkSettings(config: Config): AsyncGenerator<Check> {
  if (config.transport !== 'http') return;
  yield check('listening', await result(() => listening(config)));
  yield check('sign-in', await result(() => signIn(config)));
  yield check('confirmation-key', await result(() => confirmationKey(config)));
}

/** What a check says, or what the server would refuse to start with. */
async function result(look: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await look();
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    const [message = '', ...remedy] = thrown.message.split('\n');
    return { status: 'failed', message, ...(remedy.length > 0 && { remedy: remedy.join(' ') }) };
  }
}

function listening(config: Config): Result {
  assertMayListen(config);
  return {
    status: 'ok',
    message: `${config.host}:${config.port}, and ${config.managementPort} for health and metrics.`,
  };
}

/** How long to wait for an identity provider, in milliseconds. It gets a second and a third chance. */
const patience = 8_000;
const pause = 100;

async function signIn(config: Config): Promise<Result> {
  if (!hasSignIn(config)) {
    if (isLoopback(config.host))
      return { status: 'ok', message: 'Nobody has to: only this machine can call.' };
    return {
      status: 'warning',
      message: 'Nobody has to: whoever can reach the server may do what it may do.',
      remedy:
        'Set auth.issuer or auth.tokensFile, unless something in front of the server authenticates its callers.',
    };
  }
  const open = await openSignIn(config, createLogger({ level: 'silent' }));
  try {
    const end = Date.now() + patience;
    const notReady = async (): Promise<ReadinessCheck | undefined> =>
      (await open.checks()).find(({ ok }) => !ok);
    while ((await notReady()) && Date.now() < end) await delay(pause);
    const { reason } = (await notReady()) ?? {};
    if (reason !== undefined) {
      const remedy =
        'Check auth.issuer, and that connections to it are allowed (networkPolicy.identityProvider of the chart); see also auth.caFile.';
      return { status: 'failed', message: reason, remedy };
    }
  } finally {
    await open.close();
  }
  const { issuer, tokensFile } = config.auth;
  const ways = [
    ...(issuer === undefined ? [] : [`a token of ${issuer}`]),
    ...(tokensFile === undefined ? [] : [`one of the tokens in ${tokensFile}`]),
  ];
  return { status: 'ok', message: `Callers need ${ways.join(', or ')}.` };
}

async function confirmationKey(config: Config): Promise<Result> {
  const key = await confirmationKeyOf(config);
  return {
    status: 'ok',
    message: key
      ? 'All pods with this key accept the confirmations of each other.'
      : 'Made when the server starts: fit for a single one.',
  };
}
