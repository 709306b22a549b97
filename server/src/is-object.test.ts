import { describe, expect, it } from 'vitest';
import { isObject } from './is-object.ts';

describe('an object of JSON', () => {
  it.each(['{}', '{"a":null}'])('is %s', (text) => {
    expect(isObject(JSON.parse(text))).toBe(true);
  });

  it.each(['null', '[]', '[{}]', '"{}"', '0', 'true'])('is not %s', (text) => {
    expect(isObject(JSON.parse(text))).toBe(false);
  });
});
