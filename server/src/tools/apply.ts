/** Carries a plan out, step by step. What a tool changes is written here (or tried, in its dry run) and nowhere else. */
import { ToolError, toToolError } from '../errors.ts';
import type { KubeGateway, KubeObject } from '../kube/gateway.ts';
import { awaitOperation } from './await-step.ts';
import type {
  AwaitOperation,
  CreateOperation,
  Operation,
  RemoveOperation,
  WrittenObject,
} from './change-plan.ts';
import { editSteps } from './edit-steps.ts';
import { withGenerated } from './generate-secret.ts';
import { ambiguous, asPlanned, edit, maxEditAttempts, merge, type Written } from './guarded-writes.ts';

/** Annotation on every object that this server creates: the request that made it. */
export const requestAnnotation = 'cnpg-mcp.io/request';

export type StepStatus =
  | 'planned'
  | 'checked'
  | 'done'
  | 'not_needed'
  | 'undone'
  | 'failed'
  | 'unknown'
  /** A look that may end without an answer: the plan went on. */
  | 'not_seen'
  | 'not_done';

/** What became of one step of a plan. */
export interface StepReport {
  what: string;
  status: StepStatus;
}

export interface ApplyResult {
  steps: StepReport[];
  /** Admission warnings, as written by the cluster. */
  warnings: string[];
  /** Objects as the API server returned them, by step; `undefined` for steps without one. */
  objects: (KubeObject | undefined)[];
  /** Something was written, or may have been, undone or not. Refused requests write nothing. */
  wrote: boolean;
  /** Set when an `await` step ended badly: what was seen. Steps after it are `not_done`. */
  stopped?: { state: 'failed' | 'requested'; message: string; quoted?: string };
}

type Undoing = Pick<ApplyError, 'wrote' | 'remains' | 'notUndone'>;

/** An error that ended the apply, with what had become of every step. */
export class ApplyError extends Error {
  override readonly name = 'ApplyError';
  readonly error: ToolError;
  readonly steps: StepReport[];
  /** As in {@link ApplyResult}. */
  readonly wrote: boolean;
  /** Something was written and not undone, or it is not known whether. */
  readonly remains: boolean;
  /** Why steps could not be undone. */
  readonly notUndone: string[];

  constructor(error: ToolError, steps: StepReport[], { wrote, remains, notUndone }: Undoing) {
    super(error.message, { cause: error });
    this.error = error;
    this.steps = steps;
    this.wrote = wrote;
    this.remains = remains;
    this.notUndone = notUndone;
  }
}

export interface ApplyOptions {
  requestId: string;
  /** Of the call. It ends waits, and the plan between two steps; a write that has begun is never broken off. */
  signal: AbortSignal;
  progress(message: string): void;
}

/**
 * Applies the operations in order. Throws {@link ApplyError} when one fails; what the plan marks as undoable has been
 * undone by then, newest first, and also when an `await` step ends badly.
 */
export async function applyPlan(
  kube: KubeGateway,
  operations: readonly Operation[],
  options: ApplyOptions,
): Promise<ApplyResult> {
  const result: ApplyResult = {
    steps: operations.map(({ summary }) => ({ what: summary, status: 'not_done' })),
    warnings: [],
    objects: operations.map(() => undefined),
    wrote: false,
  };
  const writing = unbroken(kube);
  const written = writtenBy(operations, result.objects);
  for (const [index, operation] of operations.entries()) {
    const step = result.steps[index] as StepReport;
    try {
      if (options.signal.aborted && !goesOn(operation))
        throw new ToolError('cancelled', 'The call was cancelled.');
      options.progress(operation.summary);
      if (operation.verb === 'await') {
        const verdict = await awaitOperation(kube, operation, written);
        if (verdict.ok) {
          step.status = verdict.unseen ? 'not_seen' : 'done';
          continue;
        }
        step.status = verdict.state === 'failed' ? 'failed' : 'not_done';
        result.stopped = verdict;
        const { wrote } = await undo(writing, operations, result, index, options.requestId);
        return { ...result, wrote };
      }
      const answer = await applyOne(writing, operation, options);
      step.status = answer === 'not_needed' ? 'not_needed' : 'done';
      if (answer !== 'not_needed' && answer) {
        // An object that was only tidied is held to how the change left it.
        if (!tidies(operation)) result.objects[index] = answer.object;
        result.warnings.push(...answer.warnings);
      }
    } catch (thrown) {
      const error = toToolError(thrown);
      if (error.code !== 'cancelled') {
        step.status = ambiguous.has(error.code)
          ? await whatBecameOf(writing, operation, options.requestId)
          : 'failed';
      }
      if (tidies(operation)) continue;
      const undoing = await undo(writing, operations, result, index, options.requestId);
      throw new ApplyError(error, result.steps, undoing);
    }
  }
  return { ...result, wrote: hasStep(operations, result, writingEnds) };
}

