/** The tables of docs/rbac.md: rules by preset and add-on, and rights by tool, from what the tools declare. */
import { valueFlags } from '../../rbac-bootstrap/src/flag-table.ts';
import { type GrantedRule, resourceOf, rightUsers, ruleTable } from '../src/permissions.ts';
import type { AddOn } from '../src/tools/permission.ts';
import { addOns, presetOf, presets } from '../src/tools/preset.ts';
import { cell, table } from './markdown.ts';

/** The tables, as Markdown. */
export function rbacTables(): string {
  const { presets: rules, addOns: extra } = ruleTable();
  const presetRows = presets.flatMap((preset, index) => {
    const before = index === 0 ? [] : linesOf(rules[presets[index - 1] as (typeof presets)[number]]);
    const added = linesOf(rules[preset]).filter((line) => !before.includes(line));
    const name = index === 0 ? `\`${preset}\`` : `\`${preset}\`, besides \`${presets[index - 1]}\``;
    return [
      [name, added.length === 0 ? 'nothing more: no tool of this version needs it' : added.join('<br>')],
    ];
  });
  const addOnRows = (Object.keys(addOns) as AddOn[]).map((name) => {
    const least = presets.find((preset) => extra[name][preset].length > 0);
    return [
      `\`${name}\``,
      cell(addOns[name]),
      least ? `\`${least}\`` : 'none yet: no tool of this version needs it',
      least ? linesOf(extra[name].edit).join('<br>') : '',
    ];
  });
  const toolRows = rightUsers.flatMap(({ name, effect, permissions }) =>
    permissions.map((permission) => [
      `\`${name}\``,
      `\`${presetOf(effect)}\`${permission.addOn ? ` with \`${permission.addOn}\`` : ''}`,
      `${permission.verbs.join(', ')} \`${resourceOf(permission)}\`${permission.optional ? ' (optional)' : ''}`,
      cell(permission.because),
    ]),
  );
  return `### Presets

${table(['preset', 'rights'], presetRows)}

### Add-ons

${table(['add-on', 'what it exposes', 'of use from preset', 'rights with `edit`'], addOnRows)}

### Tools

Without an optional right a tool works and says less.

${table(['tool', 'comes with', 'right', 'why'], toolRows)}
`;
}

function linesOf(rules: readonly GrantedRule[]): string[] {
  return rules.flatMap(({ apiGroups: [group], resources, verbs, scope, byName }) =>
    resources.map((resource) => {
      const limits = [
        ...(byName ? ['listed names only'] : []),
        ...(scope === 'cluster' ? ['whole cluster'] : []),
      ];
      const target = `\`${resource}${group === '' ? '' : `.${group}`}\``;
      return `${verbs.join(', ')} ${target}${limits.length > 0 ? ` (${limits.join(', ')})` : ''}`;
    }),
  );
}

/** The flags of cnpg-mcp-rbac, and the values of the chart that they stand for. */
export function flagTable(): string {
  const forms = { text: ' VALUE', list: ' A,B,…', switch: '' };
  const rows = Object.entries(valueFlags).map(([name, { value, kind }]) => [
    `\`--${name}${forms[kind]}\``,
    `\`${value}\``,
  ]);
  return table(['flag', 'value of the chart'], rows);
}
