/** The licences of the packages whose code is in a bundle: most of them ask to go wherever that code goes. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'rolldown';

const fileName = 'THIRD-PARTY-LICENSES.txt';
const isLicence = /^(licen[cs]e|notice|copying)([.-].*)?$/i;

/** Adds a file to the bundle that names each package in it, its version, its licence and that licence's text. */
export function thirdPartyLicenses(): Plugin {
  return {
    name: 'third-party-licenses',
    async generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
      const folders = new Set(modules.flatMap((id) => packageFolder(id) ?? []));
      const entries = await Promise.all([...folders].map(entryOf));
      this.emitFile({ type: 'asset', fileName, source: [...new Set(entries)].sort().join('\n') });
    },
  };
}

/** The folder of the package that a module belongs to; undefined for the project's own modules. */
function packageFolder(module: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];
}

/** @throws when a package says nothing about its licence: its code must not be given away then */
async function entryOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const files = (await readdir(folder)).filter((file) => isLicence.test(file)).sort();
  if (license === undefined && files.length === 0) throw new Error(`${name} ${version} names no licence.`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return `${'='.repeat(80)}\n${name} ${version}: ${license ?? 'see below'}\n\n${texts.map((text) => `${text.trim()}\n`).join('\n')}`;
}
