/**
 * Reads the pages of this project for what can be tried out: commands, files, and JSON to paste. What counts as one is decided
 * here, by its form, so that nothing can be written into a page without a test getting hold of it.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../scripts/paths.ts';

/** Something in a page that can be tried out. */
export interface Snippet {
  /** `command`: one command line. `block`: the content of a fenced block that is no commands. `inline`: other inline code. */
  kind: 'command' | 'block' | 'inline';
  /** Path of the page, from the root of the checkout. */
  page: string;
  /** Where it begins, counted from 1. */
  line: number;
  /** Of a fenced block: the word after the fence. */
  language?: string;
  /** Of a command: it stands in a block to be typed, not only in a sentence. */
  inBlock?: boolean;
  text: string;
}

/** Programs whose commands are found in inline code too; there the name alone is no command. */
const programs = [
  ...[
    'make',
    'node',
    'npm',
    'npx',
    'pnpm',
    'go',
    'git',
    'alias',
    'export',
    'printf',
    'openssl',
    'curl',
    'sed',
  ],
  ...['cnpg-mcp', 'cnpg-mcp-rbac', 'kubectl', 'helm', 'docker', 'kind', 'skopeo', 'claude', 'code'],
  ...['e2e/clusters/cluster', './cluster', './prove', 'e2e/clusters/local/prove'],
];
const inlineCommand = new RegExp(`^(?:${programs.join('|').replaceAll('.', '\\.')}) \\S`);

/** Every page, as a path from the root, and the Dockerfile, whose comments tell how to use it. */
export const pages: readonly string[] = [
  ...globSync('{*,{docs,chart,server,rbac-bootstrap,e2e}/**/*}.md', {
    cwd: root,
    exclude: (name) => name === 'node_modules' || name === 'dist',
  }).sort(),
  'Dockerfile',
];

/** Text of a page. Of the Dockerfile: its comments, without their marks. */
export function readPage(page: string): string {
  const text = readFileSync(join(root, page), 'utf8');
  if (page.endsWith('.md')) return text;
  // Instructions become empty lines, so that lines keep their numbers; three spaces after the mark are a block there.
  return text.replace(/^(?!#).*$/gm, '').replace(/^# ?(?=( {2})?)/gm, '$1');
}

/** Everything in a page that can be tried out, from top to bottom. */
export function snippetsOf(page: string, text: string = readPage(page)): Snippet[] {
  const found: Snippet[] = [];
  const lines = text.split('\n');
  let prose: string[] = [];
  let inList = false;
  const endProse = (end: number): void => {
    found.push(...inlineOf(page, prose, end - prose.length));
    prose = [];
  };
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    const [, indent, language] = /^( *)```(\w*)$/.exec(line) ?? [];
    if (indent !== undefined && language !== undefined) {
      endProse(index);
      const end = lines.indexOf(`${indent}\`\`\``, index + 1);
      if (end < 0) throw new Error(`${page}:${index + 1}: the block has no end.`);
      const body = lines.slice(index + 1, end).map((inner) => inner.slice(indent.length));
      if (language === 'sh') found.push(...commandsOf(page, body, index + 2));
      else found.push({ kind: 'block', page, line: index + 2, language, text: `${body.join('\n')}\n` });
      index = end;
    } else if (/^ {4}\S/.test(line) && prose.length === 0 && !inList) {
      const end = lines.findIndex((next, at) => at > index && !/^ {4}/.test(next));
      const body = lines.slice(index, end < 0 ? undefined : end).map((inner) => inner.trim());
      found.push(...commandsOf(page, body, index + 1));
      index += body.length - 1;
    } else if (line === '') {
      endProse(index);
    } else {
      // What is indented after an item belongs to it.
      if (!line.startsWith(' ')) inList = /^([-*]|\d+\.) /.test(line);
      prose.push(line);
    }
  }
  endProse(lines.length);
  return found;
}

/** Command lines of a block; `first` is the number of its first line. Comments are left out, continued lines are joined. */
function commandsOf(page: string, body: readonly string[], first: number): Snippet[] {
  const found: Snippet[] = [];
  let begun = '';
  for (const [index, line] of body.entries()) {
    const text = begun + line.replace(/(^|\s)#\s.*$/, '').trim();
    begun = text.endsWith('\\') ? text.slice(0, -1) : '';
    if (text !== '' && begun === '')
      found.push({ kind: 'command', page, line: first + index, inBlock: true, text });
  }
  return found;
}

/** Inline code of a paragraph, list or table; `start` is how many lines come before it. */
function inlineOf(page: string, prose: readonly string[], start: number): Snippet[] {
  const text = prose.join('\n');
  return [...text.matchAll(/`([^`]+)`/g)].map(({ 1: code = '', index }) => {
    const line = start + text.slice(0, index).split('\n').length;
    const joined = code.replaceAll(/\s*\n\s*/g, ' ').replaceAll('&lt;', '<');
    return { kind: inlineCommand.test(joined) ? 'command' : 'inline', page, line, text: joined };
  });
}

/** The commands and files of these pages in their order. What a sentence mentions counts once, and not where a block has it. */
export function stepsOf(from: readonly string[] = pages): Snippet[] {
  const all = from
    .flatMap((page) => snippetsOf(page))
    .filter((snippet) => snippet.kind === 'command' || isFile(snippet));
  const typed = new Set(all.filter(({ inBlock }) => inBlock).map(({ text }) => text));
  return all.filter(
    (snippet) => isFile(snippet) || snippet.inBlock || (!typed.has(snippet.text) && typed.add(snippet.text)),
  );
}

/** Whether a block shows a file. */
export function isFile({ kind, language }: Snippet): boolean {
  return kind === 'block' && language === 'yaml';
}
