/** What the pages name exists: files, headings, targets, options, settings. Their commands are run by suites/documentation. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCommandLine } from '../../rbac-bootstrap/src/flags.ts';
import { openStaticTokens } from '../../server/src/auth/static-tokens.ts';
import { loadConfig } from '../../server/src/config/load.ts';
import { settings } from '../../server/src/config/schema.ts';
import { runProgram } from '../../server/src/program.ts';
import { defaults, leafPaths } from '../chart/files.ts';
import { root } from '../scripts/paths.ts';
import { isForClient } from './clients.ts';
import { exceptionFor, exceptions, fillIn, type Place, placeholders } from './exceptions.ts';
import { fileOf } from './files.ts';
import { isFile, pages, readPage, type Snippet, snippetsOf, stepsOf } from './reader.ts';
import { wordsOf } from './shell.ts';

const place: Place = {
  tools: 'tools',
  shop: 'shop',
  billing: 'billing',
  image: { repository: 'registry.example.com/cnpg-mcp', tag: '0.1.0' },
  issuer: 'https://idp.example.com',
  storageClass: 'standard',
  tokenHash: '0'.repeat(64),
};

/** Anchors of a page, as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  [...readPage(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );

const repository = 'https://github.com/cnpg-mcp/cnpg-mcp/blob/main/';

const where = ({ page, line, text }: Snippet): string => `${page}:${line}: ${text}`;
const inlineCode = pages.flatMap((page) => snippetsOf(page)).filter(({ kind }) => kind === 'inline');

/** Options of programs of others, of a tool that this one replaces, and of single commands of this one. */
const otherFlags = [
  ...[
    'logs',
    'take-ownership',
    'force-conflicts',
    'target',
    'build-arg',
    'optimize-for-size',
    'kubelet-preferred-address-types',
  ],
  ...['scope', 'no-view-binding', 'config', 'pre', 'output'],
];
/** Settings of others in the form `name: value`. */
const otherSettings = ['requestedAccessTokenVersion', 'immediateCheckpoint', 'imagePullPolicy', 'cacheScope'];
/** Inline code of several words that is no command, or only the end of one that stands beside it. */
const phrases = [
  ...['audit events', 'resource subscriptions', 'namespaces get', 'select pg_switch_wal()'],
  ...['apply --delete', 'doctor --transport http', 'load-image FILE', 'prove base'],
  // What the scripts of the local provider are about.
  ...['ip netns exec', 'nsenter --net', 'set -e'],
];
/** Fields of objects and arguments of tools in that form. */
const fields = ['kind', 'ensure', 'confirm', 'dry_run', 'wait', 'format', 'failCgroupV1', 'impersonate'];

