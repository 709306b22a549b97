/** A tool as clients see it: everything is derived from its declaration, and nothing is decided by its name. */
import { z } from 'zod';
import { advertisedChangeOutput } from './answer.ts';
import type { ToolDescription } from './call.ts';
import type { Tool } from './define-tool.ts';

/**
 * Derives what is shown of a tool. Every client reads the whole list, and its model pays for it, so the schemas are short
 * forms ({@link shortInput}, {@link shortOutput}) of those that calls and answers are held to.
 */
export function describeTool(tool: Tool): ToolDescription {
  const output = tool.effect === 'read' ? tool.output : advertisedChangeOutput;
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: shortInput(jsonSchema(tool.input, 'input')) as ToolDescription['inputSchema'],
    outputSchema: shortOutput(jsonSchema(output, 'output')) as ToolDescription['outputSchema'],
    annotations: {
      readOnlyHint: tool.effect === 'read',
      destructiveHint: tool.effect === 'destroy',
      idempotentHint: tool.effect === 'read' || tool.idempotent === true,
      openWorldHint: false,
    },
  };
}

/** A node of a JSON Schema, as far as zod writes one. */
export interface JsonSchema {
  type?: string | string[];
  enum?: unknown[];
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  additionalProperties?: boolean | JsonSchema;
  anyOf?: JsonSchema[];
  required?: string[];
  [keyword: string]: unknown;
}

/** The schema that the arguments (`input`) or the result (`output`) of a tool are really held to, as JSON Schema 2020-12. */
export function jsonSchema(schema: z.ZodObject, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return rest as JsonSchema;
}

/** How a text is spelt, which a call is told in words when it gets it wrong. */
const spelling: ReadonlySet<string> = new Set(['pattern', 'minLength', 'maxLength', 'propertyNames']);

/**
 * An input schema without the rules about how a text is spelt and without what goes without saying: that a switch is off
 * unless it is turned on. What is needed to fill in a call stays: types, choices, bounds of numbers and lists, defaults, what
 * is required. Accepts everything that the full schema accepts.
 */
export function shortInput(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties, anyOf, ...rest } = schema;
  const kept = Object.entries(rest).filter(
    ([keyword, value]) => !spelling.has(keyword) && !(keyword === 'default' && value === false),
  );
  return {
    ...Object.fromEntries(kept),
    ...(anyOf && { anyOf: anyOf.map(shortInput) }),
    ...(properties && { properties: mapValues(properties, shortInput) }),
    ...(items && { items: shortInput(items) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'object' ? shortInput(additionalProperties) : additionalProperties,
    }),
  };
}

/**
 * An output schema that names the fields of an answer with their types and leaves open what is in them: a model reads the
 * answer itself. Nothing is required, because the answer to a failed call holds `error` instead, and the official client of the
 * older generation checks that one, too. Fields may be added: what a later version says must not break a client that checks.
 */
export function shortOutput({ properties = {} }: JsonSchema): JsonSchema {
  const short = ({ type, description }: JsonSchema): JsonSchema => ({
    ...(type !== undefined && { type }),
    ...(description !== undefined && { description }),
  });
  return { type: 'object', properties: mapValues(properties, short) };
}

function mapValues<From, To>(record: Record<string, From>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
