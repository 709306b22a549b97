import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import type { LiveObject } from '../api.ts';
import { describeObject } from '../escalation.ts';
import { exitStatus } from '../exit-status.ts';
import { plan } from './apply.ts';
import type { Command } from './command.ts';

export const diff: Command = {
  summary: 'Show what `apply` would change. Exit status 1 when there is a difference.',
  async run(invocation, api, { out }) {
    const { wanted, stale } = await plan(invocation, api);
    let differs = false;
    const show = (title: string, before: LiveObject | undefined, after: LiveObject | undefined): void => {
      const [from, to] = [textOf(before), textOf(after)];
      if (from === to) return;
      differs = true;
      out(
        createTwoFilesPatch(`live: ${title}`, `wanted: ${title}`, from, to, undefined, undefined, {
          context: 3,
        }),
      );
    };
    for (const object of wanted) {
      const { name, namespace } = object.metadata;
      const [before, after] = [await api.get(object.kind, name, namespace), await api.apply(object, true)];
      show(describeObject(object), before, after);
    }
    for (const object of stale) show(describeObject(object), object, undefined);
    if (!differs) out('No differences.\n');
    return differs ? exitStatus.failed : exitStatus.ok;
  },
};

/** What a person wrote of an object; '' for none. */
function textOf(object: LiveObject | undefined): string {
  if (!object) return '';
  const { metadata, ...rest } = object;
  const { name, namespace, labels, annotations } = metadata;
  return stringify(
    { ...rest, metadata: { name, namespace, labels, annotations } },
    { sortMapEntries: true, lineWidth: 0 },
  );
}
