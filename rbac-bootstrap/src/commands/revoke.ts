import { describeObject } from '../escalation.ts';
import { exitStatus } from '../exit-status.ts';
import { namespacesOf, rbacObjects } from '../objects.ts';
import { foreignOwner, inDeletionOrder, ownObjects, sameObject } from '../ownership.ts';
import type { Command } from './command.ts';

export const revoke: Command = {
  summary: 'Delete what `apply` made for this release, and nothing else.',
  async run({ release, values, dryRun }, api, { out }) {
    const own = inDeletionOrder(await ownObjects(api, release, namespacesOf(release, values) ?? []));
    for (const object of own) {
      if (dryRun === undefined) await api.remove(object);
      out(`${dryRun === undefined ? 'deleted' : 'would delete'} ${describeObject(object)}\n`);
    }
    for (const object of rbacObjects(release, values)) {
      if (own.some((live) => sameObject(live, object))) continue;
      const live = await api.get(object.kind, object.metadata.name, object.metadata.namespace);
      const owner = live && foreignOwner(live, release);
      if (owner !== undefined) out(`left alone ${describeObject(object)}: it belongs to ${owner}\n`);
    }
    if (own.length === 0) out('There is nothing of this release to delete.\n');
    return exitStatus.ok;
  },
};
