/** The programs that are measured, each in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { serverProgram } from '../scripts/paths.ts';

export interface Running {
  pid: number;
  url: string;
  /** Milliseconds from the start of the process until it had printed its address. */
  startMilliseconds: number;
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();
const folders = new Set<string>();

/** A folder of this run, removed when the run ends in whatever way. */
export async function temporaryFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  folders.add(folder);
  return folder;
}

/** A run that is stopped leaves nothing behind: neither the programs that it started nor their folders. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
process.on('exit', () => {
  for (const child of children) child.kill('SIGTERM');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * Starts a program that prints a loopback address when it listens, and waits for the line that `address` finds it in. What
 * it writes goes to a file: reading it here would take time from what is measured.
 */
async function start(
  address: RegExp,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Running> {
  const folder = await temporaryFolder('cnpg-mcp-bench-output-');
  const file = await open(join(folder, 'output'), 'w+');
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', file.fd, file.fd],
    env: { ...process.env, ...env },
  });
  children.add(child);
  const exited = once(child, 'exit').finally(() => children.delete(child));
  let url: string | undefined;
  while (url === undefined) {
    const text = await readFile(join(folder, 'output'), 'utf8');
    url = address.exec(text)?.[0];
    if (child.exitCode !== null) throw new Error(`The program ended with ${child.exitCode}:\n${text}`);
    if (url === undefined) await delay(2);
  }
  const startMilliseconds = performance.now() - started;
  return {
    pid: child.pid as number,
    url,
    startMilliseconds,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      await file.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The built server on a free port, against the cluster of a kubeconfig. */
export function startServer(kubeconfig: string, env: NodeJS.ProcessEnv = {}): Promise<Running> {
  const args = [serverProgram, 'serve', '--port', '0', '--management-port', '0', '--kubeconfig', kubeconfig];
  return start(/http:\/\/127\.0\.0\.1:\d+(?=\/mcp)/, args, env);
}

/** A program of this folder. */
export function startHelper(name: string, ...args: string[]): Promise<Running> {
  return start(/http:\/\/127\.0\.0\.1:\d+/, [new URL(name, import.meta.url).pathname, ...args]);
}
