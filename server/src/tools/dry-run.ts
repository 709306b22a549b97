/** What the API server says about a plan without storing anything: admission, defaults, and a diff of each object. */
import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import type { KubeGateway, KubeObject } from '../kube/gateway.ts';
import { resources } from '../kube/resources.ts';
import { mergePatch, type StepReport, subresourceOf } from './apply.ts';
import type { Operation } from './change-plan.ts';
import { editSteps } from './edit-steps.ts';

export interface DryRunResult {
  steps: StepReport[];
  /** Admission warnings, as written by the cluster. */
  warnings: string[];
  /** One unified diff per object that would change. */
  diffs: { object: string; diff: string }[];
}

/** Sends every operation with `dryRun=All`. Throws what the API server answers to the first one that it refuses. */
export async function dryRunPlan(kube: KubeGateway, operations: readonly Operation[]): Promise<DryRunResult> {
  const result: DryRunResult = { steps: [], warnings: [], diffs: [] };
  for (const operation of operations) {
    const { before, after, warnings } = await dryRunOne(kube, operation);
    const checked = operation.verb !== 'await';
    result.steps.push({ what: operation.summary, status: checked ? 'checked' : 'planned' });
    result.warnings.push(...warnings);
    const diff = checked ? objectDiff(before, after) : undefined;
    if (diff)
      result.diffs.push({ object: `${resources[operation.resource].kind} ${operation.key.name}`, diff });
  }
  return result;
}

interface Checked {
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
      return { after: created.object, warnings: created.warnings };
    }
    case 'merge': {
      const before = await kube.get(operation.resource, operation.key);
      const { generate: _generate, ...withoutSecret } = operation;
      const patched = await kube.patch(operation.resource, operation.key, mergePatch(withoutSecret), {
        ...dryRun,
        ...subresourceOf(operation),
      });
      return { before, after: patched.object, warnings: patched.warnings };
    }
    case 'edit': {
      const { current, steps } = await editSteps(kube, operation);
      if (steps.length === 0) return { before: current, after: current, warnings: [] };
      const patched = await kube.patch(
        operation.resource,
        operation.key,
        { type: 'json', body: steps },
        dryRun,
      );
      return { before: current, after: patched.object, warnings: patched.warnings };
    }
    case 'remove': {
      await kube.remove(operation.resource, operation.key, { ...dryRun, uid: operation.uid });
      return { warnings: [] };
    }
  }
}

/** Unified diff of two objects as YAML, without what the API server keeps for itself; Secret values are never shown. */
export function objectDiff(
  before: KubeObject | undefined,
  after: KubeObject | undefined,
): string | undefined {
  const [left, right] = [render(before), render(after)];
  if (left === right) return undefined;
  const patch = createTwoFilesPatch('before', 'after', left, right, undefined, undefined, { context: 2 });
  return patch.split('\n').slice(3).join('\n').trimEnd();
}

function render(object: KubeObject | undefined): string {
  if (!object) return '';
  const { status: _status, metadata, ...rest } = object;
  const {
    managedFields: _managed,
    resourceVersion: _version,
    uid: _uid,
    generation: _generation,
    creationTimestamp: _created,
    ...kept
  } = metadata as KubeObject['metadata'] & { managedFields?: unknown };
  return stringify(redactSecret({ ...rest, metadata: kept }), { lineWidth: 0 });
}

function redactSecret(object: Record<string, unknown>): Record<string, unknown> {
  if (object.kind !== 'Secret') return object;
  const hide = (data: unknown): unknown =>
    data !== null && typeof data === 'object'
      ? Object.fromEntries(Object.keys(data).map((key) => [key, '(not shown)']))
      : data;
  return {
    ...object,
    ...('data' in object && { data: hide(object.data) }),
    ...('stringData' in object && { stringData: hide(object.stringData) }),
  };
}
