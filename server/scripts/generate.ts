/**
 * Writes what follows from the code: pages and tables of the documentation, and the rules and the schema of the chart. With --check it writes nothing and fails when one of them is out of date.
 *
 *   pnpm run generate [--check]
 */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { catalogue } from '../src/tools/catalog/index.ts';
import { settingsFile } from './chart/own-settings.ts';
import { valuesTable } from './chart/readme.ts';
import { rulesFile } from './chart/rules.ts';
import { valuesSchema } from './chart/values-schema.ts';
import { configurationPage } from './configuration-page.ts';
import { flagTable, rbacTables } from './rbac-page.ts';
import { toolsPage, toolTable } from './tools-page.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Replaces what is between the markers of a part. Throws when they are not there. */
function between(text: string, part: string, content: string): string {
  const markers = { begin: `<!-- ${part}: begin (generated) -->`, end: `<!-- ${part}: end -->` };
  const [begin, end] = [text.indexOf(markers.begin), text.indexOf(markers.end)];
  if (begin < 0 || end < begin)
    throw new Error(`A page has lost its markers: ${markers.begin} … ${markers.end}`);
  return `${text.slice(0, begin + markers.begin.length)}\n\n${content.trimEnd()}\n\n${text.slice(end)}`;
}

const documents: Record<string, (current: string) => string> = {
  'docs/configuration.md': () => configurationPage(),
  'docs/tools.md': () => toolsPage(catalogue),
  'chart/files/rules.yaml': () => rulesFile(),
  'chart/files/settings.yaml': () => settingsFile(),
  'chart/values.schema.json': () => valuesSchema(),
  'chart/README.md': (current) =>
    between(current, 'values', valuesTable(readFileSync(`${root}chart/values.yaml`, 'utf8'))),
  'docs/rbac.md': (current) => between(between(current, 'rules', rbacTables()), 'flags', flagTable()),
  'README.md': (current) => between(current, 'tools', toolTable(catalogue, 'docs/tools.md')),
};

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [name, generate] of Object.entries(documents)) {
  const path = `${root}${name}`;
  const current = await readFile(path, 'utf8').catch(() => '');
  const wanted = generate(current);
  if (current === wanted) continue;
  if (check) stale.push(name);
  else await writeFile(path, wanted);
}
if (stale.length > 0) {
  process.stderr.write(`Out of date: ${stale.join(', ')}. To write them anew: pnpm run generate\n`);
  process.exitCode = 1;
}
