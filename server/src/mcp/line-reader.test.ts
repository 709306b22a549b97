import { describe, expect, it } from 'vitest';
import { LineReader, longestLine } from './line-reader.ts';

function read(...chunks: (string | Buffer)[]): { lines: string[]; tooLong: number } {
  const lines: string[] = [];
  let tooLong = 0;
  const reader = new LineReader(
    (line) => lines.push(line.toString()),
    () => {
      tooLong += 1;
    },
  );
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  reader.end();
  return { lines, tooLong };
}

describe('lines', () => {
  it('are found wherever the chunks were cut, also within a character', () => {
    const text = Buffer.from('{"a":"ä"}\n{"b":1}\n');
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect(read(text.subarray(0, cut), text.subarray(cut)).lines).toEqual(['{"a":"ä"}', '{"b":1}']);
    }
  });

  it('may be empty, which is nothing, and the last one may lack its end', () => {
    expect(read('\n\r\n  \n{"a":1}\r\n{"b":').lines).toEqual(['{"a":1}\r', '{"b":']);
  });

  it('that are too long are dropped, and the next one is read', () => {
    const half = 'x'.repeat(longestLine / 2 + 1);
    expect(read(half, half, half, '\n{"a":1}\n')).toEqual({ lines: ['{"a":1}'], tooLong: 1 });
  });
});
