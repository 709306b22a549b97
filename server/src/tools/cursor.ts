/** Cursors of lists: opaque to the caller, bound to the question they were given for. */
import { ToolError } from '../errors.ts';
import { digest } from '../policy/confirmation.ts';

/** Where a list goes on: after `skip` items of the page that the API server's token opens. */
export interface Position {
  /** The API server's continue token; empty for the first page. */
  token: string;
  skip: number;
}

/** Makes a cursor for the same question (arguments without the cursor itself). */
export function encodeCursor(position: Position, question: unknown): string {
  return Buffer.from(JSON.stringify([position.token, position.skip, digest(question).slice(0, 12)])).toString(
    'base64url',
  );
}

/** Opens a cursor. Throws `invalid_arguments` when it is damaged or belongs to another question. */
export function decodeCursor(cursor: string | undefined, question: unknown): Position {
  if (cursor === undefined) return { token: '', skip: 0 };
  try {
    const [token, skip, bound] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown[];
    const intact =
      typeof token === 'string' &&
      Number.isInteger(skip) &&
      (skip as number) >= 0 &&
      (skip as number) <= 1_000_000;
    if (intact && bound === digest(question).slice(0, 12)) return { token, skip: skip as number };
  } catch {
    // Falls through to the one error for every damaged cursor.
  }
  throw new ToolError('invalid_arguments', 'cursor does not belong to this question.', {
    hint: 'Pass next_cursor of the answer before unchanged, with the same other arguments, or start again without it.',
  });
}
