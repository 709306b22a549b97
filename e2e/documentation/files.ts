/** The files that pages show. Each names itself in its first line, so that a reader knows where it belongs, and a test what it is. */
import type { Snippet } from './reader.ts';

const kinds = ['values.yaml', 'tokens.yaml', 'cnpg-mcp.yaml'] as const;
export type FileName = (typeof kinds)[number];

/** Name of the file that a block shows: values of the chart, tokens, or settings of the server. Throws when it names none. */
export function fileOf({ page, line, text }: Snippet): FileName {
  const name = kinds.find((kind) => new RegExp(`^# ${kind}(:|$)`, 'm').test(text.split('\n', 1)[0] ?? ''));
  if (!name) throw new Error(`${page}:${line}: the first line must be a comment that names one of ${kinds}.`);
  return name;
}