/** What the steps so far have written, as far as they return it and do more than clear away. */
export function writtenBy(
  operations: readonly Operation[],
  objects: readonly (KubeObject | undefined)[],
): WrittenObject {
  return (resource) =>
    objects.findLast((object, index) => object && operations[index]?.resource === resource);
}

/** What a writing step can end as when something was written, or may have been. */
const writingEnds: readonly StepStatus[] = ['done', 'unknown', 'undone'];

/** Whether one of the writing steps (of those that count) has one of these statuses. */
const hasStep = (
  operations: readonly Operation[],
  { steps }: ApplyResult,
  statuses: readonly StepStatus[],
  counts: (operation: Operation) => boolean = () => true,
): boolean =>
  operations.some(
    (operation, index) =>
      operation.verb !== 'await' &&
      counts(operation) &&
      statuses.includes((steps[index] as StepReport).status),
  );

/** Nothing that anybody asked for is left of such a step. */
const tidies = (operation: Operation): boolean => operation.verb === 'edit' && operation.tidies === true;

/** Steps after which the plan goes on although the caller has gone. */
const goesOn = (operation: Operation): boolean =>
  tidies(operation) || (operation.verb === 'await' && operation.orGoOn === true);

/** The same gateway, for requests that are not broken off when the client goes: only their own deadline ends them. */
function unbroken(kube: KubeGateway): KubeGateway {
  const { signal } = new AbortController();
  return {
    ...kube,
    get: (resource, key, options) => kube.get(resource, key, { ...options, signal }),
    create: (resource, object, options) => kube.create(resource, object, { ...options, signal }),
    patch: (resource, key, patch, options) => kube.patch(resource, key, patch, { ...options, signal }),
    remove: (resource, key, options) => kube.remove(resource, key, { ...options, signal }),
  };
}

/** After an answer that was lost: the object itself tells whether the step was done, if it can be read. */
async function whatBecameOf(kube: KubeGateway, operation: Operation, requestId: string): Promise<StepStatus> {
  try {
    switch (operation.verb) {
      case 'await':
        return 'not_done';
      case 'create':
        return (await findOwn(kube, operation, requestId)) ? 'done' : 'failed';
      case 'edit':
        return (await editSteps(kube, operation)).steps.length === 0 ? 'done' : 'failed';
      case 'merge': {
        const { metadata } = await kube.get(operation.resource, operation.key);
        // Another version may be somebody else's.
        return metadata.resourceVersion === operation.resourceVersion ? 'failed' : 'unknown';
      }
      case 'remove': {
        const { metadata } = await kube.get(operation.resource, operation.key);
        return metadata.uid !== operation.uid || metadata.deletionTimestamp !== undefined ? 'done' : 'failed';
      }
    }
  } catch (thrown) {
    return operation.verb === 'remove' && toToolError(thrown).code === 'not_found' ? 'done' : 'unknown';
  }
}

