import type { Api, LiveObject } from '../api.ts';
import { lookForCnpgRoles } from '../cnpg-roles.ts';
import { describeObject, findObstacles } from '../escalation.ts';
import { exitStatus, Failure } from '../exit-status.ts';
import type { Invocation } from '../flags.ts';
import { namespacesOf, type RbacObject, rbacObjects, serviceAccountOf } from '../objects.ts';
import { foreignOwner, inDeletionOrder, marked, ownObjects, sameObject } from '../ownership.ts';
import type { Command, Output } from './command.ts';
import { generate } from './generate.ts';

export const apply: Command = {
  summary:
    'Write the objects (server-side apply), and delete those of an earlier call that are not wanted any more.',
  async run(invocation, api, output) {
    if (invocation.dryRun === 'client') return generate.run(invocation, api, output);
    const dryRun = invocation.dryRun === 'server';
    const { wanted, stale } = await plan(invocation, api);
    await refuseForeign(api, wanted, invocation);
    const obstacles = await findObstacles(api, wanted);
    if (obstacles.length > 0) {
      output.error(`${await api.whoAmI()} cannot write all of this, so nothing was written.\n`);
      for (const { object, lacks, remedy } of obstacles) {
        output.error(
          `\n${object} needs what you lack:\n${lacks.map((line) => `  ${line}\n`).join('')}${remedy}\n`,
        );
      }
      return exitStatus.failed;
    }
    output.out(`${reach(invocation)}\n`);
    const made = await write(api, wanted, dryRun, output);
    for (const object of inDeletionOrder(stale)) {
      if (!dryRun) await api.remove(object);
      output.out(`deleted    ${describeObject(object)}\n`);
    }
    if (dryRun) output.out('Nothing was changed: this was a dry run on the server.\n');
    return made;
  },
};

/** What should be there, and what is there of an earlier call and should not. */
export async function plan(
  { release, values }: Invocation,
  api: Api,
): Promise<{ wanted: RbacObject[]; stale: LiveObject[] }> {
  const bound = await lookForCnpgRoles(api, values);
  const wanted = rbacObjects(release, values, bound).map((object) => marked(object, release));
  const own = await ownObjects(api, release, namespacesOf(release, values) ?? []);
  return { wanted, stale: own.filter((live) => !wanted.some((object) => sameObject(object, live))) };
}

async function refuseForeign(
  api: Api,
  wanted: readonly RbacObject[],
  { release }: Invocation,
): Promise<void> {
  for (const object of wanted) {
    const { name, namespace } = object.metadata;
    // Who may not look will be told so by the check of rights.
    const live = await api.get(object.kind, name, namespace).catch(() => undefined);
    const owner = live && foreignOwner(live, release);
    if (owner === undefined) continue;
    throw new Failure(
      `${describeObject(object)} exists and belongs to ${owner}; nothing was written. ` +
        (object.kind === 'ServiceAccount'
          ? 'To give rights to an account that exists, add --no-create-service-account.'
          : 'Use another --release, or remove it first.'),
      exitStatus.failed,
    );
  }
}

async function write(
  api: Api,
  wanted: readonly RbacObject[],
  dryRun: boolean,
  { out }: Output,
): Promise<number> {
  for (const object of wanted) {
    const { name, namespace } = object.metadata;
    const before = await api.get(object.kind, name, namespace);
    const after = await api.apply(object, dryRun);
    const what = !before
      ? 'created'
      : before.metadata.resourceVersion === after.metadata.resourceVersion
        ? 'unchanged'
        : 'changed';
    out(`${what.padEnd(10)} ${describeObject(object)}\n`);
  }
  return exitStatus.ok;
}

/** In one sentence, how far the rights go. */
function reach({ release, values }: Invocation): string {
  const { name, namespace } = serviceAccountOf(release, values);
  const where = namespacesOf(release, values)?.join(', ');
  const what = { view: 'look at', operate: 'operate', edit: 'create, change and delete' }[values.rbac.preset];
  if (!values.rbac.create)
    return `Service account ${namespace}/${name} is given no rights (rbac.create is off).`;
  return `Service account ${namespace}/${name} may ${what} PostgreSQL clusters in ${where ? `namespace ${where}` : 'EVERY namespace'}.`;
}
