import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/paths.ts';
import { applicationLayer, librariesOf, runConfig } from './content.ts';
import { valuesOf } from './load.ts';
import { ociArchive } from './oci.ts';
import { type TarEntry, tarArchive } from './tar.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-image-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What tar says is in an archive. */
async function listing(archive: Buffer): Promise<string[]> {
  const path = join(folder, 'archive.tar');
  await writeFile(path, archive);
  const text = execFileSync('tar', ['--numeric-owner', '--utc', '-tvf', path], { encoding: 'utf8' });
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' '));
}

describe('a tar archive', () => {
  const file = (path: string, content = 'x', mode = 0o644): TarEntry => ({
    type: 'file',
    path,
    mode,
    content: Buffer.from(content),
  });

  it('is read by tar: names, modes, sizes, root as the owner, no dates', async () => {
    const entries: TarEntry[] = [{ type: 'folder', path: 'tmp', mode: 0o1777 }, file('a', 'hello', 0o755)];
    expect(await listing(tarArchive(entries))).toEqual([
      'drwxrwxrwt 0/0 0 1970-01-01 00:00 tmp/',
      '-rwxr-xr-x 0/0 5 1970-01-01 00:00 a',
    ]);
  });

  it('holds paths that are longer than one field', async () => {
    const path = `${'folder/'.repeat(20)}file`;
    expect((await listing(tarArchive([file(path)])))[0]).toContain(path);
    expect(() => tarArchive([file('x'.repeat(101))])).toThrow('cannot hold');
  });
});

describe('the image without a container engine', () => {
  const image = (content: string) =>
    ociArchive({
      name: (digest) => `localhost/x:${digest.slice(7, 19)}`,
      architecture: 'amd64',
      config: runConfig('1.2.3'),
      layers: [tarArchive([{ type: 'file', path: 'a', mode: 0o644, content: Buffer.from(content) }])],
    });

  it('is the same for the same content, and has another name for another', () => {
    expect(image('a').archive.equals(image('a').archive)).toBe(true);
    expect(image('a').name).not.toBe(image('b').name);
  });

  it('keeps the folders of the build', async () => {
    await writeFile(join(folder, 'main.js'), '');
    const paths = (await applicationLayer(folder)).map(({ path }) => path);
    expect(paths[0]).toBe('app');
    expect(paths).toContain('app/main.js');
  });

  it('takes along the libraries that ldd names, and the loader, but not what the kernel provides', () => {
    const ldd = [
      '\tlinux-vdso.so.1 (0x00007feafc4d8000)',
      '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007feafc120000)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007feafc4da000)',
    ].join('\n');
    expect(librariesOf(ldd)).toEqual(['/lib/x86_64-linux-gnu/libm.so.6', '/lib64/ld-linux-x86-64.so.2']);
  });
});

describe('the Dockerfile', () => {
  let lines: string[];
  let runtime: string[];
  beforeAll(async () => {
    const text = (await readFile(join(root, 'Dockerfile'), 'utf8')).replaceAll(/\\\n\s*/g, '');
    lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    runtime = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  });
  const said = (word: string): string | undefined =>
    runtime.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1);

  it('starts the server as the image without an engine does', () => {
    const { User, Env, Entrypoint, Cmd, WorkingDir } = runConfig('1.2.3');
    expect(said('USER')).toBe(User);
    expect([said('ENV')]).toEqual(Env);
    expect(JSON.parse(said('ENTRYPOINT') ?? '')).toEqual(Entrypoint);
    expect(JSON.parse(said('CMD') ?? '')).toEqual(Cmd);
    expect(said('WORKDIR')).toBe(WorkingDir);
  });

  it('pins every base by its digest', () => {
    const bases = lines.filter((line) => /^ARG \w+_IMAGE=/.test(line));
    expect(bases).toHaveLength(2);
    for (const base of bases) expect(base).toMatch(/@sha256:[0-9a-f]{64}$/);
    const others = lines.filter((line) => line.startsWith('FROM ') && !/\$\{\w+_IMAGE\}| deps /.test(line));
    expect(others).toEqual([]);
  });

  it('takes Node.js and pnpm of the versions that the Makefile takes', async () => {
    const makefile = await readFile(join(root, 'Makefile'), 'utf8');
    const version = (name: string): string =>
      new RegExp(`^${name}_VERSION := (.+)$`, 'm').exec(makefile)?.[1] ?? '';
    expect(lines.find((line) => line.startsWith('ARG NODE_IMAGE='))).toContain(
      `node:${version('NODE')}-slim@`,
    );
    expect(lines).toContain(`ARG PNPM_VERSION=${version('PNPM')}`);
  });
});

describe('the name of an image', () => {
  it.each([
    ['localhost/cnpg-mcp:1-a', { repository: 'localhost/cnpg-mcp', tag: '1-a' }],
    ['registry.example:5000/a/b:c', { repository: 'registry.example:5000/a/b', tag: 'c' }],
  ])('%s is split for the chart', (name, values) => {
    expect(valuesOf(name)).toEqual(values);
  });

  it('is refused without a tag', () => {
    expect(() => valuesOf('registry.example:5000/a')).toThrow('no tag');
  });
});
