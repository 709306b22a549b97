/** The programs that are measured, each in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { serverProgram } from '../scripts/paths.ts';

export interface Running {
  pid: number;
  url: string;
  /** Milliseconds from the start of the process until it had printed its address. */
  startMilliseconds: number;
  stop(): Promise<void>;
}

/** Starts a program that prints a loopback address when it listens, and waits for the line that `address` finds it in. */
async function start(
  address: RegExp,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Running> {
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const url = await firstAddress(child, address);
  return {
    pid: child.pid as number,
    url,
    startMilliseconds: performance.now() - started,
    async stop() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function firstAddress(child: ChildProcess, address: RegExp): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      text += `${line}\n`;
      const found = address.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
  }
  child.once('exit', (code) =>
    reject(new Error(`The program ended with ${code} before it listened:\n${text}`)),
  );
  return promise;
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
