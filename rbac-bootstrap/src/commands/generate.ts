import { exitStatus, usageFailure } from '../exit-status.ts';
import { installation } from '../flag-table.ts';
import { rbacObjects } from '../objects.ts';
import { toYaml } from '../yaml.ts';
import type { Command } from './command.ts';

export const generate: Command = {
  summary: 'Print the objects as YAML, exactly as the chart makes them. Asks no cluster.',
  flags: [...installation, 'dry-run', 'delete'],
  async run({ release, values, dryRun }, _api, { out }) {
    if (dryRun === 'server') throw usageFailure('generate asks no cluster: --dry-run=server is for apply.');
    out(toYaml(rbacObjects(release, values)));
    return exitStatus.ok;
  },
};
