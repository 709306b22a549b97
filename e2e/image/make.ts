/** Makes the image of the server, as an archive that `cluster load-image` takes. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { output, runOrThrow } from '../scripts/command.ts';
import { Failure } from '../scripts/failure.ts';
import { root, runFolder, serverProgram } from '../scripts/paths.ts';
import { applicationLayer, baseLayer, runConfig } from './content.ts';
import { ociArchive } from './oci.ts';
import { tarArchive } from './tar.ts';

export interface MadeImage {
  /** Full name, as pods ask for it. The tag says what is in it: another content has another tag. */
  name: string;
  /** Path of the archive. */
  archive: string;
}

const repository = 'localhost/cnpg-mcp';
const archive = join(runFolder, 'image.tar');

/** With the container engine, from the Dockerfile: that is the image which is released. */
export async function makeFromDockerfile(): Promise<MadeImage> {
  const idFile = join(runFolder, 'image.id');
  await mkdir(runFolder, { recursive: true });
  await runOrThrow('docker', ['build', '--iidfile', idFile, root]);
  const id = await readFile(idFile, 'utf8');
  const name = await nameFor(id);
  await runOrThrow('docker', ['tag', id, name]);
  await runOrThrow('docker', ['save', '--output', archive, name]);
  return { name, archive };
}

/** Without one: the same content, put together from the build and the Node.js of this machine. Linux only. */
export async function makeWithoutEngine(): Promise<MadeImage> {
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (process.platform !== 'linux' || architecture === undefined)
    throw new Failure(
      'Without Docker the image is made from the Node.js of this machine, which must run Linux.',
    );
  const version = await serverVersion();
  const layers = [await baseLayer(), await applicationLayer(dirname(serverProgram))].map(tarArchive);
  const image = ociArchive({
    name: (digest) => `${repository}:${tag(version, digest)}`,
    architecture,
    config: runConfig(version),
    layers,
  });
  await mkdir(runFolder, { recursive: true });
  await writeFile(`${archive}.new`, image.archive);
  await rename(`${archive}.new`, archive);
  // By this the local provider knows what it has loaded already.
  await rm(`${archive}.key`, { force: true });
  await writeFile(`${archive}.key`, createHash('sha256').update(image.archive).digest('hex'));
  return { name: image.name, archive };
}

/** Whether a Docker engine answers. */
export async function engineAnswers(): Promise<boolean> {
  return output('docker', ['info']).then(
    () => true,
    () => false,
  );
}

async function nameFor(digest: string): Promise<string> {
  return `${repository}:${tag(await serverVersion(), digest)}`;
}

function tag(version: string, digest: string): string {
  return `${version}-${digest.replace('sha256:', '').slice(0, 12)}`;
}

async function serverVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(root, 'server/package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
