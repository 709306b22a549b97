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
  /** Process groups of what was started. */
  readonly #jobs: number[] = [];

  private constructor(bash: ChildProcess, folder: string) {
    this.#bash = bash;
    this.#folder = folder;
    if (!bash.stdout) throw new Error('bash has no standard output.');
    this.#answers = createInterface({ input: bash.stdout })[Symbol.asyncIterator]();
  }

  /** Opens a terminal in this folder. */
  static async open(options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<Shell> {
    const folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-shell-'));
    // A process group of its own, so that a command that hangs can be ended with it.
    const bash = spawn('bash', ['--noprofile', '--norc'], {
      ...options,
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const shell = new Shell(bash, folder);
    // What is typed after its end is answered by that, in #type.
    bash.stdin?.on('error', () => undefined);
    // As in an interactive shell.
    await shell.#type('shopt -s expand_aliases; echo ready');
    return shell;
  }

  /** Types a command and waits for its end. When it takes longer, it throws, and the terminal is closed: nothing can be typed any more. */
  async run(command: string, seconds: number): Promise<Outcome> {
    const file = join(this.#folder, 'output');
    const typed = this.#type(`{ ${command}\n} >'${file}' 2>&1 </dev/null; echo $?`);
    const late = new AbortController();
    const limit = delay(seconds * 1000, undefined, { signal: late.signal }).then(
      async () => {
        // Read first: once the shell is gone, what was typed is rejected as well, and says less.
        const written = await readFile(file, 'utf8');
        this.#kill();
        throw new Error(`Not done within ${seconds} s: ${command}\n${written}`);
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
    const file = join(this.#folder, `job-${this.#jobs.length}`);
    await writeFile(file, '');
    // With `set -m` it has a process group of its own, to which Ctrl-C goes.
    const typed = `set -m; { ${command}\n} >'${file}' 2>&1 </dev/null & echo $!; set +m`;
    const pid = Number(await this.#type(typed));
    this.#jobs.push(pid);
    return {
      output: () => readFile(file, 'utf8'),
      stop: async () => Number(await this.#type(`kill -INT -- -${pid} 2>/dev/null; wait ${pid}; echo $?`)),
      isRunning: async () =>
        (await this.#type(`kill -0 ${pid} 2>/dev/null && echo yes || echo no`)) === 'yes',
    };
  }

  /** Closes the terminal; what still runs in it is ended. */
  async close(): Promise<void> {
    for (const pid of this.#jobs) endGroup(pid, 'SIGTERM');
    this.#kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #kill(): void {
    if (this.#bash.exitCode === null && this.#bash.pid !== undefined) endGroup(this.#bash.pid, 'SIGKILL');
  }

  /** Types a line that prints one line; returns that. */
  async #type(line: string): Promise<string> {
    this.#bash.stdin?.write(`${line}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`The shell ended at: ${line}`);
    return value as string;
  }
}

/** Signals a process group that this process has started, if it is still there. */
function endGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
