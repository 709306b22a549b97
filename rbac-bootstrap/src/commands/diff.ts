import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import { describeObject } from '../escalation.ts';
import { exitStatus } from '../exit-status.ts';
import { cluster, installation } from '../flag-table.ts';
import type { RbacObject } from '../objects.ts';
import { makePlan, rehearse } from '../plan.ts';
import { type Command, listOf } from './command.ts';
import { tellObstacles } from './obstacles.ts';

export const diff: Command = {
  summary: 'Show what `apply` would change. Exit status 1 when there is a difference.',
  flags: [...installation, ...cluster],
  async run(invocation, api, output) {
    const { out, error } = output;
    const plan = await makePlan(invocation, api);
    if (!(await tellObstacles(plan, api, output, 'so the API server would not show the difference')))
      return exitStatus.failed;
    let differs = false;
    const show = (title: string, before: RbacObject | undefined, after: RbacObject | undefined): void => {
      const [from, to] = [textOf(before), textOf(after)];
      if (from === to) return;
      differs = true;
      out(
        createTwoFilesPatch(`live: ${title}`, `wanted: ${title}`, from, to, undefined, undefined, {
          context: 3,
        }),
      );
    };
    for (const { object, before, after } of await rehearse(plan, api))
      show(describeObject(object), before, after ?? object);
    for (const object of plan.stale) show(describeObject(object), object, undefined);
    const hidden = [...plan.unseen, ...plan.unknown];
    if (hidden.length > 0)
      error(
        `Not looked at for objects of an earlier call, because you may not list them:\n${listOf(hidden)}`,
      );
    if (!differs) out(hidden.length > 0 ? 'No differences where you may look.\n' : 'No differences.\n');
    return differs || plan.unseen.length > 0 ? exitStatus.failed : exitStatus.ok;
  },
};

/** What a person wrote of an object; '' for none. */
function textOf(object: RbacObject | undefined): string {
  if (!object) return '';
  const { metadata, ...rest } = object;
  const { name, namespace, labels, annotations } = metadata;
  return stringify(
    { ...rest, metadata: { name, namespace, labels, annotations } },
    { sortMapEntries: true, lineWidth: 0 },
  );
}
