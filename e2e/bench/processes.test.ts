import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

/** A run that has started one program, tells its process id, and goes on until it is stopped. */
const run = `
  import { startHelper } from ${JSON.stringify(new URL('processes.ts', import.meta.url).href)};
  const { pid } = await startHelper('bare-server.ts', '10');
  console.log(pid);
  setInterval(() => undefined, 60_000);
`;

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a run that gets %s takes the programs that it started with it', async (signal, status) => {
  const program = spawn(process.execPath, ['--input-type=module', '--eval', run], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(program, 'exit');
  const [line] = await once(program.stdout, 'data');
  const pid = Number(line);
  expect(isRunning(pid)).toBe(true);
  program.kill(signal);
  expect((await exited)[0]).toBe(status);
  await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
});
