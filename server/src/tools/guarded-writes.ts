/**
 * Writes to objects that others write to as well: guarded by what was read, and repeated when what came in between does not
 * matter. A dry run is sent the same way: it would otherwise be refused for a status that changed in the meantime.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ToolError, toToolError } from '../errors.ts';
import type { KubeGateway, KubeObject, WriteResult } from '../kube/gateway.ts';
import type { EditOperation, MergeOperation, RemoveOperation } from './change-plan.ts';
import { editSteps } from './edit-steps.ts';
import { withGenerated } from './generate-secret.ts';
import { Turns } from './turns.ts';

/** Errors after which it is not known whether the API server did what it was asked. */
export const ambiguous = new Set(['cluster_unreachable', 'cluster_error', 'timeout']);
/** Enough for a dozen writers in other processes that want the same object at once: in every round one of them gets through. */
export const maxEditAttempts = 40;
const longestEditPause = 400;
/** How often an edit is repeated whose answer was lost. */
const maxLostAnswers = 3;

/** `undefined`: done, and nothing came back. */
export type Written = WriteResult<KubeObject> | 'not_needed' | undefined;

/** Sends a merge patch. `generate` is left out of a dry run by whoever calls it. */
export function merge(
  kube: KubeGateway,
  operation: MergeOperation,
  options: { dryRun?: boolean } = {},
): Promise<WriteResult<KubeObject>> {
  return asPlanned(kube, operation, (version) => {
    const patch = mergePatch({ ...operation, ...version });
    return kube.patch(operation.resource, operation.key, patch, { ...options, ...subresourceOf(operation) });
  });
}

/** The merge patch with its preconditions and, at the last moment, the generated value. */
function mergePatch(operation: MergeOperation): { type: 'merge'; body: Record<string, unknown> } {
  const body = withGenerated(operation.body, operation.generate);
  const metadata = {
    ...(body.metadata as Record<string, unknown> | undefined),
    uid: operation.uid,
    ...(operation.resourceVersion !== undefined && { resourceVersion: operation.resourceVersion }),
  };
  return { type: 'merge', body: { ...body, metadata } };
}

function subresourceOf(operation: MergeOperation): { subresource?: 'status' } {
  return operation.subresource ? { subresource: operation.subresource } : {};
}

/** Edits by this process, one after the other: dozens of calls for one object would mostly meet each other's changes. */
const turns = new Turns();

export async function edit(
  kube: KubeGateway,
  operation: EditOperation,
  options: { dryRun?: boolean } = {},
): Promise<{ before: KubeObject; written: Written }> {
  let last: ToolError | undefined;
  let lost = 0;
  for (let attempt = 0; attempt < maxEditAttempts; attempt += 1) {
    if (attempt > 0) await delay(Math.random() * Math.min(longestEditPause, 25 * 2 ** attempt));
    const answer = await turns.take(operation.uid, () => editOnce(kube, operation, options));
    if (!(answer.written instanceof ToolError)) {
      const { before, written } = answer;
      // After an answer that was lost, the edit finds its own work and has nothing left to do.
      const ownWork = written === 'not_needed' && last && ambiguous.has(last.code);
      return { before, written: ownWork ? undefined : written };
    }
    last = answer.written;
    if (last.code === 'conflict') continue;
    lost += 1;
    if (!ambiguous.has(last.code) || lost === maxLostAnswers) throw last;
  }
  throw last ?? new ToolError('conflict', `${operation.key.name} changes too often.`);
}

/** Returns the error of the write; those of the read and of the edit itself are thrown. */
async function editOnce(
  kube: KubeGateway,
  operation: EditOperation,
  options: { dryRun?: boolean },
): Promise<{ before: KubeObject; written: Written | ToolError }> {
  const { current: before, steps } = await editSteps(kube, operation);
  if (steps.length === 0) return { before, written: 'not_needed' };
  const patch = { type: 'json' as const, body: steps };
  const written = await kube.patch(operation.resource, operation.key, patch, options).catch(toToolError);
  return { before, written };
}

/**
 * Writes with the planned resourceVersion as a precondition. When only the status has changed since (the generation tells,
 * for kinds that have one), it writes again with the present version: what was planned still holds.
 */
export async function asPlanned<T>(
  kube: KubeGateway,
  { resource, key, uid, resourceVersion, generation }: MergeOperation | RemoveOperation,
  write: (version: { resourceVersion?: string }) => Promise<T>,
): Promise<T> {
  let version = resourceVersion;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write(version === undefined ? {} : { resourceVersion: version });
    } catch (thrown) {
      const error = toToolError(thrown);
      if (error.code !== 'conflict' || version === undefined || generation === undefined) throw error;
      const current = (await kube.get(resource, key).catch(() => undefined))?.metadata;
      if (current?.uid !== uid || current?.generation !== generation || attempt === maxEditAttempts)
        throw error;
      version = current.resourceVersion;
    }
  }
}
