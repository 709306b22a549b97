/** A change as data: what a writing tool wants done. Only the pipeline carries it out. */
import type { JsonPatchStep, KubeObject, ObjectKey, ObjectMeta, WatchDecision } from '../kube/gateway.ts';
import type { ResourceName } from '../kube/resources.ts';

/** A value made by the pipeline at the moment of writing. It is in no plan, answer, diff or log. */
export interface GeneratedSecret {
  /** Key below `stringData`. */
  key: string;
  /** Characters; letters and digits from the operating system's CSPRNG. */
  length: number;
}

interface OperationBase {
  resource: ResourceName;
  key: ObjectKey;
  /** What this step does, as one sentence for a person: `Create Secret app-user with a generated password.` */
  summary: string;
}

export interface CreateOperation extends OperationBase {
  verb: 'create';
  object: KubeObject;
  generate?: GeneratedSecret;
  /**
   * Remove the object again (by the uid that was returned) when a later step fails. A function looks at it first, and throws a
   * ToolError that says why it stays.
   */
  undoable?: true | ((current: KubeObject) => void);
}

/** A merge patch, guarded by uid and, where given, resourceVersion. */
export interface MergeOperation extends OperationBase {
  verb: 'merge';
  body: Record<string, unknown>;
  subresource?: 'status';
  uid: string;
  resourceVersion?: string;
  /** With it, a resourceVersion that is outdated by a change of the status alone is no conflict. */
  generation?: number;
  generate?: GeneratedSecret;
}

/**
 * A read-modify-write of one object: the pipeline reads it, asks `edit` for JSON-patch steps, adds a `test` on uid and
 * resourceVersion, and repeats the whole on a conflict after a short random pause. Use it for a list that others change too.
 */
export interface EditOperation extends OperationBase {
  verb: 'edit';
  uid: string;
  /** What the edit wants, as data: part of the plan's digest. */
  intent: Record<string, unknown>;
  /** Steps against the object as it is now; an empty list means that nothing is to be done. May throw a ToolError. */
  edit: (current: KubeObject) => JsonPatchStep[];
  /**
   * Steps that take the edit back when the plan does not get to its end; an empty list when nothing of it is left. Only for
   * what no later step rests on: it is taken back also when it is not known what became of one. May throw a ToolError that
   * says why it stays.
   */
  undo?: (current: KubeObject) => JsonPatchStep[];
  /**
   * It is no part of what was asked for: it clears away what is of no use any more, or makes the operator look again. It is also done
   * when the caller has gone meanwhile, and when it fails, the steps before it stand.
   */
  tidies?: boolean;
}

export interface RemoveOperation extends OperationBase {
  verb: 'remove';
  uid: string;
  resourceVersion?: string;
  /** As in {@link MergeOperation}. */
  generation?: number;
  /** The object may be gone already: that is not a failure. */
  tolerateMissing?: boolean;
}

/** The object that the last step so far has written of a resource, as the API server returned it. */
export type WrittenObject = (resource: ResourceName) => KubeObject | undefined;

/** Waits for the operator before the next step; the steps after it are not done when it fails or takes too long. */
export interface AwaitOperation extends OperationBase {
  verb: 'await';
  timeoutSeconds: number;
  /**
   * Looks at the object (`undefined`: it is gone). `written`: what the last step before has written of a resource. `failed` is
   * shown with what the operator or PostgreSQL said. May throw a ToolError where the call ends with a code of its own.
   */
  until: (
    object: KubeObject | undefined,
    written: WrittenObject,
  ) => WatchDecision<{ ok: true } | { ok: false; message: string; quoted?: string }>;
  /** Only what `until` throws or answers ends the plan: not that the time is over, that the caller has gone, or a lost watch. */
  orGoOn?: boolean;
  /** What to say when the time is over, where more is known than that. May throw a ToolError, too. */
  late?: () => { state: 'failed' | 'requested'; message: string; quoted?: string };
}

export type Operation = CreateOperation | MergeOperation | EditOperation | RemoveOperation | AwaitOperation;

/** An object that exists and is touched, so that a confirmation can be bound to it. */
export interface PlanTarget extends ObjectKey {
  kind: string;
  /** The object as it was read; omitted when the plan creates it. */
  object?: KubeObject;
}

/** Something that depends on what is destroyed or changed. */
export interface Dependant {
  kind: string;
  name: string;
  namespace?: string;
  /** What becomes of it: `deleted`, `remains and stops working`, … */
  fate: string;
  /** Size, age or the like: `10Gi, Bound`. */
  note?: string;
}

/** Why a plan may not be carried out, and what would lift the refusal. */
export interface Refusal {
  reason: string;
  lift: string;
}

/** `facts`: what `observe` and `text` need to know. It is neither shown nor hashed. */
export interface ChangePlan<Facts = unknown> {
  target: PlanTarget;
  /** One sentence, imperative: `Scale demo/orders from 3 to 2 instances.` */
  summary: string;
  refusals: Refusal[];
  warnings: string[];
  /** What cannot be undone, a sentence each. */
  losses: string[];
  dependants: Dependant[];
  operations: Operation[];
  /** Whether a person must confirm; default: yes when the tool's effect is `destroy`. */
  confirm?: boolean;
  /** What to type; default: the target's name. For a role or database it is the SQL name. */
  confirmName?: string;
  /** Set when there is nothing to do, with the reason. */
  unchanged?: string;
  facts: Facts;
}

/** The preconditions that hold a write to an object whose spec is as it was read. */
export function asRead({ resourceVersion, generation }: ObjectMeta): {
  resourceVersion?: string;
  generation?: number;
} {
  return {
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(generation !== undefined && { generation }),
  };
}

/** Fills in the empty parts of a plan. */
export function changePlan<Facts>(
  plan: Pick<ChangePlan<Facts>, 'target' | 'summary' | 'facts'> & Partial<ChangePlan<Facts>>,
): ChangePlan<Facts> {
  return { refusals: [], warnings: [], losses: [], dependants: [], operations: [], ...plan };
}

/** What became of a change, as far as it was observed. `requested` is the honest answer when it was not. */
export interface Outcome<Result> {
  state: 'done' | 'requested' | 'failed';
  /** One or two sentences: what was seen. */
  message: string;
  /** Text written by the operator, PostgreSQL or the kubelet; shown fenced. */
  quoted?: string;
  result: Result;
}
