import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Shell, wordsOf } from './shell.ts';

let folder: string;
let shell: Shell;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-shell-test-'));
  shell = await Shell.open({ cwd: folder, env: process.env });
});
afterEach(async () => {
  await shell.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a terminal', () => {
  it('keeps variables and aliases, and tells output and exit status of each command', async () => {
    await shell.run('name=world; alias greet="echo hello"', 10);
    expect(await shell.run('greet $name; echo gone >&2; (exit 3)', 10)).toEqual({
      status: 3,
      output: 'hello world\ngone\n',
    });
  });

  it('runs a command beside the others until Ctrl-C', async () => {
    const job = await shell.start('echo begun; sleep 60');
    await expect.poll(() => job.output()).toBe('begun\n');
    expect(await job.isRunning()).toBe(true);
    expect((await shell.run('echo meanwhile', 10)).output).toBe('meanwhile\n');
    expect(await job.stop()).toBe(130);
    expect(await job.isRunning()).toBe(false);
  });

  it('throws with what was written when a command hangs, and takes no more', async () => {
    await expect(shell.run('echo so far; sleep 60', 1)).rejects.toThrow(/Not done within 1 s.*\nso far/);
    await expect(shell.run('echo again', 10)).rejects.toThrow('The shell ended');
  });

  it('ends what runs in it when it is closed', async () => {
    const mark = join(folder, 'ended');
    const job = await shell.start(
      `trap "echo >'${mark}'; exit" TERM; echo ready; while :; do sleep 0.1; done`,
    );
    await expect.poll(() => job.output()).toBe('ready\n');
    await shell.close();
    await expect.poll(() => existsSync(mark)).toBe(true);
  });
});

describe('words of a command', () => {
  it('are those that the shell hands over, up to a pipe', async () => {
    expect(await wordsOf('a "b $NAME" \'c d\' | e', { NAME: 'x' })).toEqual(['a', 'b x', 'c d']);
  });

  it('cannot come from a variable that is not set', async () => {
    await expect(wordsOf('a $MISSING')).rejects.toThrow('MISSING');
  });
});
