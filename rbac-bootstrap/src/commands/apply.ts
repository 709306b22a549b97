import type { Api } from '../api.ts';
import { describeObject } from '../escalation.ts';
import { exitStatus } from '../exit-status.ts';
import { cluster, installation } from '../flag-table.ts';
import type { Invocation } from '../flags.ts';
import { namespacesOf, serviceAccountOf } from '../objects.ts';
import { makePlan, type Plan, type Rehearsed, rehearse, type Wanted } from '../plan.ts';
import { type Command, listOf, type Output } from './command.ts';
import { generate } from './generate.ts';
import { tellObstacles } from './obstacles.ts';

export const apply: Command = {
  summary:
    'Write the objects (server-side apply), and delete those of an earlier call that are not wanted any more.',
  flags: [...installation, ...cluster, 'dry-run', 'delete'],
  async run(invocation, api, output) {
    if (invocation.dryRun === 'client') return generate.run(invocation, api, output);
    const plan = await makePlan(invocation, api);
    if (!(await mayDoAll(plan, api, output))) return exitStatus.failed;
    const rehearsed = await rehearse(plan, api);
    output.out(`${reach(invocation)}\n`);
    if (invocation.dryRun === 'server') await showRehearsal(rehearsed, plan, api, output);
    else await write(plan, api, output);
    if (plan.unknown.length > 0)
      output.error(
        `Not looked at for objects of an earlier call, because you may not list them:\n${listOf(plan.unknown)}`,
      );
    return exitStatus.ok;
  },
};

/** Says everything that stands in the way of the plan. */
async function mayDoAll(plan: Plan, api: Api, output: Output): Promise<boolean> {
  const mayWrite = await tellObstacles(plan, api, output, 'so nothing was written');
  if (plan.unseen.length > 0) {
    output.error(
      `${mayWrite ? '' : '\n'}This release may have objects of an earlier call where you may not look, so nothing was written:\n` +
        `${listOf(plan.unseen)}Let somebody run this who may list them.\n`,
    );
  }
  return mayWrite && plan.unseen.length === 0;
}

const line = (what: string, object: Parameters<typeof describeObject>[0]): string =>
  `${what.padEnd(10)} ${describeObject(object)}\n`;

/** What an object has become, in a word. */
function outcome({ before, replaces }: Wanted, after: Rehearsed['after']): string {
  if (!before) return 'created';
  if (replaces) return 'replaced';
  return before.metadata.resourceVersion === after?.metadata.resourceVersion ? 'unchanged' : 'changed';
}

async function write({ wanted, stale }: Plan, api: Api, output: Output): Promise<void> {
  let done = 0;
  try {
    for (const item of wanted) {
      if (item.before && item.replaces) await api.remove(item.before);
      const after = await api.apply(item.object, false);
      done += 1;
      output.out(line(outcome(item, after), item.object));
    }
    for (const object of stale) {
      await api.remove(object);
      done += 1;
      output.out(line('deleted', object));
    }
  } catch (thrown) {
    const all = wanted.length + stale.length;
    output.error(`Only ${done} of ${all} objects were dealt with. Run the same command again afterwards.\n`);
    throw thrown;
  }
}

async function showRehearsal(
  rehearsed: readonly Rehearsed[],
  { stale }: Plan,
  api: Api,
  { out }: Output,
): Promise<void> {
  for (const item of rehearsed) out(line(outcome(item, item.after), item.object));
  for (const object of stale) {
    await api.remove(object, true);
    out(line('deleted', object));
  }
  out('Nothing was changed: this was a dry run on the server.\n');
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
