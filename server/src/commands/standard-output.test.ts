import { afterEach, expect, it, vi } from 'vitest';
import { outliveOutput } from './standard-output.ts';

const before = { status: process.exitCode, listeners: process.stdout.listeners('error') };
afterEach(() => {
  process.exitCode = before.status;
  for (const listener of process.stdout.listeners('error')) {
    if (!before.listeners.includes(listener)) process.stdout.off('error', listener as () => void);
  }
  vi.restoreAllMocks();
});

const failing = (code: string) =>
  process.stdout.emit('error', Object.assign(new Error(`${code}: write`), { code }));

it('outlives a full disk, says so each time, and ends with status 1', () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  outliveOutput('program');
  failing('ENOSPC');
  failing('ENOSPC');
  expect(said.mock.calls).toEqual(Array(2).fill(['program: The output cannot be written: ENOSPC: write\n']));
  expect(process.exitCode).toBe(1);
});

it('says nothing about a reader that went away', () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  outliveOutput('program');
  failing('EPIPE');
  expect(said).not.toHaveBeenCalled();
  expect(process.exitCode).toBe(before.status);
});
