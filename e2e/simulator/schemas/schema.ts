/**
 * Structural schemas: what a CustomResourceDefinition says about the fields of a kind, and the four things the API
 * server does with it, in its order: prune, default, validate, check rules.
 */

import { cause, type StatusCause } from '../api/api-error.ts';
import { copy, isFields, sameJson } from '../json.ts';
import type { Fields } from '../types.ts';

/** One `x-kubernetes-validations` rule: the CEL text that is published, and the same decision in TypeScript. */
export interface Rule {
  rule: string;
  message: string;
  /**
   * `before` is undefined for a new value; a rule that is about a transition must then be true. A text is the name of
   * a field that the rule needs and the value lacks, which CEL reports as an error of the rule.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the JSON that the schema node describes
  holds(self: any, before: any): boolean | string;
}

export interface Schema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
  required?: string[];
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
  default?: unknown;
  intOrString?: true;
  /** Fields below that the schema does not name are kept. */
  open?: true;
  atomic?: true;
  /** Keys that identify an item of a list ("list-type: map"); without them a list is atomic. */
  listKeys?: string[];
  rules?: Rule[];
}

/** Drops the fields that the schema does not know. Returns the rest and the paths of what was dropped. */
export function prune(schema: Schema, value: unknown): { value: unknown; unknown: string[] } {
  const unknown: string[] = [];
  return { value: pruneAt(schema, value, '', unknown), unknown: unknown.sort() };
}

function pruneAt(schema: Schema, value: unknown, path: string, unknown: string[]): unknown {
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined
      ? value
      : value.map((item, index) => pruneAt(items, item, `${path}[${index}]`, unknown));
  }
  if (!isFields(value)) return value;
  const kept: Fields = {};
  for (const [key, field] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    if (known !== undefined) kept[key] = pruneAt(known, field, at, unknown);
    else if (schema.open) kept[key] = field;
    else unknown.push(at);
  }
  return kept;
}

/** Fills in the defaults, in place. A null where there is a default counts as absent, as in the API server. */
export function applyDefaults(schema: Schema, value: unknown): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) applyDefaults(schema.items, item);
    return;
  }
  if (!isFields(value)) return;
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    if (field.default !== undefined && (value[key] === undefined || value[key] === null)) {
      value[key] = copy(field.default);
    }
    if (value[key] !== undefined) applyDefaults(field, value[key]);
  }
  if (schema.additionalProperties !== undefined) {
    for (const field of Object.values(value)) applyDefaults(schema.additionalProperties, field);
  }
}

