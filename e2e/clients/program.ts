/** Clients in other languages: small programs beside this file that take orders, one JSON object a line. */
import { execFile, spawn } from 'node:child_process';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runFolder } from '../scripts/paths.ts';
import type { Answer, ClientKind, Connection } from './connection.ts';

const execFileAsync = promisify(execFile);
const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const built = join(runFolder, 'clients');

/** fastmcp, in a virtual environment that is made when its requirements have changed. */
export const fastmcp: ClientKind = {
  name: 'fastmcp (Python)',
  transport: 'HTTP',
  async connect(url) {
    const environment = join(built, 'python');
    const python = join(environment, 'bin/python');
    const requirements = source('fastmcp/requirements.txt');
    const wanted = await readFile(requirements, 'utf8');
    // Written last, so an installation that was broken off is begun anew.
    const stamp = join(environment, 'installed.txt');
    if ((await readFile(stamp, 'utf8').catch(() => undefined)) !== wanted) {
      await rm(environment, { recursive: true, force: true });
      await execFileAsync('python3', ['-m', 'venv', environment]);
      await execFileAsync(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
      await writeFile(stamp, wanted);
    }
    return start(python, [source('fastmcp/client.py'), url]);
  },
};

/** The Go SDK. The compiler itself keeps what has not changed. */
export const goSdk: ClientKind = {
  name: 'Go SDK',
  transport: 'HTTP',
  async connect(url) {
    await mkdir(built, { recursive: true });
    const program = join(built, 'go-client');
    await execFileAsync('go', ['build', '-mod=readonly', '-o', program, '.'], { cwd: source('go') });
    await access(program);
    return start(program, [url]);
  },
};

/** Starts a program and waits until it is connected, which it says with its version. */
async function start(command: string, args: string[]): Promise<Connection> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('utf8');
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ended: ${complaints}`);
    const parsed = JSON.parse(value as string) as Record<string, unknown>;
    if (typeof parsed.failure === 'string') throw new Error(parsed.failure);
    return parsed;
  };
  const order = (what: object): Promise<Record<string, unknown>> => {
    child.stdin.write(`${JSON.stringify(what)}\n`);
    return answer();
  };
  const { version } = await answer();
  return {
    version: String(version),
    list: async () => (await order({ do: 'list' })).tools as string[],
    call: async (tool, args, reply = { action: 'decline' }) =>
      (await order({ do: 'call', tool, arguments: args, reply })) as unknown as Answer,
    async close() {
      child.stdin.end();
      await exited;
    },
  };
}
