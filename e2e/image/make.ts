/** Makes the image of the server, as an archive that `cluster load-image` takes. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { root, runFolder, serverProgram } from '../scripts/paths.ts';
import { applicationLayer, architecture, baseLayer, runConfig } from './content.ts';
import { buildImage, type Engine } from './engines.ts';
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
export async function makeFromDockerfile(engine: Engine): Promise<MadeImage> {
  const version = await serverVersion();
  return { name: await buildImage(engine, {}, (id) => imageName(version, id), archive), archive };
}

/** Without one: the same content, put together from the build and the Node.js of this machine. Linux only. */
export async function makeWithoutEngine(): Promise<MadeImage> {
  const version = await serverVersion();
  const layers = [await baseLayer(), await applicationLayer(dirname(serverProgram))].map(tarArchive);
  const image = ociArchive({
    name: (digest) => imageName(version, digest),
    architecture: architecture(),
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

/** Full name of an image of the server, by what it holds. */
export function imageName(version: string, digest: string): string {
  return `${repository}:${version}-${digest.replace('sha256:', '').slice(0, 12)}`;
}

async function serverVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(root, 'server/package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
