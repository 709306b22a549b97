import { describe, expect, it } from 'vitest';
import { isProtected } from './protection.ts';

const marked = (value: string) => ({
  metadata: { name: 'orders', annotations: { 'cnpg-mcp.io/protected': value } },
});

describe('isProtected', () => {
  it.each(['true', 'True', 'yes', '1', '', ' false', 'False'])('protects by the value %j', (value) => {
    expect(isProtected(marked(value))).toBe(true);
  });

  it('protects neither by "false" nor without the annotation', () => {
    expect(isProtected(marked('false'))).toBe(false);
    expect(isProtected({ metadata: { name: 'orders', annotations: { 'cnpg-mcp.io/request': 'r' } } })).toBe(
      false,
    );
    expect(isProtected({ metadata: { name: 'orders' } })).toBe(false);
  });
});
