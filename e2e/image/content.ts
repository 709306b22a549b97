/**
 * What the image holds where no container engine can build the Dockerfile: the same files in the same places, except that
 * Node.js and the libraries that it is linked to come from this machine instead of from the distroless base.
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { rootCertificates } from 'node:tls';
import { output } from '../scripts/command.ts';
import { Failure } from '../scripts/failure.ts';
import type { RunConfig } from './oci.ts';
import type { TarEntry } from './tar.ts';

/** Where the base of the Dockerfile has Node.js, and where the Dockerfile puts the server. */
export const node = '/nodejs/bin/node';
export const application = '/app';

/** Number of the user that the server runs as. */
export const nonroot = 65532;

/**
 * This machine's architecture in the words of Go, as images have it.
 * @throws {Failure} where no image can be made of this machine's Node.js
 */
export function architecture(): string {
  const name = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (process.platform !== 'linux' || name === undefined)
    throw new Failure(
      'Without Docker the image is made from the Node.js of this machine, which must run Linux.',
    );
  return name;
}

/** The part below the server: it stays the same until Node.js changes. */
export async function baseLayer(): Promise<TarEntry[]> {
  const executable = process.execPath;
  const libraries = librariesOf(await output('ldd', [executable]));
  return withFolders([
    await program(node, executable),
    ...(await Promise.all(libraries.map((path) => program(path, path)))),
    text(
      '/etc/passwd',
      `root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:${nonroot}:${nonroot}:nonroot:/home/nonroot:/sbin/nologin\n`,
    ),
    text('/etc/group', `root:x:0:\nnonroot:x:${nonroot}:\n`),
    text('/etc/nsswitch.conf', 'hosts: files dns\n'),
    // Those of Node.js, rather than what this machine trusts.
    text('/etc/ssl/certs/ca-certificates.crt', `${rootCertificates.join('\n')}\n`),
    { type: 'folder', path: 'tmp', mode: 0o1777 },
  ]);
}

/** The built server, as `pnpm run build` left it in a folder. */
export async function applicationLayer(dist: string): Promise<TarEntry[]> {
  return withFolders(await folderEntries(dist, application));
}

/** The files below a folder, for another place. */
export async function folderEntries(source: string, target: string): Promise<TarEntry[]> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Promise.all(
    names.map(async (path): Promise<TarEntry> => {
      const content = await readFile(path);
      return { type: 'file', path: relative(target + path.slice(source.length)), mode: 0o644, content };
    }),
  );
}

/** How containers start: what the Dockerfile says in USER, ENV, ENTRYPOINT, CMD and WORKDIR. */
export function runConfig(version: string): RunConfig {
  return {
    User: `${nonroot}:${nonroot}`,
    Env: ['NODE_ENV=production'],
    Entrypoint: [node, `${application}/main.js`],
    Cmd: ['serve'],
    WorkingDir: application,
    Labels: { 'org.opencontainers.image.title': 'cnpg-mcp', 'org.opencontainers.image.version': version },
  };
}

/** Paths in what ldd prints: `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x…)`, and the loader itself. */
export function librariesOf(ldd: string): string[] {
  return ldd
    .split('\n')
    .flatMap((line) => /(?:=>\s*|^\s*)(\/\S+) \(0x/.exec(line)?.[1] ?? [])
    .sort();
}

async function program(path: string, source: string): Promise<TarEntry> {
  return { type: 'file', path: relative(path), mode: 0o755, content: await readFile(source) };
}

/** A file, by its absolute path. */
export function text(path: string, content: string, mode = 0o644): TarEntry {
  return { type: 'file', path: relative(path), mode, content: Buffer.from(content) };
}

function relative(path: string): string {
  return path.slice(1);
}

/** The entries, each after the folders that it is in. */
export function withFolders(entries: readonly TarEntry[]): TarEntry[] {
  const folders = new Set<string>();
  for (const { path } of entries) {
    for (let folder = posix.dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  const made = [...folders].sort().map((path): TarEntry => ({ type: 'folder', path, mode: 0o755 }));
  return [...made, ...entries];
}
