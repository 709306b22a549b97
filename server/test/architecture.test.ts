/** Imports point inwards. Every import in server/src is read; one that breaks a rule fails here, with the rule's reason. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('../src/', import.meta.url));

interface Import {
  /** Path below server/src. */
  file: string;
  /** Path below server/src for our own files, else the specifier. */
  target: string;
  own: boolean;
  /** Nothing of it is left when the program runs. */
  typeOnly: boolean;
  names: string;
}

const statement =
  /\b(?:import|export)\s+(?<type>type\s)?(?<names>[^'";]*?)\s*from\s*['"](?<from>[^'"]+)['"]|\bimport\s*\(\s*['"](?<lazy>[^'"]+)['"]|\bimport\s+['"](?<bare>[^'"]+)['"]|\brequire\s*\(\s*['"](?<required>[^'"]+)['"]/g;

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));

function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), 'utf8').replace(/^\s*(?:\/\*[\s\S]*?\*\/|\/\/.*)$/gm, '');
  return [...text.matchAll(statement)].map(({ groups = {} }) => {
    const specifier = groups.from ?? groups.lazy ?? groups.bare ?? groups.required ?? '';
    const own = specifier.startsWith('.');
    return {
      file,
      target: own ? normalize(join(file, '..', specifier)) : specifier,
      own,
      typeOnly: groups.type !== undefined,
      names: groups.names ?? '',
    };
  });
}

const imports = files.flatMap(importsOf);
const shown = ({ file, target }: Import): string => `${file} imports ${target}`;

/** A path that ends in `/` stands for everything below it. */
const within = (path: string, places: readonly string[]): boolean =>
  places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));

/**
 * What each part may import of the others, innermost first; itself always. `types` may be named but not used at run time.
 * Whatever is not listed for a part is forbidden to it.
 */
const parts: Readonly<Record<string, { uses?: readonly string[]; types?: readonly string[] }>> = {
  'errors.ts': {},
  'closest.ts': {},
  'is-object.ts': {},
  'unseen.ts': {},
  'version.ts': { uses: ['../package.json'] },
  'kube/gateway.ts': { types: ['kube/resources.ts'] },
  'kube/resources.ts': {},
  'kube/impersonation.ts': {},
  'kube/client-node/': { uses: ['kube/', 'errors.ts', 'closest.ts', 'is-object.ts'] },
  'cnpg/': {
    uses: ['kube/resources.ts', 'errors.ts', 'closest.ts', 'unseen.ts'],
    types: ['kube/gateway.ts'],
  },
  'policy/': { uses: ['errors.ts'], types: ['kube/gateway.ts'] },
  'tools/': {
    uses: ['cnpg/', 'policy/', 'kube/resources.ts', 'errors.ts', 'closest.ts', 'is-object.ts'],
    types: ['kube/gateway.ts'],
  },
  'permissions.ts': {
    uses: ['tools/', 'kube/resources.ts', 'mcp/resources/watches.ts'],
    types: ['kube/gateway.ts'],
  },
  'mcp/': { uses: ['tools/', 'policy/', 'errors.ts', 'closest.ts', 'is-object.ts'] },
  // The clusters as resources: watched through the port, and a surface for the adapters like the tools are.
  'mcp/resources/': {
    uses: ['mcp/surface.ts', 'tools/', 'policy/', 'errors.ts'],
    types: ['kube/gateway.ts', 'cnpg/types.ts'],
  },
  'observability/': { uses: ['tools/', 'errors.ts'], types: ['mcp/', 'policy/'] },
  'http/': { uses: ['mcp/', 'policy/', 'observability/', 'errors.ts', 'is-object.ts'] },
  'auth/': {
    uses: ['policy/', 'kube/impersonation.ts', 'closest.ts', 'errors.ts', 'unseen.ts'],
    types: ['http/', 'observability/', 'kube/gateway.ts'],
  },
  'readiness.ts': { uses: ['errors.ts'], types: ['http/', 'kube/gateway.ts'] },
  'app.ts': { uses: ['http/', 'mcp/'], types: ['observability/'] },
  'config/': {
    uses: [
      'tools/',
      'policy/effect.ts',
      'auth/options.ts',
      'cnpg/images.ts',
      'kube/impersonation.ts',
      'http/limits.ts',
      'http/host-origin.ts',
      'closest.ts',
      'errors.ts',
      'is-object.ts',
    ],
    types: ['policy/', 'observability/', 'auth/'],
  },
  'compose.ts': { uses: ['config/', 'kube/', 'mcp/', 'policy/', 'tools/', 'version.ts'] },
  'commands/': {
    uses: [
      ...[
        'app.ts',
        'auth/',
        'closest.ts',
        'compose.ts',
        'config/',
        'errors.ts',
        'http/',
        'kube/resources.ts',
        'mcp/',
      ],
      ...['observability/', 'permissions.ts', 'policy/', 'readiness.ts', 'tools/', 'version.ts'],
      // The demonstration carries its own cluster.
      '../../e2e/simulator/',
    ],
    types: ['kube/gateway.ts'],
  },
  'program.ts': { uses: ['commands/', 'closest.ts'] },
  'main.ts': { uses: ['commands/terminal.ts', 'program.ts'] },
};

