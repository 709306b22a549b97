/** chart/files/rules.yaml: the table of rights in the form that the chart's templates read. */
import { stringify } from 'yaml';
import { ruleTable } from '../../src/permissions.ts';
import { effectOf, presets } from '../../src/tools/preset.ts';

/** The whole file. */
export function rulesFile(): string {
  const table = ruleTable();
  const content = {
    // A map has no order in a template, and the order of the objects should not change by itself.
    order: Object.keys(table.addOns),
    // What the holder of the chart's own token may do, so that it fits what the server may do.
    effects: Object.fromEntries(presets.map((preset) => [preset, effectOf(preset)])),
    ...table,
  };
  const text = stringify(content, {
    lineWidth: 0,
    flowCollectionPadding: false,
    aliasDuplicateObjects: false,
  });
  return `# Made from what the tools declare, by \`pnpm run generate\`: change server/src/tools, not this file.\n${text}`;
}
