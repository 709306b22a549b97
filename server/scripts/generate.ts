/**
 * Writes the parts of the documentation that follow from the code: docs/configuration.md, docs/tools.md, and the table of
 * tools in README.md. With --check it writes nothing and fails when one of them is out of date.
 *
 *   pnpm run generate [--check]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { catalogue } from '../src/tools/catalog/index.ts';
import { rulesFile } from './chart/rules.ts';
import { valuesSchema } from './chart/values-schema.ts';
import { configurationPage } from './configuration-page.ts';
import { toolsPage, toolTable } from './tools-page.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const markers = { begin: '<!-- tools: begin (generated) -->', end: '<!-- tools: end -->' };

/** Replaces what is between the markers. Throws when they are not there. */
function between(text: string, content: string): string {
  const [begin, end] = [text.indexOf(markers.begin), text.indexOf(markers.end)];
  if (begin < 0 || end < begin)
    throw new Error(`README.md has lost its markers: ${markers.begin} … ${markers.end}`);
  return `${text.slice(0, begin + markers.begin.length)}\n\n${content}\n${text.slice(end)}`;
}

const documents: Record<string, (current: string) => string> = {
  'docs/configuration.md': () => configurationPage(),
  'docs/tools.md': () => toolsPage(catalogue),
  'chart/files/rules.yaml': () => rulesFile(),
  'chart/values.schema.json': () => valuesSchema(),
  'README.md': (current) => between(current, toolTable(catalogue, 'docs/tools.md')),
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
