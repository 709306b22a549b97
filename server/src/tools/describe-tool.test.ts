import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineReadTool } from './define-tool.ts';
import { describeTool } from './describe-tool.ts';
import { namespace } from './inputs.ts';

const described = describeTool(
  defineReadTool({
    name: 'look_at_it',
    title: 'Look',
    description: 'Looks.',
    toolset: 'clusters',
    permissions: [],
    input: z.strictObject({
      name: z.string().min(1).max(50).regex(/^x/).describe('Whose.'),
      namespace,
      flag: z.boolean().nullish(),
      off: z.boolean().default(false),
      on: z.boolean().default(true),
      size: z.int().min(1).max(9).default(3),
      kind: z.enum(['a', 'b']),
      list: z.array(z.string().max(5)).max(4),
      map: z.record(z.string().max(7), z.string().max(8)),
      either: z.union([z.int().max(3), z.string()]),
    }),
    output: z.object({
      name: z.string(),
      size: z.int().optional().describe('How many.'),
      storage: z.string().nullable(),
      items: z.array(z.object({ name: z.string() })),
      inner: z.object({ deep: z.object({ deeper: z.string() }) }),
    }),
    read: async () => ({ output: {} as never }),
    text: () => '',
  }),
);

it('advertises what is needed to fill in a call, and not how a text is spelt', () => {
  expect(described.inputSchema).toEqual({
    type: 'object',
    properties: {
      name: { type: 'string', description: 'Whose.' },
      namespace: { type: 'string', description: "Default: the server's own." },
      flag: { type: ['boolean', 'null'] },
      off: { type: 'boolean' },
      on: { type: 'boolean', default: true },
      size: { type: 'integer', minimum: 1, maximum: 9, default: 3 },
      kind: { type: 'string', enum: ['a', 'b'] },
      list: { type: 'array', items: { type: 'string' }, maxItems: 4 },
      map: { type: 'object', additionalProperties: { type: 'string' } },
      either: {
        anyOf: [{ type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: 3 }, { type: 'string' }],
      },
    },
    required: ['name', 'kind', 'list', 'map', 'either'],
    additionalProperties: false,
  });
});

it('advertises the fields of an answer with their types, open inside, and lets an error be in their place', () => {
  expect(described.outputSchema).toEqual({
    type: 'object',
    properties: {
      name: { type: 'string' },
      size: { type: 'integer', description: 'How many.' },
      storage: { type: ['string', 'null'] },
      items: { type: 'array' },
      inner: { type: 'object' },
    },
  });
});
