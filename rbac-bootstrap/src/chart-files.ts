/** The chart's own defaults and schema: what a file of values is held to, here as by Helm. */
import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject } from 'ajv';
import { parse } from 'yaml';
import { closest } from '../../server/src/closest.ts';

/** Values as Helm has them: a map that may hold anything. */
export type Tree = { [key: string]: unknown };

/** The defaults of values.yaml. */
export function chartDefaults(): Tree {
  return parse(readFileSync(new URL('../../chart/values.yaml', import.meta.url), 'utf8')) as Tree;
}

/** One sentence for everything that the chart's values.schema.json finds wrong with the values. */
export function schemaProblems(values: Tree): string[] {
  const schema = readFileSync(new URL('../../chart/values.schema.json', import.meta.url), 'utf8');
  const validate = new Ajv({ allErrors: true, strict: false, verbose: true }).compile(JSON.parse(schema));
  if (validate(values)) return [];
  const sentences = (validate.errors ?? []).flatMap(sentenceOf);
  return [...new Set(sentences)];
}

/** Keywords whose failure only sums up others, which are told by themselves. */
const summaries: readonly string[] = ['if', 'anyOf', 'allOf'];

function sentenceOf({ instancePath, keyword, params, message, parentSchema }: ErrorObject): string[] {
  const path = instancePath.split('/').slice(1);
  const at = (...more: string[]): string => [...path, ...more].join('.');
  if (summaries.includes(keyword)) return [];
  if (keyword === 'additionalProperties') {
    const name = String(params.additionalProperty);
    const meant = closest(name, Object.keys(parentSchema?.properties ?? {}));
    return [`${at(name)}: there is no such value${meant ? `; did you mean ${at(meant)}?` : ''}`];
  }
  if (keyword === 'required') return [`${at(String(params.missingProperty))}: a value is needed`];
  // The other way to be right is to be empty, which needs no mention.
  if (keyword === 'const' && params.allowedValue === '') return [];
  if (keyword === 'const') return [`${at()}: must be ${JSON.stringify(params.allowedValue)}`];
  if (keyword === 'enum') return [`${at()}: must be one of ${params.allowedValues.join(', ')}`];
  return [`${at()}: ${message}`];
}
