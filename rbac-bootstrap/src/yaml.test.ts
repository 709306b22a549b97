import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { rbacObjects } from './objects.ts';
import { defaultValues } from './values.ts';
import { toYaml } from './yaml.ts';

const release = { name: 'cnpg-mcp', namespace: 'tools' };
const withUsers = (users: string[]): string =>
  toYaml(
    rbacObjects(release, {
      ...defaultValues,
      rbac: { ...defaultValues.rbac, impersonation: { users, groups: [] } },
    }),
  );

describe('the YAML', () => {
  it('escapes what Go does not print, as %q does', () => {
    expect(withUsers(['a\u00a0b', '\u0001\u007f', 'x\u2028y', '"\\\t', 'é😀', '\u{e0001}'])).toContain(
      String.raw`resourceNames: ["a\u00a0b", "\x01\x7f", "x\u2028y", "\"\\\t", "é😀", "\U000e0001"]`,
    );
  });

  it('is read as the very objects, whatever their names hold', () => {
    const users = ['\u0000', 'x\u2028y', '\u0085', '\u{1f600}', "it's # - : {"];
    const objects = parseAllDocuments(withUsers(users)).map((document) => document.toJS());
    const role = objects.find(({ metadata }) => metadata.name.endsWith('-impersonate'));
    expect(role.rules[0].resourceNames).toEqual(users);
  });

  it('sorts annotations by their bytes, as Go does', () => {
    const annotations = { '😀': '1', '～': '2', a: '3' };
    const values = { ...defaultValues, serviceAccount: { ...defaultValues.serviceAccount, annotations } };
    expect(toYaml(rbacObjects(release, values))).toContain('    "a": "3"\n    "～": "2"\n    "😀": "1"\n');
  });
});
