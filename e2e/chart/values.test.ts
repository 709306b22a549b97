import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { defaultValues } from '../../rbac-bootstrap/src/values.ts';
import { chartValues } from '../../server/scripts/chart/readme.ts';
import { settings } from '../../server/src/config/schema.ts';
import { root } from '../scripts/paths.ts';
import {
  chartFile,
  defaults,
  isTree,
  leafPaths,
  mayBeMissing,
  paths,
  type Tree,
  templates,
  valueFiles,
} from './files.ts';

const documented = chartValues(chartFile('values.yaml'));
const schema = JSON.parse(chartFile('values.schema.json')) as Schema;

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
}

/** True when `path` is a documented value, or lies inside one. */
const covers = (documentedPath: string, path: string): boolean =>
  path === documentedPath || path.startsWith(`${documentedPath}.`);

describe('every value of the chart', () => {
  it('is documented by a comment', () => {
    expect(documented.filter(({ description }) => !/^[A-Z].*[.`]$/.test(description))).toEqual([]);
    const undocumented = leafPaths(defaults)
      .map((path) => path.join('.'))
      .filter((path) => !documented.some((value) => covers(value.path, path)));
    expect(undocumented).toEqual([]);
  });

  it('is in the schema, and the schema has no other', () => {
    const known = (level: Schema, path: readonly string[]): boolean => {
      const [key, ...rest] = path;
      if (key === undefined || level.properties === undefined) return true;
      const next = level.properties[key];
      return next !== undefined && known(next, rest);
    };
    expect(leafPaths(defaults).filter((path) => !known(schema, path))).toEqual([]);
    const extra = (level: Schema, tree: Tree, path: string): string[] =>
      Object.entries(level.properties ?? {}).flatMap(([key, next]) => {
        const here = path === '' ? key : `${path}.${key}`;
        // `config` holds the server's settings, and `global` is what Helm adds to every chart.
        if (here === 'config' || here === 'global') return [];
        if (!(key in tree)) return [here];
        const below = tree[key];
        const isOpen = documented.some((value) => value.path === here);
        return isTree(below) && !isOpen ? extra(next, below, here) : [];
      });
    expect(extra(schema, defaults, '')).toEqual([]);
  });

  it('is used by a template', () => {
    const text = [...templates.values()].join('\n');
    // A template may put a part into a variable: `{{- $rbac := .Values.rbac -}}`.
    const aliases = [...text.matchAll(/(\$\w+) := \.Values\.([\w.]+)/g)].map(([, name = '', path = '']) => ({
      name,
      path,
    }));
    const isUsed = (path: string): boolean => {
      const forms = [`.Values.${path}`];
      for (const alias of aliases) {
        if (path.startsWith(`${alias.path}.`))
          forms.push(`${alias.name}.${path.slice(alias.path.length + 1)}`);
      }
      return forms.some((form) => new RegExp(`${form.replaceAll(/[.$]/g, '\\$&')}(?!\\w)`).test(text));
    };
    // These are looked up by a name that is a variable; what they do is tested by rendering.
    const byName = [/^rbac\.addOns\./, /^rbac\.cnpgRoleNames\./];
    const unused = documented
      .map(({ path }) => path)
      .filter((path) => !isUsed(path) && !byName.some((pattern) => pattern.test(path)));
    expect(unused).toEqual([]);
  });

  it('is set by at least one of the files that are tested', () => {
    const set = valueFiles.flatMap((file) => leafPaths((parse(readFileSync(file, 'utf8')) ?? {}) as Tree));
    const paths = set.map((path) => path.join('.'));
    const untested = documented.filter(({ path }) => !paths.some((one) => covers(path, one)));
    expect(untested.map(({ path }) => path)).toEqual([]);
  });
});

describe('the schema', () => {
  it('refuses what it does not know at every level of values', () => {
    const open = (level: Schema, path: string): string[] => [
      ...(level.properties && level.additionalProperties !== false ? [path] : []),
      ...Object.entries(level.properties ?? {}).flatMap(([key, next]) => open(next, `${path}.${key}`)),
      ...(level.items ? open(level.items, `${path}[]`) : []),
    ];
    expect(open(schema, '')).toEqual([]);
  });

  it('requires every value, because Helm takes away a key that a file has without a value', () => {
    const isRequired = (path: readonly string[]): boolean => {
      let level: Schema | undefined = schema;
      for (const key of path.slice(0, -1)) level = level?.properties?.[key];
      return level?.required?.includes(path.at(-1) as string) === true;
    };
    const wrongly = paths(defaults).filter((path) => isRequired(path) === mayBeMissing(path));
    expect(wrongly).toEqual([]);
  });

  it('takes under config every setting of the server, but for secrets and for what the chart sets', () => {
    const known = (path: readonly string[]): boolean => {
      let level: Schema | undefined = schema.properties?.config;
      for (const key of path) level = level?.properties?.[key];
      return level !== undefined;
    };
    const missing = settings.filter(({ path, secret }) => !secret && !known(path)).map(({ key }) => key);
    expect(missing.sort()).toEqual([
      'auth.tokensFile',
      'confirmationKeyFile',
      'managementPort',
      'port',
      'transport',
      'unsafeAllowAnonymous',
    ]);
    expect(settings.filter(({ path, secret }) => secret && known(path))).toEqual([]);
  });
});

describe('the defaults', () => {
  it('are those of cnpg-mcp-rbac', () => {
    const { nameOverride, fullnameOverride, serviceAccount, rbac } = defaults;
    expect({ nameOverride, fullnameOverride, serviceAccount, rbac }).toEqual(defaultValues);
  });
});

describe('Chart.yaml', () => {
  it('has the version of the programs, and names the image that the values name', () => {
    const chart = parse(chartFile('Chart.yaml'));
    for (const name of ['server', 'rbac-bootstrap']) {
      const { version } = JSON.parse(readFileSync(join(root, name, 'package.json'), 'utf8'));
      expect({ version: chart.version, appVersion: chart.appVersion }).toEqual({
        version,
        appVersion: version,
      });
    }
    const [image] = parse(chart.annotations['artifacthub.io/images']);
    const { repository } = defaults.image as { repository: string };
    expect(image.image).toBe(`${repository}:${chart.appVersion}`);
    expect(parse(chart.annotations['artifacthub.io/changes'])[0].kind).toBe('added');
  });
});
