/** Builds a Dockerfile without an engine, by buildah, where the bases cannot be had: on bases that are made here. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { output, run, runOrThrow } from '../scripts/command.ts';
import { Failure } from '../scripts/failure.ts';
import { clusterCache } from '../scripts/paths.ts';
import type { Engine } from './engines.ts';
import { makeStandIns } from './stand-ins.ts';

/** Images and containers are kept beside those of the local cluster, whose containerd needs overlayfs on that file system, too. */
const home = join(clusterCache, 'buildah');
const store = [
  ...['--root', join(home, 'images')],
  ...['--runroot', join(home, 'run')],
  ...['--storage-driver', 'overlay'],
];
// Caches of RUN --mount=type=cache are below it.
const env = { ...process.env, TMPDIR: join(home, 'tmp') };

const buildah = (...args: string[]): Promise<void> => runOrThrow('buildah', [...store, ...args], { env });

/**
 * buildah, installed from Debian when it is missing.
 * @throws {Failure} when this is not Debian, or not root
 */
export async function findBuildah(): Promise<Engine> {
  await installPackages(['buildah', 'mmdebstrap']);
  await mkdir(env.TMPDIR, { recursive: true });
  const bases = await makeStandIns({
    has: async (name) =>
      (await output('buildah', [...store, 'images', '--quiet', name]).catch(() => '')) !== '',
    load: (archive) => buildah('pull', '--quiet', `oci-archive:${archive}`),
  });
  return {
    name: 'buildah',
    build: (args) =>
      buildah(
        // Only the format of Docker has health checks. In a container, programs may not make other namespaces than by chroot.
        ...['bud', '--format', 'docker', '--isolation', 'chroot', '--pull-never'],
        ...Object.entries(bases).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
        ...args,
      ),
    async save(id, name, archive) {
      await buildah('push', '--quiet', id, `docker-archive:${archive}:${name}`);
      await buildah('rmi', id);
    },
  };
}

/** Installs Debian packages that are missing. */
async function installPackages(packages: readonly string[]): Promise<void> {
  const apt = await output('apt-get', ['--version']).catch(() => undefined);
  if (apt === undefined)
    throw new Failure(
      'The Dockerfile is built by Docker, or on Debian by buildah. Neither is here: start Docker.',
    );
  const states = await Promise.all(
    packages.map((name) => output('dpkg', ['--status', name]).catch(() => '')),
  );
  const missing = packages.filter((_, index) => !states[index]?.includes('\nStatus: install ok installed\n'));
  if (process.getuid?.() !== 0)
    throw new Failure('To build the Dockerfile with buildah you must be root. Or start Docker.');
  if (missing.length === 0) return;
  console.error(`installing ${missing.join(' ')}`);
  const quiet = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  await runOrThrow('apt-get', ['update', '-qq'], quiet);
  const install = ['install', '-qq', '--no-install-recommends', ...missing];
  if ((await run('apt-get', install, quiet)) !== 0)
    throw new Failure(`apt-get could not install ${missing.join(', ')}.`);
}
