/** What builds a Dockerfile here: Docker where its engine answers, else buildah, which needs none. */
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { output, runOrThrow } from '../scripts/command.ts';
import { root } from '../scripts/paths.ts';
import { findBuildah } from './buildah.ts';

/** What to build. */
export interface Build {
  /** Path of another Dockerfile than the project's. */
  file?: string;
  /** Stage of it; default the last. */
  target?: string;
  /** Values of its `ARG`s. */
  arguments?: Readonly<Record<string, string>>;
}

/** A program that builds images. The context is always the root of the workspace. */
export interface Engine {
  /** What it is, for people. */
  name: string;
  /** Builds with these arguments of `docker build`, which include `--iidfile`. */
  build(args: readonly string[]): Promise<void>;
  /** Writes an image, by its id, as an archive with that full name. The archive does not exist yet. */
  save(id: string, name: string, archive: string): Promise<void>;
}

/** Docker, which kind cannot do without. */
export const docker: Engine = {
  name: 'Docker',
  build: (args) => runOrThrow('docker', ['build', ...args]),
  async save(id, name, archive) {
    await runOrThrow('docker', ['tag', id, name]);
    await runOrThrow('docker', ['save', '--output', archive, name]);
  },
};

/** Docker, when its engine answers. */
export async function findDocker(): Promise<Engine | undefined> {
  return output('docker', ['info']).then(
    () => docker,
    () => undefined,
  );
}

/**
 * What can build the Dockerfile here. Without Docker that is buildah, which is installed when it is missing, on bases that are
 * made here: see stand-ins.ts.
 * @throws {Failure} when there is neither Docker nor Debian
 */
export async function findEngine(): Promise<Engine> {
  return (await findDocker()) ?? (await findBuildah());
}

/**
 * Builds an image and writes it as an archive that `cluster load-image` takes.
 * @param nameFor the full name for an image id
 * @returns that name
 */
export async function buildImage(
  engine: Engine,
  build: Build,
  nameFor: (id: string) => string,
  archive: string,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-build-'));
  try {
    const idFile = join(folder, 'id');
    const { file, target, arguments: values = {} } = build;
    await engine.build([
      ...['--iidfile', idFile],
      ...(file === undefined ? [] : ['--file', file]),
      ...(target === undefined ? [] : ['--target', target]),
      ...Object.entries(values).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
      root,
    ]);
    const id = (await readFile(idFile, 'utf8')).trim();
    const name = nameFor(id);
    await mkdir(dirname(archive), { recursive: true });
    await rm(`${archive}.new`, { force: true });
    await engine.save(id, name, `${archive}.new`);
    await rename(`${archive}.new`, archive);
    // What the local provider has loaded it knows by this, if it is there: see make.ts.
    await rm(`${archive}.key`, { force: true });
    return name;
  } finally {
    await rm(folder, { recursive: true });
  }
}
