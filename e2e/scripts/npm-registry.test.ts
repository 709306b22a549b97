import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isPublished } from './npm-registry.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-npm-'));
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** A program `npm` that prints this and ends with this status, as npm 11 does. */
async function npmSays(stdout: string, status = 0): Promise<void> {
  const program = join(folder, 'npm');
  await writeFile(program, `#!/bin/sh\ncat <<'E'\n${stdout}\nE\nexit ${status}\n`);
  await chmod(program, 0o755);
}

const published = () => isPublished('cnpg-mcp', '1.2.3');
const error = (code: string): string => JSON.stringify({ error: { code, summary: 'no' } }, null, 2);

describe('a package of npm', () => {
  it('is published when the registry has this very version', async () => {
    await npmSays('"1.2.3"');
    expect(await published()).toBe(true);
  });

  it('is not when the registry has other versions only, or no such package', async () => {
    await npmSays('');
    expect(await published()).toBe(false);
    await npmSays(error('E404'), 1);
    expect(await published()).toBe(false);
  });

  it('may be when the registry does not say, so nothing goes on then', async () => {
    await npmSays(error('ECONNREFUSED'), 1);
    await expect(published()).rejects.toThrow('Whether cnpg-mcp@1.2.3 is published cannot be seen');
    await npmSays('npm error network', 1);
    await expect(published()).rejects.toThrow('cannot be seen');
  });
});
