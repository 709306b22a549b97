import { describe, expect, it } from 'vitest';
import { deepestNesting, parseMessage } from './json-rpc.ts';

const bytes = (text: string) => Buffer.from(text);
const codeOf = (input: Uint8Array): number | undefined => {
  try {
    parseMessage(input);
  } catch (error) {
    return (error as { code: number }).code;
  }
  return undefined;
};

describe('parseMessage', () => {
  it('reads one object', () => {
    expect(parseMessage(bytes('{"a":[1,{"b":null}]}'))).toEqual({ a: [1, { b: null }] });
  });

  it.each([
    ['nothing', ''],
    ['half a message', '{"jsonrpc":'],
    ['two messages', '{} {}'],
  ])('calls %s a parse error', (_what, text) => {
    expect(codeOf(bytes(text))).toBe(-32700);
  });

  it('calls bytes that are not UTF-8 a parse error instead of replacing them', () => {
    expect(codeOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBe(-32700);
  });

  it.each([
    ['a batch', '[]'],
    ['a number', '1'],
    ['null', 'null'],
    ['a string', '"x"'],
    ['a prototype key', '{"params":{"__proto__":{"polluted":true}}}'],
    ['an escaped prototype key', '{"a":[{"__pr\\u006fto__":1}]}'],
    ['the way over the constructor', '{"constructor":{"prototype":{}}}'],
  ])('refuses %s as an invalid request', (_what, text) => {
    expect(codeOf(bytes(text))).toBe(-32600);
  });

  it('bounds nesting, and survives more of it than a stack could hold', () => {
    const nested = (depth: number) => bytes(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
    expect(codeOf(nested(deepestNesting))).toBeUndefined();
    expect(codeOf(nested(deepestNesting + 1))).toBe(-32600);
    expect(codeOf(nested(120_000))).toBe(-32600);
  });
});
