import { describe, expect, it } from 'vitest';
import { ToolError } from '../errors.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';

describe('cursor', () => {
  const question = { namespace: 'demo', limit: 10 };

  it('leads back to where it was made', () => {
    expect(decodeCursor(encodeCursor({ token: 't', skip: 7 }, question), question)).toEqual({
      token: 't',
      skip: 7,
    });
    expect(decodeCursor(undefined, question)).toEqual({ token: '', skip: 0 });
  });

  it.each([
    '',
    'rubbish',
    'eyJ9',
    Buffer.from('[1,2,3]').toString('base64url'),
    Buffer.from('["t",-1,"x"]').toString('base64url'),
  ])('refuses %j', (cursor) => {
    expect(() => decodeCursor(cursor, question)).toThrow(ToolError);
  });

  it('refuses the cursor of another question', () => {
    const cursor = encodeCursor({ token: 't', skip: 0 }, { ...question, namespace: 'other' });
    expect(() => decodeCursor(cursor, question)).toThrow(/does not belong/);
  });
});
