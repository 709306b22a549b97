/** Running other programs. */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { Failure } from './failure.ts';

const execFileAsync = promisify(execFile);

/**
 * Runs a program and returns what it wrote to standard output.
 * @throws with the program's standard error when it exits other than 0
 */
export async function output(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execFileAsync(program, args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/**
 * Runs a program on the terminal of this one.
 * @param input given to its standard input; otherwise it has none
 * @returns its exit status; 128 when a signal ended it
 */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: string; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(program, args, {
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'inherit', 'inherit'],
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  child.on('error', reject);
  child.on('close', (code) => resolve(code ?? 128));
  child.stdin?.end(options.input);
  return promise;
}

/** Like {@link run}, but an exit status other than 0 is an error. */
export async function runOrThrow(
  program: string,
  args: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<void> {
  const code = await run(program, args, options);
  if (code !== 0) throw new Failure(`${program} ${args.join(' ')}: exit status ${code}`);
}
