/** The files of the chart, for tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../scripts/paths.ts';

export const chartFolder: string = join(root, 'chart');

/** Text of a file of the chart. */
export function chartFile(name: string): string {
  return readFileSync(join(chartFolder, name), 'utf8');
}

/** The default values. */
export const defaults = parse(chartFile('values.yaml')) as Tree;

/** Values that are tested: each stands for a kind of installation. */
export const valueFiles: readonly string[] = readdirSync(join(chartFolder, 'ci'))
  .filter((name) => name.endsWith('-values.yaml'))
  .map((name) => join(chartFolder, 'ci', name));

/** Every template with its text. */
export const templates: ReadonlyMap<string, string> = new Map(
  readdirSync(join(chartFolder, 'templates'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(yaml|tpl|txt)$/.test(name))
    .map((name) => [name, chartFile(`templates/${name}`)]),
);

export type Tree = { [key: string]: unknown };

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Paths of everything in a tree that is no tree, or an empty one: `rbac.addOns.events`. */
export function leafPaths(tree: Tree, path: readonly string[] = []): string[][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    isTree(value) && Object.keys(value).length > 0 ? leafPaths(value, [...path, key]) : [[...path, key]],
  );
}

/** Paths of everything in a tree, the trees in it included: `rbac`, `rbac.addOns`, `rbac.addOns.events`. */
export function paths(tree: Tree, above: readonly string[] = []): string[][] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const path = [...above, key];
    return [path, ...(isTree(value) ? paths(value, path) : [])];
  });
}

/** Values that say by null that there is none, and parts of Kubernetes' own types, which null takes out of the defaults. */
export function mayBeMissing(path: readonly string[]): boolean {
  const key = path.join('.');
  const isNull = path.reduce<unknown>((level, name) => (level as Tree)[name], defaults) === null;
  const open = ['strategy', 'resources', 'podSecurityContext', 'securityContext', 'metrics.dashboard.labels'];
  return (
    isNull ||
    key === 'autoscaling.targetCPUUtilizationPercentage' ||
    open.some((one) => key.startsWith(`${one}.`))
  );
}
