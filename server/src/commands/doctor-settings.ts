/** Checks of `doctor` that need no cluster: whether `serve` would start with these settings. */
import { assertMayListen, confirmationKeyOf } from '../config/checks.ts';
import type { Config } from '../config/schema.ts';
import { UsageError } from '../config/usage-error.ts';
import { type Check, check, type Result } from './doctor-check.ts';

/** Only for a server on HTTP: over stdio nobody listens, and confirmations stay in the process. */
export async function* checkSettings(config: Config): AsyncGenerator<Check> {
  if (config.transport !== 'http') return;
  yield check('listening', await result(() => listening(config)));
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

async function confirmationKey(config: Config): Promise<Result> {
  const key = await confirmationKeyOf(config);
  return {
    status: 'ok',
    message: key
      ? 'All pods with this key accept the confirmations of each other.'
      : 'Made when the server starts: fit for a single one.',
  };
}
