import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ToolError } from '../errors.ts';
import { clusterName, namespace, postgresName } from './inputs.ts';
import { parseArguments } from './parse-arguments.ts';

const schema = z.strictObject({
  name: clusterName,
  instances: z.int().min(1).max(10).default(3),
  namespace,
  role: postgresName.optional(),
});

function problem(given: unknown): string {
  try {
    parseArguments('a_tool', schema, given);
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === 'invalid_arguments') return thrown.message;
    throw thrown;
  }
  throw new Error('The arguments were accepted.');
}

describe('parseArguments', () => {
  it('fills in defaults', () => {
    expect(parseArguments('a_tool', schema, { name: 'orders' })).toEqual({ name: 'orders', instances: 3 });
  });

  it('says what is missing', () => {
    expect(problem({})).toBe('a_tool: name is required.');
    expect(problem(undefined)).toBe('a_tool: name is required.');
  });

  it('names the closest argument for one that is not known', () => {
    expect(problem({ name: 'orders', instance: 3 })).toContain(
      '"instance" is not an argument; did you mean instances?',
    );
    expect(problem({ name: 'orders', zzz: 3 })).toContain('"zzz" is not an argument');
    expect(problem({ name: 'orders', zzz: 3 })).not.toContain('did you mean');
  });

  it('names all arguments that an unknown one can be the beginning of', () => {
    const confirmation = {
      confirm_deletion: z.boolean(),
      confirm_name: z.string(),
      confirm_token: z.string(),
    };
    expect(() => parseArguments('a_tool', z.strictObject(confirmation).partial(), { confirm: true })).toThrow(
      'a_tool: "confirm" is not an argument; did you mean confirm_deletion, confirm_name or confirm_token?',
    );
  });

  it.each([[[]], ['text'], [42], [null]])('refuses arguments that are no object: %j', (given) => {
    if (given === null) expect(problem(given)).toContain('name is required');
    else expect(problem(given)).toMatch(/arguments: expected object/);
  });

  it.each(['../x', 'a/b', '%2e', 'A', 'a_b', '-a', 'a-', '', 'a'.repeat(51), 'а', 'a\u200b', 'a\n', '1a'])(
    'refuses %j as a cluster name',
    (name) => {
      expect(problem({ name })).toContain('name: ');
    },
  );

  it.each([
    '',
    'a\u0000b',
    'a\u202eb',
    'ä'.repeat(32),
    'a"b',
    "a'b",
    'a/b',
    'a;b',
    ' a',
    'e\u0301',
    '\ud800',
  ])('refuses %j as a PostgreSQL name', (role) => {
    expect(problem({ name: 'orders', role })).toContain('role: ');
  });

  it.each(['app_user', 'App User', 'größe', '用户', 'a-b.c$d', 'ä'.repeat(31)])(
    'accepts %j as a PostgreSQL name',
    (role) => {
      expect(parseArguments('a_tool', schema, { name: 'orders', role })).toMatchObject({ role });
    },
  );

  it('never echoes a value', () => {
    expect(problem({ name: 's3cret!' })).not.toContain('s3cret');
  });

  it('does not fall for keys of the prototype', () => {
    const given = JSON.parse('{"name":"orders","__proto__":{"x":1},"constructor":1}') as unknown;
    expect(problem(given)).toMatch(/constructor|__proto__/);
  });
});