async function applyOne(
  kube: KubeGateway,
  operation: Exclude<Operation, AwaitOperation>,
  options: ApplyOptions,
): Promise<Written> {
  switch (operation.verb) {
    case 'create':
      return create(kube, operation, options.requestId);
    case 'merge':
      return merge(kube, operation);
    case 'edit':
      return (await edit(kube, operation)).written;
    case 'remove':
      return remove(kube, operation);
  }
}

async function create(kube: KubeGateway, operation: CreateOperation, requestId: string): Promise<Written> {
  const body = withGenerated(markRequest(operation.object, requestId), operation.generate);
  try {
    return await kube.create(operation.resource, body);
  } catch (thrown) {
    const error = toToolError(thrown);
    if (!ambiguous.has(error.code)) throw error;
    // The request may have arrived although its answer did not.
    const found = await findOwn(kube, operation, requestId).catch(() => undefined);
    if (found) return { object: found, warnings: [] };
    throw error;
  }
}

function markRequest(object: KubeObject, requestId: string): KubeObject {
  const annotations = { ...object.metadata.annotations, [requestAnnotation]: requestId };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

async function remove(kube: KubeGateway, operation: RemoveOperation): Promise<Written> {
  const { resource, key, uid } = operation;
  try {
    await asPlanned(kube, operation, (version) => kube.remove(resource, key, { uid, ...version }));
    return undefined;
  } catch (thrown) {
    const error = toToolError(thrown);
    if (error.code === 'not_found' && operation.tolerateMissing) return 'not_needed';
    throw error;
  }
}

async function undo(
  kube: KubeGateway,
  operations: readonly Operation[],
  result: ApplyResult,
  failedAt: number,
  requestId: string,
): Promise<Undoing> {
  const notUndone: string[] = [];
  let unsure = result.steps[failedAt]?.status === 'unknown';
  for (let index = failedAt; index >= 0; index -= 1) {
    const operation = operations[index];
    const step = result.steps[index];
    if (step?.status !== 'done') continue;
    try {
      if (operation?.verb === 'edit' && operation.undo) {
        const { undo: takeBack } = operation;
        await edit(kube, { ...operation, edit: takeBack });
        step.status = 'undone';
      }
      // What a later step may rest on stays as long as it is not known that the later step was not done.
      if (operation?.verb === 'create' && operation.undoable && !unsure) {
        const made = result.objects[index] ?? (await findOwn(kube, operation, requestId));
        await removeMade(kube, operation, made?.metadata.uid);
        step.status = 'undone';
      }
    } catch (thrown) {
      // It stays, and what it may rest on with it.
      unsure = true;
      notUndone.push(toToolError(thrown).message);
    }
  }
  return {
    wrote: hasStep(operations, result, writingEnds),
    remains: hasStep(operations, result, ['done', 'unknown'], (operation) => !tidies(operation)),
    notUndone,
  };
}

/** Removes what a creation has made: as it was looked at, where that decides whether it goes. */
async function removeMade(
  kube: KubeGateway,
  { resource, key, undoable }: CreateOperation,
  uid: string | undefined,
): Promise<void> {
  if (typeof undoable !== 'function') return kube.remove(resource, key, { uid });
  for (let attempt = 1; ; attempt += 1) {
    const current = await kube.get(resource, key);
    undoable(current);
    try {
      const { resourceVersion } = current.metadata;
      return await kube.remove(resource, key, { uid, resourceVersion });
    } catch (thrown) {
      if (toToolError(thrown).code !== 'conflict' || attempt === maxEditAttempts) throw thrown;
    }
  }
}

/** The object of a creation whose answer never came; `undefined` when it is not there or not of this request. */
async function findOwn(
  kube: KubeGateway,
  operation: CreateOperation,
  requestId: string,
): Promise<KubeObject | undefined> {
  try {
    const found = await kube.get(operation.resource, operation.key);
    return found.metadata.annotations?.[requestAnnotation] === requestId ? found : undefined;
  } catch (thrown) {
    if (toToolError(thrown).code === 'not_found') return undefined;
    throw thrown;
  }
}
