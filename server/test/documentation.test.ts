/** What the documentation names exists: files, headings, make targets, settings. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { settings } from '../src/config/schema.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const pages = [
  ...readdirSync(root, { encoding: 'utf8' }),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'));

/** Anchors of a page, as GitHub makes them. */
const anchorsOf = (name: string): string[] =>
  [...read(name).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.each(pages)('%s', (page) => {
  it('links to files and headings that exist', () => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link);
    const dead = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      const found = statSync(join(root, target), { throwIfNoEntry: false });
      return !found || (anchor !== undefined && !anchorsOf(target).includes(anchor));
    });
    expect(dead).toEqual([]);
  });

  it('names make targets that exist', () => {
    const makefile = read('Makefile');
    const targets = [...read(page).matchAll(/\bmake ([a-z][a-z0-9]*)\b(?=[`\s]*(?:#|`|$))/gm)].map(
      ([, name]) => name,
    );
    expect(targets.filter((name) => !new RegExp(`^${name}:`, 'm').test(makefile))).toEqual([]);
  });

  it('names settings that exist', () => {
    const text = read(page);
    const variables = settings.flatMap(({ environment }) => environment).concat('CNPG_MCP_CONFIG');
    const named = [...text.matchAll(/\bCNPG_MCP_[A-Z_]+\b(?!…)/g)].map(([name]) => name);
    expect(named.filter((name) => !variables.includes(name) && name !== 'CNPG_MCP_')).toEqual([]);
  });
});

describe('README.md', () => {
  it('shows options that exist', () => {
    const own = ['help', 'transport', 'header', 'add-mcp', 'kubeconfig', 'context', 'output', 'json'];
    const flags = settings.map(({ flag }) => flag);
    const named = [...read('README.md').matchAll(/(?<=[\s`])--([a-z][a-z-]+)/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !flags.includes(name) && !own.includes(name))).toEqual([]);
  });

  it('shows JSON that can be pasted', () => {
    const snippets = [...read('README.md').matchAll(/[`'](\{"[^`']+\})[`']/g)].map(([, json = '']) => json);
    expect(snippets.length).toBeGreaterThan(3);
    for (const json of snippets) expect(() => JSON.parse(json)).not.toThrow();
  });
});
