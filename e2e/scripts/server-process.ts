/** The server that `make up` leaves running, known by a pid file. */
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { output } from './command.ts';
import { Failure } from './failure.ts';
import { runFolder, serverProgram } from './paths.ts';

const pidFile = join(runFolder, 'server.pid');
/** Where the server's output goes. */
export const serverLog: string = join(runFolder, 'server.log');

const startSeconds = 30;
/** Longer than the server takes to let running calls end. */
const stopSeconds = 40;

/** The process id of the server, or undefined when it does not run. A number that now belongs to another program is not it. */
async function runningServer(): Promise<number | undefined> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!Number.isSafeInteger(pid)) return undefined;
  const command = await output('ps', ['-o', 'args=', '-p', String(pid)]).catch(() => '');
  return command.includes(serverProgram) ? pid : undefined;
}

/**
 * Starts the server in the background and waits until it is ready.
 * @param port on 127.0.0.1
 * @throws with the end of its log when it ends, or is not ready in time
 */
export async function startServer(
  args: readonly string[],
  port: number,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await mkdir(runFolder, { recursive: true });
  const log = await open(serverLog, 'w', 0o600);
  const child = spawn(process.execPath, [serverProgram, ...args], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...env, PORT: String(port) },
  });
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  child.once('error', () => resolve());
  child.once('exit', () => resolve());
  await log.close();
  if (child.pid !== undefined) await writeFile(pidFile, `${child.pid}\n`);

  const deadline = AbortSignal.timeout(startSeconds * 1000);
  const ready = untilReady(`http://127.0.0.1:${port}/readyz`, deadline);
  const outcome = await Promise.race([
    ready.then((is) => (is ? 'ready' : 'slow')),
    ended.then(() => 'ended'),
  ]);
  if (outcome === 'ready') {
    child.unref();
    return;
  }
  await stopServer();
  const what = outcome === 'ended' ? 'The server ended' : `The server was not ready after ${startSeconds} s`;
  const tail = (await readFile(serverLog, 'utf8')).trimEnd().split('\n').slice(-15).join('\n');
  throw new Failure(`${what}. The end of ${serverLog}:\n${tail}`);
}

/** Ends the server: asks first, insists later. @returns whether there was one */
export async function stopServer(): Promise<boolean> {
  const pid = await runningServer();
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    const end = Date.now() + stopSeconds * 1000;
    while ((await runningServer()) !== undefined) {
      if (Date.now() > end) process.kill(pid, 'SIGKILL');
      await delay(100);
    }
  }
  await rm(pidFile, { force: true });
  return pid !== undefined;
}

/** Polls a readiness address. @returns false when the deadline passes */
async function untilReady(url: string, deadline: AbortSignal): Promise<boolean> {
  while (!deadline.aborted) {
    const ready = await fetch(url, { signal: deadline }).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return true;
    await delay(100);
  }
  return false;
}
