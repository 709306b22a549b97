/** One setting: its schema and everything that is derived from its place in it (file key, variable, flag, documentation). */
import { z } from 'zod';
import { kindOf, unwrap, type ValueKind } from './text-value.ts';

/** Groups of settings, in the order in which they are documented. A command takes the flags of some of them. */
export const sections = {
  process: 'The process',
  http: 'HTTP',
  auth: 'Sign-in',
  sessions: 'Sessions',
  kubernetes: 'Kubernetes',
  policy: 'What may be done',
  confirmation: 'Confirmation',
  audit: 'Audit',
  postgresql: 'PostgreSQL',
} as const;
export type Section = keyof typeof sections;
/** For commands that take everything a server on HTTP takes. */
export const everySection = Object.keys(sections) as Section[];

/** What a setting says about itself beyond its schema. */
export interface SettingMeta {
  section: Section;
  description: string;
  /** Further environment variables that are read when `CNPG_MCP_…` is not set. */
  alsoEnvironment?: readonly string[];
  /** Never shown, and not accepted as a flag: a process list shows those to everybody. */
  secret?: boolean;
}

export interface Setting extends SettingMeta {
  /** Key in the file, with dots between levels: `postgres.defaultVersion`. */
  key: string;
  path: readonly string[];
  /** Environment variables, the first that is set wins: `CNPG_MCP_PORT`, `PORT`. */
  environment: readonly string[];
  /** Without the dashes; `undefined` for secrets. */
  flag: string | undefined;
  kind: ValueKind;
  /** Values that are allowed, when there is a fixed list. */
  choices: readonly string[] | undefined;
  /** `undefined`: there is none. */
  default: unknown;
}

const registry = z.registry<SettingMeta>();

/** Declares a setting. */
export function setting<Schema extends z.ZodType>(schema: Schema, meta: SettingMeta): Schema {
  registry.add(schema, meta);
  return schema;
}

/** Every setting of a schema, in its order. Objects that are not declared as a setting are levels in the file. */
export function settingsOf(schema: z.ZodObject, parents: readonly string[] = []): Setting[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, field]) => {
    const path = [...parents, name];
    const meta = registry.get(field);
    if (!meta) return settingsOf(unwrap(field) as z.ZodObject, path);
    const words = wordsOf(path);
    return [
      {
        ...meta,
        key: path.join('.'),
        path,
        environment: [`CNPG_MCP_${words.join('_').toUpperCase()}`, ...(meta.alsoEnvironment ?? [])],
        flag: meta.secret ? undefined : flagNameOf({ path }),
        kind: kindOf(field),
        choices: choicesOf(unwrap(field)),
        default: field.safeParse(undefined).data,
      },
    ];
  });
}

function wordsOf(path: readonly string[]): string[] {
  return path.flatMap((part) => part.split(/(?=[A-Z])/)).map((word) => word.toLowerCase());
}

/** What the flag of a setting is called, without the dashes; for a secret: would be called. */
export function flagNameOf({ path }: Pick<Setting, 'path'>): string {
  return wordsOf(path).join('-');
}

function choicesOf(schema: z.core.$ZodType): string[] | undefined {
  if (schema instanceof z.ZodEnum) return schema.options.map(String);
  return schema instanceof z.ZodArray ? choicesOf(schema.element) : undefined;
}
