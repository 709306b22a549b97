import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('postgres-parameters.ts', import.meta.url));
const table = new URL('../src/cnpg/parameter-table.ts', import.meta.url);

it('writes no table out of nothing', () => {
  const before = readFileSync(table, 'utf8');
  const { status, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(/^Name the files /) });
  expect(readFileSync(table, 'utf8')).toBe(before);
});
