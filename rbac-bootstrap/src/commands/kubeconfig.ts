import { randomUUID } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { kubeconfigWith, tokenOf } from '../account-token.ts';
import { exitStatus, Failure, usageFailure } from '../exit-status.ts';
import { cluster, installation } from '../flag-table.ts';
import { namespacesOf, serviceAccountOf } from '../objects.ts';
import type { Command } from './command.ts';

/** The API server gives out no token that lives shorter. */
const leastSeconds = 600;
const mostSeconds = 24 * 3600;

export const kubeconfig: Command = {
  summary:
    'Write a kubeconfig (--output FILE, mode 0600) with a token of the service account that lives for --duration.',
  flags: [...installation, ...cluster, 'output', 'duration', 'overwrite'],
  async run({ release, values, output: file, duration, overwrite }, api, { out }) {
    if (!file) throw usageFailure('kubeconfig needs --output FILE: a token is never printed.');
    const seconds = secondsOf(duration);
    const path = resolve(file);
    const account = serviceAccountOf(release, values);
    const { token, expires } = await tokenOf(api, account, seconds);
    const text = kubeconfigWith(api, token, {
      context: `${account.namespace}-${account.name}`,
      namespace: namespacesOf(release, values)?.[0] ?? account.namespace,
    });
    await writePrivately(path, stringify(JSON.parse(text), { lineWidth: 0 }), overwrite);
    out(`Wrote ${path}, which acts as ${account.namespace}/${account.name} until ${expires}.\n`);
    return exitStatus.ok;
  },
};

function secondsOf(text: string): number {
  const match = /^(\d+)(s|m|h)$/.exec(text);
  const seconds = match
    ? Number(match[1]) * { s: 1, m: 60, h: 3600 }[match[2] as 's' | 'm' | 'h']
    : Number.NaN;
  if (!(seconds >= leastSeconds && seconds <= mostSeconds))
    throw usageFailure(`--duration is between 10m and 24h, written like 1h or 30m; not ${text}.`);
  return seconds;
}

/** Nobody else can read the file at any time, and a file that is there is replaced whole or not at all. */
async function writePrivately(path: string, text: string, overwrite: boolean): Promise<void> {
  if (!overwrite) return create(path, text);
  // Renaming would put a file in the place of a device, such as /dev/stdout, for everybody.
  const there = await lstat(path).catch(() => undefined);
  if (there && !there.isFile() && !there.isDirectory())
    throw new Failure(`${path} is a link or a device: name a file.`, exitStatus.failed);
  const beside = join(dirname(path), `.${randomUUID()}`);
  await create(beside, text, path);
  await rename(beside, path).catch(async (thrown: NodeJS.ErrnoException) => {
    await rm(beside, { force: true });
    throw cannotWrite(path, thrown);
  });
}

/** Writes a new file. Errors speak of `target`, for which it is made. */
async function create(path: string, text: string, target = path): Promise<void> {
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle.writeFile(text).finally(() => handle.close());
  } catch (thrown) {
    throw cannotWrite(target, thrown as NodeJS.ErrnoException);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EEXIST: 'exists already: add --overwrite to replace it',
  EISDIR: 'is a folder: name a file',
  ENOENT: 'cannot be written: its folder does not exist',
  EACCES: 'cannot be written: permission denied',
};

function cannotWrite(path: string, { code = 'no code' }: NodeJS.ErrnoException): Failure {
  return new Failure(`${path} ${reasons[code] ?? `cannot be written (${code})`}.`, exitStatus.failed);
}
