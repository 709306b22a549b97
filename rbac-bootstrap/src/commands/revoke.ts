import { ToolError } from '../../../server/src/errors.ts';
import { type Api, ifAllowed, type LiveObject } from '../api.ts';
import { describeObject } from '../escalation.ts';
import { exitStatus } from '../exit-status.ts';
import { cluster, installation } from '../flag-table.ts';
import { namespacesOf, rbacObjects } from '../objects.ts';
import { foreignOwner, inDeletionOrder, ownObjects, sameObject } from '../ownership.ts';
import { type Command, listOf } from './command.ts';

export const revoke: Command = {
  summary:
    'Delete what `apply` made for this release, and nothing else. Exit status 1 when something may be left.',
  flags: [...installation, ...cluster, 'dry-run', 'delete'],
  async run({ release, values, dryRun }, api, { out, error }) {
    const { objects, unseen, unknown } = await ownObjects(api, release, namespacesOf(release, values) ?? []);
    const left: string[] = [];
    for (const object of inDeletionOrder(objects)) {
      const refusal = dryRun === 'client' ? undefined : await refusalOf(api, object, dryRun === 'server');
      if (refusal === undefined) out(`${dryRun ? 'would delete' : 'deleted'} ${describeObject(object)}\n`);
      else left.push(`${describeObject(object)}: ${refusal}`);
    }
    for (const object of rbacObjects(release, values)) {
      if (objects.some((live) => sameObject(live, object))) continue;
      const live = await ifAllowed(api.get(object.kind, object.metadata.name, object.metadata.namespace));
      const owner = live && foreignOwner(live, release);
      if (owner !== undefined) out(`left alone ${describeObject(object)}: it belongs to ${owner}\n`);
    }
    const hidden = [...unseen, ...unknown];
    if (objects.length === 0)
      out(`There is nothing of this release to delete${hidden.length > 0 ? ' where you may look' : ''}.\n`);
    if (left.length > 0) error(`Not deleted:\n${listOf(left)}`);
    if (hidden.length > 0) {
      error(
        `Not looked at, because you may not list them; objects of this release may be left there:\n${listOf(hidden)}` +
          'Let somebody run this who may list and delete them.\n',
      );
    }
    return left.length + hidden.length === 0 ? exitStatus.ok : exitStatus.failed;
  },
};

/** Why the API server does not delete the object; `undefined` when it is gone. */
async function refusalOf(api: Api, object: LiveObject, dryRun: boolean): Promise<string | undefined> {
  try {
    await api.remove(object, dryRun);
  } catch (thrown) {
    if (!(thrown instanceof ToolError)) throw thrown;
    if (thrown.code === 'forbidden') return thrown.message;
    // Somebody else was faster.
    if (thrown.code !== 'not_found') throw thrown;
  }
  return undefined;
}