const unchecked: StatusCause = cause.invalid(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

/** With one of these the API server does not look at the rules. */
const blocking = new Set([
  'FieldValueRequired',
  'FieldValueTypeInvalid',
  'FieldValueNotSupported',
  'FieldValueTooLong',
  'FieldValueTooMany',
]);

/** Everything that is wrong with a value; rules are only looked at when the types are right. `before` is the stored value. */
export function validate(schema: Schema, value: unknown, before?: unknown): StatusCause[] {
  const causes: StatusCause[] = [];
  validateAt(schema, value, '', causes);
  if (causes.some(({ reason }) => blocking.has(reason))) return [...causes, unchecked];
  checkRules(schema, value, before, '', causes);
  return causes;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function hasType(schema: Schema, value: unknown): boolean {
  if (schema.intOrString) return typeof value === 'string' || Number.isInteger(value);
  if (schema.type === undefined) return true;
  const name = typeName(value);
  return name === schema.type || (schema.type === 'number' && name === 'integer');
}

function validateAt(schema: Schema, value: unknown, path: string, causes: StatusCause[]): void {
  if (!hasType(schema, value)) {
    const type = schema.intOrString ? 'integer,string' : schema.type;
    const fraction = schema.type === 'integer' && typeof value === 'number';
    const name = fraction ? 'float64' : typeName(value);
    const expected = fraction ? 'int64' : type;
    causes.push(cause.wrongType(path, name, `${path} in body must be of type ${expected}: "${name}"`));
  }
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) {
    causes.push(cause.unsupported(path, value, schema.enum));
  }
  if (typeof value === 'string') validateString(schema, value, path, causes);
  if (typeof value === 'number') validateNumber(schema, value, path, causes);
  if (Array.isArray(value)) validateArray(schema, value, path, causes);
  if (isFields(value)) validateObject(schema, value, path, causes);
}

function validateString(schema: Schema, value: string, path: string, causes: StatusCause[]): void {
  const { minLength, maxLength, pattern, format } = schema;
  if (maxLength !== undefined && value.length > maxLength) {
    causes.push({
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${maxLength} bytes`,
      field: path,
    });
  }
  if (minLength !== undefined && value.length < minLength) {
    causes.push(cause.invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (pattern !== undefined && !new RegExp(pattern).test(value)) {
    causes.push(cause.invalid(path, value, `${path} in body should match '${pattern}'`));
  }
  const dateTime = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
  if (format === 'date-time' && !(dateTime.test(value) && !Number.isNaN(Date.parse(value)))) {
    causes.push(cause.wrongType(path, value, `${path} in body must be of type date-time: "${value}"`));
  }
}

function validateNumber(schema: Schema, value: number, path: string, causes: StatusCause[]): void {
  if (schema.minimum !== undefined && value < schema.minimum) {
    causes.push(
      cause.invalid(path, value, `${path} in body should be greater than or equal to ${schema.minimum}`),
    );
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    causes.push(
      cause.invalid(path, value, `${path} in body should be less than or equal to ${schema.maximum}`),
    );
  }
}

function validateArray(schema: Schema, value: unknown[], path: string, causes: StatusCause[]): void {
  const { minItems, maxItems, items, listKeys } = schema;
  if (minItems !== undefined && value.length < minItems) {
    causes.push(cause.invalid(path, value.length, `${path} in body should have at least ${minItems} items`));
  }
  if (maxItems !== undefined && value.length > maxItems) {
    causes.push({
      reason: 'FieldValueTooMany',
      message: `Too many: ${value.length}: must have at most ${maxItems} items`,
      field: path,
    });
  }
  if (items === undefined) return;
  for (const [index, item] of value.entries()) validateAt(items, item, `${path}[${index}]`, causes);
  if (listKeys === undefined) return;
  const identities = value.map((item) => listKeys.map((key) => (isFields(item) ? item[key] : undefined)));
  for (const [index, identity] of identities.entries()) {
    if (identities.slice(0, index).some((earlier) => sameJson(earlier, identity))) {
      const keys = Object.fromEntries(listKeys.map((key, at) => [key, identity[at]]));
      causes.push(cause.duplicate(`${path}[${index}]`, keys));
    }
  }
}

function validateObject(schema: Schema, value: Fields, path: string, causes: StatusCause[]): void {
  const below = (key: string) => (path === '' ? key : `${path}.${key}`);
  for (const key of schema.required ?? []) {
    if (value[key] === undefined) causes.push(cause.required(below(key)));
  }
  for (const [key, field] of Object.entries(value)) {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    if (known !== undefined && field !== undefined) validateAt(known, field, below(key), causes);
  }
}

function checkRules(
  schema: Schema,
  value: unknown,
  before: unknown,
  path: string,
  causes: StatusCause[],
): void {
  for (const { message, holds } of schema.rules ?? []) {
    const outcome = holds(value, before);
    if (outcome === true) continue;
    if (typeof outcome === 'string') {
      causes.push(cause.invalid(path, 'object', `no such key: ${outcome} evaluating rule: ${message}`));
      continue;
    }
    // The API server leaves out a value that is an object or a list.
    const scalar = typeof value !== 'object';
    causes.push(
      scalar
        ? cause.invalid(path, value, message)
        : { reason: 'FieldValueInvalid', message: `Invalid value: ${message}`, field: path },
    );
  }
  if (isFields(value)) {
    for (const [key, field] of Object.entries(value)) {
      const known = schema.properties?.[key] ?? schema.additionalProperties;
      const old = isFields(before) ? before[key] : undefined;
      if (known !== undefined) checkRules(known, field, old, path === '' ? key : `${path}.${key}`, causes);
    }
  }
  if (Array.isArray(value) && schema.items !== undefined) {
    for (const [index, item] of value.entries())
      checkRules(schema.items, item, undefined, `${path}[${index}]`, causes);
  }
}

/** The schema as `openAPIV3Schema` of a CustomResourceDefinition. */
export function publish(schema: Schema): Fields {
  const { properties, additionalProperties, items, intOrString, open, atomic, listKeys, rules, ...plain } =
    schema;
  return {
    ...plain,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([key, field]) => [key, publish(field)])),
    }),
    ...(additionalProperties && { additionalProperties: publish(additionalProperties) }),
    ...(items && { items: publish(items) }),
    ...(intOrString && {
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      'x-kubernetes-int-or-string': true,
    }),
    ...(open && { 'x-kubernetes-preserve-unknown-fields': true }),
    ...(atomic && { 'x-kubernetes-map-type': 'atomic' }),
    ...(listKeys && { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': listKeys }),
    ...(rules && { 'x-kubernetes-validations': rules.map(({ rule, message }) => ({ rule, message })) }),
  };
}
