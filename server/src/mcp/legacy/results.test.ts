import { describe, expect, it } from 'vitest';
import { keepJson, responseOf } from './results.ts';

describe('a response', () => {
  it('carries the id of its own request, also when its result is kept', () => {
    const list = keepJson({ tools: ['ä'] });
    for (const id of [1, 1, 2, '1', 'a"b', 1]) {
      expect(JSON.parse(responseOf(id, list))).toEqual({ jsonrpc: '2.0', id, result: { tools: ['ä'] } });
    }
  });

  it('is made anew for a result that is not kept', () => {
    const result = { text: 'before' };
    expect(responseOf(1, result)).toContain('before');
    result.text = 'after';
    expect(responseOf(1, result)).toContain('after');
  });
});
