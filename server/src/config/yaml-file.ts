import { readFile } from 'node:fs/promises';
import { isObject } from '../is-object.ts';
import { UsageError } from './usage-error.ts';

/**
 * An unknown key as it may stand in a message: somebody may have written a secret where a key belongs. None that is accepted
 * is as short as the names that are shown: `confirmationKey` has at least 32 characters.
 */
export function shownKey(name: string): string {
  return /^[\w.-]{1,31}$/.test(name) ? name : '(a key that is no name, so not shown)';
}

/** Reads a file of settings (YAML or JSON). Throws {@link UsageError} when it cannot be read or holds no `key: value`. */
export async function readYamlFile(file: string): Promise<Record<string, unknown>> {
  const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    throw new UsageError(`The configuration file ${file} cannot be read: ${thrown.code ?? thrown.message}.`);
  });
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    content = parse(text);
  } catch (thrown) {
    // The parser quotes the line it stumbled on, and that line may hold a secret: only its position is passed on.
    const position = (thrown as { linePos?: [{ line: number; col: number }] }).linePos?.[0];
    const where = position ? ` at line ${position.line}, column ${position.col}` : '';
    throw new UsageError(`The configuration file ${file} is not YAML${where}.`);
  }
  if (content === null || content === undefined) return {};
  if (!isObject(content)) {
    throw new UsageError(`The configuration file ${file} must hold settings as key: value.`);
  }
  return content;
}
