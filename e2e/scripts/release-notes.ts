/**
 * `make release-notes TAG=v1.2.3`: writes what the changelog says of a version into .run/release-notes.md, with how to install and
 * verify it. Fails when the tag is not the version of everything that is released.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from './failure.ts';
import { root, runFolder } from './paths.ts';
import { releasedVersions, releaseNotes, versionOfTag } from './releases.ts';

const [tag = ''] = process.argv.slice(2);
const version = versionOfTag(tag);
const others = Object.entries(await releasedVersions()).filter(([, own]) => own !== version);
if (others.length > 0) {
  const list = others.map(([file, own]) => `  ${file}: ${own}`).join('\n');
  throw new Failure(`The tag ${tag} is not v and the version of everything:\n${list}`);
}
const notes = releaseNotes(await readFile(join(root, 'CHANGELOG.md'), 'utf8'), version);
await mkdir(runFolder, { recursive: true });
await writeFile(join(runFolder, 'release-notes.md'), notes);
console.log(notes);
