/** One terminal: a bash in which commands are typed one after the other, so that variables, aliases and `cd` stay. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** The words of a command, without what comes after a pipe or goes to a file, as the shell hands them to the program. */
export async function wordsOf(line: string, variables: Record<string, string> = {}): Promise<string[]> {
  const [command = ''] = line.split(/ [|>] /);
  // An unset variable is an error: the page does not say where it comes from.
  const { stdout } = await promisify(execFile)('bash', ['-u', '-c', `printf '%s\\0' ${command}`], {
    env: { ...process.env, ...variables },
  });
  return stdout.split('\0').slice(0, -1);
}

export interface Outcome {
  /** Exit status. */
  status: number;
  /** Standard output and standard error, as they came. */
  output: string;
}

/** A command that goes on running. */
export interface Job {
  /** What it has written so far. */
  output(): Promise<string>;
  /** Presses Ctrl-C and waits for its end; returns the exit status. */
  stop(): Promise<number>;
  /** Whether it is still there. */
  isRunning(): Promise<boolean>;
}

export class Shell {
  readonly #bash: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #folder: string;
  #jobs = 0;

  private constructor(bash: ChildProcess, folder: string) {
    this.#bash = bash;
    this.#folder = folder;
    if (!bash.stdout) throw new Error('bash has no standard output.');
    this.#answers = createInterface({ input: bash.stdout })[Symbol.asyncIterator]();
  }

  /** Opens a terminal in this folder. */
  static async open(options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<Shell> {
    const folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-shell-'));
    // A process group of its own, so that all of it can be ended.
    const bash = spawn('bash', ['--noprofile', '--norc'], {
      ...options,
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const shell = new Shell(bash, folder);
    // What an interactive shell has: aliases, and a process group for each job, which Ctrl-C goes to.
    await shell.#type('shopt -s expand_aliases; set -m; echo ready');
    return shell;
  }

  /** Types a command and waits for its end. Throws when it takes longer. */
  async run(command: string, seconds: number): Promise<Outcome> {
    const file = join(this.#folder, 'output');
    const typed = this.#type(`{ ${command}\n} >'${file}' 2>&1 </dev/null; echo $?`);
    const late = new AbortController();
    const limit = delay(seconds * 1000, undefined, { signal: late.signal }).then(
      async () => {
        throw new Error(`Not done within ${seconds} s: ${command}\n${await readFile(file, 'utf8')}`);
      },
      () => '',
    );
    try {
      const status = Number(await Promise.race([typed, limit]));
      return { status, output: await readFile(file, 'utf8') };
    } finally {
      late.abort();
    }
  }

  /** Types a command that goes on running. */
  async start(command: string): Promise<Job> {
    const file = join(this.#folder, `job-${++this.#jobs}`);
    await writeFile(file, '');
    const pid = Number(await this.#type(`{ ${command}\n} >'${file}' 2>&1 </dev/null & echo $!`));
    return {
      output: () => readFile(file, 'utf8'),
      stop: async () => Number(await this.#type(`kill -INT -- -${pid} 2>/dev/null; wait ${pid}; echo $?`)),
      isRunning: async () =>
        (await this.#type(`kill -0 ${pid} 2>/dev/null && echo yes || echo no`)) === 'yes',
    };
  }

  /** Closes the terminal; what still runs in it is ended. */
  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#bash.once('exit', resolve));
    if (this.#bash.exitCode === null && this.#bash.pid !== undefined) {
      this.#bash.stdin?.end('kill $(jobs -p) 2>/dev/null; exit\n');
      const late = setTimeout(() => this.#bash.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(late);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Types a line that prints one line; returns that. */
  async #type(line: string): Promise<string> {
    this.#bash.stdin?.write(`${line}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`The shell ended at: ${line}`);
    return value as string;
  }
}