/** Packages that only one part may know, so that replacing one is a change in one place. */
const packages: readonly { name: string; only: readonly string[] }[] = [
  { name: '@modelcontextprotocol/', only: ['mcp/'] },
  { name: '@kubernetes/client-node', only: ['kube/client-node/'] },
  { name: 'undici', only: ['kube/client-node/', 'auth/'] },
  { name: 'jose', only: ['auth/'] },
  { name: 'openid-client', only: ['auth/'] },
  { name: 'prom-client', only: ['observability/metrics.ts'] },
  { name: 'pino', only: ['observability/logger.ts'] },
  { name: 'fastify', only: ['http/', 'app.ts'] },
  { name: '@fastify/', only: ['http/', 'app.ts'] },
];

const partOf = (path: string): string | undefined =>
  Object.keys(parts)
    .filter((part) => within(path, [part]))
    .sort((a, b) => b.length - a.length)[0];

describe('the source of the server', () => {
  it('is read by this test: every file belongs to a part, and every import is seen', () => {
    expect(files.filter((file) => partOf(file) === undefined)).toEqual([]);
    expect(imports.map(shown)).toContain('tools/pipeline.ts imports tools/apply.ts');
    expect(imports.map(shown)).toContain('program.ts imports commands/serve.ts');
  });

  it('imports inwards only', () => {
    const wrong = imports.filter(({ file, target, own, typeOnly }) => {
      const part = partOf(file) ?? '';
      const { uses = [], types = [] } = parts[part] ?? {};
      return own && !within(target, [part, ...uses, ...(typeOnly ? types : [])]);
    });
    expect(wrong.map(shown)).toEqual([]);
  });

  it.each(packages)('knows $name only in $only', ({ name, only }) => {
    const wrong = imports.filter(
      ({ file, target, own }) =>
        !own &&
        (target === name || target.startsWith(name.endsWith('/') ? name : `${name}/`)) &&
        !within(file, only),
    );
    expect(wrong.map(shown)).toEqual([]);
  });

  it('does no I/O where it decides: the domain and the policy', () => {
    const pure = imports.filter(({ file, own }) => !own && within(file, ['cnpg/', 'policy/']));
    // Hashes and random numbers are needed to name objects and to seal confirmations.
    const allowed = ['node:crypto', 'zod'];
    expect(pure.filter(({ target }) => !allowed.includes(target)).map(shown)).toEqual([]);
  });

  it('writes to Kubernetes in one place: only the pipeline applies plans', () => {
    const users = imports.filter(
      ({ target, names }) => target === 'tools/apply.ts' && /\bapplyPlan\b/.test(names),
    );
    expect(users.map(({ file }) => file)).toEqual(['tools/pipeline.ts']);
  });

  it('makes its gateway in one place, so that every tool gets it through the guard', () => {
    const users = imports.filter(
      ({ file, target }) => target.startsWith('kube/client-node/') && !file.startsWith('kube/client-node/'),
    );
    expect(users.map(({ file }) => file)).toEqual(['compose.ts']);
  });

  it('starts no other programs', () => {
    const wrong = imports.filter(({ target }) =>
      /^(node:)?(child_process|cluster|worker_threads)$/.test(target),
    );
    expect(wrong.map(shown)).toEqual([]);
  });
});
