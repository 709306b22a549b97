/** chart/README.md's table: every value with its default, from the comments in values.yaml. */
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { cell, table } from '../markdown.ts';

/** One value that can be set. */
export interface ChartValue {
  /** `rbac.addOns.events`. */
  path: string;
  default: unknown;
  description: string;
}

/** Every value of values.yaml that has a comment starting with `--`, in its order; levels without one are walked into. */
export function chartValues(valuesYaml: string): ChartValue[] {
  return walk(parseDocument(valuesYaml).contents as YAMLMap, '');
}

function walk(map: YAMLMap, path: string): ChartValue[] {
  return map.items.flatMap((pair: Pair, index) => {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const full = path === '' ? key : `${path}.${key}`;
    const comment = commentOf(pair, index === 0 ? map.commentBefore : undefined);
    if (comment === undefined && isMap(pair.value)) return walk(pair.value, full);
    const value = (pair.value as { toJSON(): unknown } | null)?.toJSON() ?? null;
    return [{ path: full, default: value, description: comment ?? '' }];
  });
}

/** The text after `--`; the parser puts the comment of the first key to its map. */
function commentOf(pair: Pair, ofMap: string | null | undefined): string | undefined {
  const text = [ofMap, isScalar(pair.key) ? pair.key.commentBefore : undefined].join('\n');
  const start = text.lastIndexOf(' -- ');
  if (start < 0) return undefined;
  return text
    .slice(start + ' -- '.length)
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim();
}

/** The table, as Markdown. */
export function valuesTable(valuesYaml: string): string {
  const rows = chartValues(valuesYaml).map(({ path, default: preset, description }) => [
    `\`${path}\``,
    preset === '' ? '' : `\`${JSON.stringify(preset)}\``,
    cell(description),
  ]);
  return table(['value', 'default', 'what it does'], rows);
}
