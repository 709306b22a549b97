import { closest } from '../../../server/src/closest.ts';
import { resourceOf, rightUsers } from '../../../server/src/permissions.ts';
import { presetOf } from '../../../server/src/tools/preset.ts';
import { exitStatus, usageFailure } from '../exit-status.ts';
import type { Command } from './command.ts';

export const explain: Command = {
  summary:
    'Say which rights a tool needs, why, and which preset and add-ons have them: explain TOOL. Without TOOL: all.',
  arguments: 1,
  flags: [],
  async run({ rest: [wanted] }, _api, { out }) {
    const names = rightUsers.map(({ name }) => name);
    const chosen = rightUsers.filter(({ name }) => wanted === undefined || name === wanted);
    if (chosen.length === 0) {
      const meant = closest(wanted ?? '', names);
      throw usageFailure(
        `There is no tool ${wanted}${meant ? `; did you mean ${meant}?` : `; this command knows ${names.join(', ')}.`}`,
      );
    }
    for (const { name, effect, permissions } of chosen) {
      out(`${name}: preset ${presetOf(effect)}\n`);
      for (const permission of permissions) {
        const { verbs, group, because, optional, addOn } = permission;
        const marks = [...(addOn ? [`add-on ${addOn}`] : []), ...(optional ? ['optional'] : [])];
        const target = `${resourceOf(permission)}${group === '' ? '' : `.${group}`}`;
        out(
          `  ${verbs.join(', ')} ${target}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}: ${because}\n`,
        );
      }
    }
    return exitStatus.ok;
  },
};
