import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuditFile } from './audit-file.ts';

let folder: string;
let path: string;
let problems: string[];
let now: number;
const open = () =>
  openAuditFile(
    path,
    (message) => problems.push(message),
    () => now,
  );

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-audit-'));
  path = join(folder, 'audit.jsonl');
  problems = [];
  now = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the audit file', () => {
  it('is appended to, line by line, and nobody else can read it', async () => {
    const first = open();
    first.write('1\n');
    first.close();
    const second = open();
    second.write('2\n');
    expect(await readFile(path, 'utf8')).toBe('1\n2\n');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    second.close();
  });

  it('is a new one within a second of being moved away', async () => {
    const file = open();
    file.write('1\n');
    await rename(path, `${path}.1`);
    file.write('2\n');
    now += 1_000;
    file.write('3\n');
    expect(await readFile(`${path}.1`, 'utf8')).toBe('1\n2\n');
    expect(await readFile(path, 'utf8')).toBe('3\n');
    file.close();
  });

  it('is a new one at once when it is told so', async () => {
    const file = open();
    await rename(path, `${path}.1`);
    file.reopen();
    file.write('1\n');
    expect(await readFile(path, 'utf8')).toBe('1\n');
    file.close();
  });

  it('reports what it could not write, and tries again with the next line', async () => {
    const file = open();
    await rm(folder, { recursive: true });
    now += 1_000;
    file.write('1\n');
    expect(problems).toEqual([expect.stringContaining('ENOENT')]);
    path = join(await mkdtemp(join(tmpdir(), 'cnpg-mcp-audit-')), 'unused');
    const { mkdir } = await import('node:fs/promises');
    await mkdir(folder);
    file.write('2\n');
    expect(await readFile(join(folder, 'audit.jsonl'), 'utf8')).toBe('2\n');
    file.close();
  });
});
