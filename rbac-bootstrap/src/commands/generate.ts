import { exitStatus } from '../exit-status.ts';
import { rbacObjects } from '../objects.ts';
import { toYaml } from '../yaml.ts';
import type { Command } from './command.ts';

export const generate: Command = {
  summary: 'Print the objects as YAML, exactly as the chart makes them. Asks no cluster.',
  async run({ release, values }, _api, { out }) {
    out(toYaml(rbacObjects(release, values)));
    return exitStatus.ok;
  },
};
