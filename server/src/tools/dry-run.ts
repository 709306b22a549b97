/** What the API server says about a plan without storing anything: admission, what it makes of new objects, and what changes of others. */
import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import type { KubeGateway, KubeObject } from '../kube/gateway.ts';
import { resources } from '../kube/resources.ts';
import type { StepReport } from './apply.ts';
import type { Operation } from './change-plan.ts';
import { type Creation, creationOf } from './creation.ts';
import { edit, merge } from './guarded-writes.ts';
import { redactSecret, withoutBookkeeping } from './shown-object.ts';

export interface DryRunResult {
  steps: StepReport[];
  /** Admission warnings, as written by the cluster. */
  warnings: string[];
  /** One for each object that would be made. */
  creations: Creation[];
  /** One unified diff for each object that would change. */
  diffs: { object: string; diff: string }[];
}

/** Sends every operation with `dryRun=All`. Throws what the API server answers to the first one that it refuses. */
export async function dryRunPlan(kube: KubeGateway, operations: readonly Operation[]): Promise<DryRunResult> {
  const result: DryRunResult = { steps: [], warnings: [], creations: [], diffs: [] };
  for (const operation of operations) {
    const { asked, before, after, warnings } = await dryRunOne(kube, operation);
    result.steps.push({
      what: operation.summary,
      status: operation.verb === 'await' ? 'planned' : 'checked',
    });
    result.warnings.push(...warnings);
    const object = `${resources[operation.resource].kind} ${operation.key.name}`;
    if (asked && after) result.creations.push(creationOf(object, asked, after));
    const diff = before && after && objectDiff(before, after);
    if (diff) result.diffs.push({ object, diff });
  }
  return result;
}

interface Checked {
  /** Of an object that would be made. */
  asked?: KubeObject;
  before?: KubeObject;
  after?: KubeObject;
  warnings: string[];
}

async function dryRunOne(kube: KubeGateway, operation: Operation): Promise<Checked> {
  const dryRun = { dryRun: true };
  switch (operation.verb) {
    case 'await':
      return { warnings: [] };
    case 'create': {
      const object = operation.generate
        ? {
            ...operation.object,
            stringData: { ...(operation.object.stringData as object), [operation.generate.key]: 'generated' },
          }
        : operation.object;
      const created = await kube.create(operation.resource, object, dryRun);
      return { asked: object, after: created.object, warnings: created.warnings };
    }
    case 'merge': {
      const before = await kube.get(operation.resource, operation.key);
      const { generate: _generate, ...withoutSecret } = operation;
      const patched = await merge(kube, withoutSecret, dryRun);
      return { before, after: patched.object, warnings: patched.warnings };
    }
    case 'edit': {
      const { before, written } = await edit(kube, operation, dryRun);
      if (written === 'not_needed' || !written) return { before, after: before, warnings: [] };
      return { before, after: written.object, warnings: written.warnings };
    }
    case 'remove': {
      await kube.remove(operation.resource, operation.key, { ...dryRun, uid: operation.uid });
      return { warnings: [] };
    }
  }
}

/** Unified diff of two objects as YAML, without what the API server keeps for itself; Secret values are never shown. */
function objectDiff(before: KubeObject, after: KubeObject): string | undefined {
  const [left, right] = [render(before), render(after)];
  if (left === right) return undefined;
  const patch = createTwoFilesPatch('before', 'after', left, right, undefined, undefined, { context: 2 });
  return patch.split('\n').slice(3).join('\n').trimEnd();
}

const render = (object: KubeObject): string =>
  stringify(redactSecret(withoutBookkeeping(object)), { lineWidth: 0 });