describe.each(pages)('%s', (page) => {
  it('links to files and headings that exist', () => {
    const links = [...readPage(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const dead = links.filter((link) => {
      // Pages that are read outside of the repository name it.
      const own = link.startsWith(repository);
      const [path = '', anchor] = link.replace(repository, '').split('#');
      if (/^https?:/.test(path)) return false;
      const target = path === '' ? page : join(own ? '.' : dirname(page), path);
      const found = statSync(join(root, target), { throwIfNoEntry: false });
      return !found || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(dead).toEqual([]);
  });

  it('has no block in a language that nobody tries out', () => {
    const blocks = snippetsOf(page).filter(({ kind }) => kind === 'block');
    const isDrawing = ({ language, text }: Snippet): boolean => language === '' && text.includes('▶');
    // The one example of code is for contributors.
    const known = (block: Snippet): boolean =>
      isFile(block) || isDrawing(block) || (page === 'CONTRIBUTING.md' && block.language === 'ts');
    expect(blocks.filter((block) => !known(block)).map(where)).toEqual([]);
  });
});

describe('settings that the pages name', () => {
  it('exist as variables', () => {
    const variables = settings.flatMap(({ environment }) => environment).concat('CNPG_MCP_CONFIG');
    // Those of the clusters are not the server's.
    const named = pages
      .filter((page) => !page.startsWith('e2e/'))
      .flatMap((page) => [...readPage(page).matchAll(/\bCNPG_MCP_[A-Z_]+\b(?!…)/g)].map(([name]) => name));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((name) => !variables.includes(name) && name !== 'CNPG_MCP_')).toEqual([]);
  });

  it('exist as options', () => {
    const named = inlineCode.filter(({ text }) => /^--[a-z]/.test(text));
    expect(named.length).toBeGreaterThan(20);
    const unknown = named.filter(({ text }) => {
      const [word = ''] = text.slice(2).split(/[ =]/);
      return !otherFlags.includes(word) && !isOurs(word);
    });
    expect(unknown.map(where)).toEqual([]);
  });

  it('exist as keys, of the server or of the chart', () => {
    const keys = [...settings.map(({ key }) => key), ...leafPaths(defaults).map((path) => path.join('.'))];
    const isKnown = (name: string): boolean =>
      keys.some((key) => key === name || key.startsWith(`${name}.`) || key.includes(`.${name}`));
    const named = inlineCode.filter(({ text }) => /^[a-z][\w.]*: [^ ]/.test(text));
    expect(named.length).toBeGreaterThan(10);
    const unknown = named.filter(({ text }) => {
      const [name = ''] = Object.keys(parse(text) as object);
      return !isKnown(name) && !otherSettings.includes(name) && !fields.includes(name);
    });
    expect(unknown.map(where)).toEqual([]);
  });
});

/** Whether a word is an option of one of the two programs. */
function isOurs(flag: string): boolean {
  if (settings.some((setting) => setting.flag === flag)) return true;
  try {
    parseCommandLine([`--${flag}=view`]);
    return true;
  } catch (thrown) {
    return !(thrown as Error).message.startsWith('Unknown flag');
  }
}

describe('files that the pages show', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cnpg-mcp-pages-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const files = stepsOf().filter(isFile);
  const named = (name: string): (Snippet & { at: string })[] =>
    files
      .filter((file) => fileOf(file) === name)
      .map((file) => ({ ...file, at: `${file.page}:${file.line}` }));
  const written = (snippet: Snippet): string => {
    const path = join(folder, `${snippet.page.replaceAll('/', '-')}-${snippet.line}.yaml`);
    writeFileSync(path, fillIn(snippet.text, place));
    return path;
  };

  it('say which file they are', () => {
    expect(files.map(fileOf)).toContain('values.yaml');
  });

  it.each(named('cnpg-mcp.yaml'))('are settings that the server takes: $at', async (file) => {
    const { warnings } = await loadConfig({ environment: {}, file: written(file) });
    expect(warnings).toEqual([]);
  });

  it.each(named('tokens.yaml'))('are tokens that the server takes: $at', async (file) => {
    await openStaticTokens({
      path: written(file),
      rules: [],
      mustImpersonate: false,
      onProblem: (message) => expect(message).toBe(''),
    });
  });
});

describe('commands of the pages', () => {
  const commands = stepsOf().filter(({ kind }) => kind === 'command');

  const own = commands.filter(({ text }) =>
    /^(cnpg-mcp|node server\/(dist\/main\.js|src\/main\.ts)) /.test(text),
  );
  it.each(own)('have options that the server has: $text', async ({ text }) => {
    const [program, ...words] = await wordsOf(text);
    let errors = '';
    const status = await runProgram([...words.slice(program === 'node' ? 1 : 0), '--help'], {
      environment: {},
      out: () => undefined,
      error: (error) => {
        errors += error;
      },
      watched: false,
      ask: undefined,
    });
    expect({ status, errors }).toEqual({ status: 0, errors: '' });
  });

  const rbac = commands.filter(({ text }) => text.startsWith('cnpg-mcp-rbac '));
  it.each(rbac)('have options that cnpg-mcp-rbac has: $text', async ({ text }) => {
    const [, ...words] = await wordsOf(text);
    expect(() => parseCommandLine(words)).not.toThrow();
  });

  it('are the only inline code that looks like one', () => {
    const looksLikeOne = inlineCode.filter(({ text }) => /^[a-z./][a-z./-]* [a-zA-Z-]/.test(text));
    expect(looksLikeOne.length).toBeGreaterThan(5);
    expect(looksLikeOne.filter(({ text }) => !phrases.includes(text)).map(where)).toEqual([]);
  });

  it('make only what the Makefile can make', () => {
    const targets = [...readFileSync(join(root, 'Makefile'), 'utf8').matchAll(/^([a-z][a-z0-9-]*):/gm)].map(
      ([, name]) => name,
    );
    const made = commands.filter(({ text }) => text.startsWith('make '));
    expect(made.filter(({ text }) => !targets.includes(text.split(' ')[1])).map(where)).toEqual([]);
  });

  it('are run as they are, unless an exception says why not; and there is no exception without a command', () => {
    const unused = exceptions.filter(({ matches }) => !commands.some(({ text }) => matches.test(text)));
    expect(unused.map(({ matches }) => String(matches))).toEqual([]);
    const asIs = commands.filter(({ text }) => exceptionFor(text) === undefined);
    expect(asIs.length).toBeGreaterThan(commands.length / 2);
  });

  it('have in them every name that is replaced', () => {
    const texts = stepsOf().map(({ text }) => text);
    const unused = placeholders.filter(({ text }) => !texts.some((candidate) => candidate.search(text) >= 0));
    expect(unused.map(({ text }) => String(text))).toEqual([]);
  });
});

describe('JSON that the pages show', () => {
  it('is for clients', () => {
    // Those of the chart's table are default values, made from the chart.
    const json = inlineCode.filter(({ page, text }) => page !== 'chart/README.md' && text.startsWith('{"'));
    expect(json.length).toBeGreaterThan(3);
    expect(json.filter(({ text }) => !isForClient(text)).map(where)).toEqual([]);
  });
});
