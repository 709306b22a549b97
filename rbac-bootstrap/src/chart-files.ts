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

/**
 * One sentence for everything that the chart's values.schema.json finds wrong with the values. The parts in which nothing was `given` are
 * the chart's own: they are not looked at, because getting the schema ready takes half a second.
 */
export function schemaProblems(values: Tree, given: Tree): string[] {
  const text = readFileSync(new URL('../../chart/values.schema.json', import.meta.url), 'utf8');
  const schema = JSON.parse(text) as { properties: Tree };
  const properties = Object.entries(schema.properties).map(([key, part]) => [
    key,
    Object.hasOwn(given, key) ? part : true,
  ]);
  const validate = new Ajv({ allErrors: true, strict: false, verbose: true }).compile({
    ...schema,
    properties: Object.fromEntries(properties),
  });
  if (validate(values)) return [];
  const sentences = (validate.errors ?? []).flatMap(sentenceOf);
  return [...new Set(sentences)];
}

/** How much is shown of a text that fits no pattern. */
const longestShown = 80;
/** The keyword whose failure only sums up others, which are told by themselves. */
const summary = 'anyOf';

function sentenceOf({ instancePath, keyword, params, message, parentSchema, data }: ErrorObject): string[] {
  const path = instancePath.split('/').slice(1);
  const at = (...more: string[]): string => [...path, ...more].join('.');
  if (keyword === summary) return [];
  if (keyword === 'additionalProperties') {
    const name = String(params.additionalProperty);
    const meant = closest(name, Object.keys(parentSchema?.properties ?? {}));
    return [`${at(name)}: there is no such value${meant ? `; did you mean ${at(meant)}?` : ''}`];
  }
  if (keyword === 'required') return [`${at(String(params.missingProperty))}: a value is needed`];
  if (keyword === 'enum') return [`${at()}: must be one of ${params.allowedValues.join(', ')}`];
  if (keyword === 'pattern')
    return [`${at()}: ${JSON.stringify(data).slice(0, longestShown)} does not match ${params.pattern}`];
  return [`${at()}: ${message}`];
}
