/** Files of values, read and merged as Helm does it, with the flags on top. */
import { closeSync, openSync, readSync } from 'node:fs';
import { parseAllDocuments, type ScalarTag, type Tags } from 'yaml';
import { chartDefaults, schemaProblems, type Tree } from './chart-files.ts';
import { usageFailure } from './exit-status.ts';
import { contradictions, defaultValues, type Values, values as valuesSchema } from './values.ts';

/**
 * Defaults, then the files in their order, then the flags (by path of the value). Throws a usage failure with everything that
 * is wrong: all of it is held to the chart's whole schema, although only a part of it is used here.
 */
export function effectiveValues(files: readonly string[], flags: ReadonlyMap<string, unknown>): Values {
  const given = [...files.map(readValues), ...[...flags].map(nested)].reduce(merge, {});
  const defaults = chartDefaults();
  const merged = withoutEmptied(merge(defaults, given), defaults);
  refuse(schemaProblems(merged, given));
  const ours = Object.entries(merged).filter(([key]) => Object.hasOwn(defaultValues, key));
  const values = valuesSchema.parse(Object.fromEntries(ours));
  refuse(contradictions(values));
  return values;
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw usageFailure(`The values are wrong.\n${problems.map((line) => `  ${line}`).join('\n')}`);
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function nested([path, value]: readonly [string, unknown]): Tree {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Tree;
}

function merge(base: Tree, over: Tree): Tree {
  const changed = Object.entries(over).map(([key, value]) => {
    const below = Object.hasOwn(base, key) ? base[key] : undefined;
    return [key, isTree(below) && isTree(value) ? merge(below, value) : value] as const;
  });
  // Not by assignment: to a key `__proto__` that would do something else.
  return Object.fromEntries([...Object.entries(base), ...changed]);
}

/** Helm takes a default away that is overruled by nothing at all. Whether that may be is for the schema to say. */
function withoutEmptied(values: Tree, defaults: Tree): Tree {
  const kept = Object.entries(values).flatMap(([key, value]) => {
    const below = Object.hasOwn(defaults, key) ? defaults[key] : undefined;
    if (value === null && below !== undefined) return [];
    return [[key, isTree(value) && isTree(below) ? withoutEmptied(value, below) : value]];
  });
  return Object.fromEntries(kept);
}

/**
 * What YAML calls no printable character (YAML 1.1, section 5.1): Helm refuses it, the library here would not. And U+0085, which Helm
 * takes for the end of a line and the library does not.
 */
const unprintable = /[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

function readValues(file: string): Tree {
  let content: unknown;
  try {
    content = readYaml(readText(file));
  } catch (thrown) {
    throw usageFailure(`--from-values: ${file} cannot be used: ${(thrown as Error).message}`);
  }
  if (!isTree(content)) throw usageFailure(`--from-values: ${file} must hold values as key: value.`);
  return content;
}

/** A file of values becomes a part of a Secret, and no Secret is larger than this. */
const mostBytes = 1024 * 1024;

/** The text of a file, or of what has no size before it was read, such as a pipe. Throws when it does not end in time. */
function readText(file: string): string {
  if (file === '') throw new Error('the name is empty');
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(mostBytes + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < buffer.length; length += read)
      read = readSync(handle, buffer, length, buffer.length - length, null);
    if (length > mostBytes) throw new Error('it is larger than 1 MiB');
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(handle);
  }
}

function readYaml(text: string): unknown {
  if (unprintable.test(text)) throw new Error('it has control characters, which YAML takes as escapes only');
  const [first, second] = parseAllDocuments(text, { version: '1.1', customTags: asHelmReads });
  if (second) throw new Error('it holds several documents (---), of which Helm would take the first alone');
  const [error] = first?.errors ?? [];
  if (error) throw error;
  return first?.toJS() ?? {};
}

/** `1e3`. What the library has for YAML 1.1 takes the text `e1` for a number as well. */
const exponent: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+$/,
  resolve: (text) => Number(text),
};

const binary: ScalarTag = {
  tag: 'tag:yaml.org,2002:binary',
  resolve: (text) => Buffer.from(text, 'base64').toString(),
};

/** Helm reads YAML 1.1 (`yes` is true), but without its times of day and dates, which stay text, and bytes are text. */
function asHelmReads(tags: Tags): Tags {
  const kept = tags.filter((tag) => {
    if (typeof tag === 'string') return true;
    if (tag.tag === binary.tag) return false;
    const format = 'format' in tag ? tag.format : undefined;
    return tag.tag !== 'tag:yaml.org,2002:timestamp' && format !== 'TIME' && format !== 'EXP';
  });
  return [...kept, exponent, binary];
}
