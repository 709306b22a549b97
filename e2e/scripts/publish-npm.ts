/**
 * `make publish-npm`: publishes the packages, each with the licence beside it. npm keeps a version for ever, so one that is there
 * already, from a run that failed later on, is left as it is.
 */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrThrow } from './command.ts';
import { isPublished } from './npm-registry.ts';
import { root } from './paths.ts';
import { publishedPackages } from './releases.ts';

for (const { folder, name, version } of await publishedPackages()) {
  if (await isPublished(name, version)) {
    console.log(`${name}@${version} is published already.`);
    continue;
  }
  await copyFile(join(root, 'LICENSE'), join(root, folder, 'LICENSE'));
  await runOrThrow('npm', ['publish', '--provenance', '--access', 'public', `./${folder}`], { cwd: root });
}
