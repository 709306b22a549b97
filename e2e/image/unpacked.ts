/** Looks into image archives in Docker's format, as `docker save` writes them. */
import { execFile } from 'node:child_process';
import { lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An image on this machine's disk. */
export interface UnpackedImage {
  /** How its containers start, in the words of Docker. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the engine writes, for assertions
  config: any;
  /** Folder with its root file system. */
  files: string;
  /** Bytes of all its files. */
  size: number;
}

/**
 * Unpacks an archive.
 * @param folder where to; does not exist yet
 */
export async function unpackImage(archive: string, folder: string): Promise<UnpackedImage> {
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true });
  await run('tar', ['-xf', archive, '-C', folder]);
  const [image] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  for (const layer of image.Layers) {
    // Files of devices cannot be made in every container, and no image of ours needs one.
    await run('tar', ['-xf', join(folder, layer), '-C', files, '--exclude', 'dev/*', '--no-same-owner']);
  }
  const { config } = JSON.parse(await readFile(join(folder, image.Config), 'utf8'));
  return { config, files, size: await sizeOf(files) };
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await lstat(join(parentPath, name))).size),
  );
  return sizes.reduce((total, size) => total + size, 0);
}
