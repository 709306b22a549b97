/** Deletion: preconditions, finalizers, propagation; and the garbage collector that follows owner references. */

import { copy, isFields } from '../json.ts';
import type { Fields, KubeObject } from '../types.ts';
import { badRequest, cause, invalid, notFound, preconditionFailed } from './api-error.ts';
import type { Machine } from './machine.ts';
import { seconds } from './metadata.ts';
import { mergePatch } from './patches.ts';
import type { ResourceType } from './resources.ts';
import type { Target } from './writes.ts';

type Propagation = 'Foreground' | 'Background' | 'Orphan';

const blocking: Partial<Record<Propagation, string>> = { Foreground: 'foregroundDeletion', Orphan: 'orphan' };

/** The options of a deletion, from its body and its query. */
export interface DeleteOptions {
  uid: string | undefined;
  resourceVersion: string | undefined;
  propagation: Propagation;
  dryRun: boolean;
  gracePeriodSeconds: number | undefined;
}

/** Reads DeleteOptions; throws 422 for a propagation policy that does not exist. */
export function deleteOptions(text: string, query: URLSearchParams, dryRun: boolean): DeleteOptions {
  let body: unknown = {};
  try {
    body = text === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw badRequest(
      `couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : error}`,
    );
  }
  const given: Fields = isFields(body) ? body : {};
  const propagation = query.get('propagationPolicy') ?? given.propagationPolicy ?? 'Background';
  if (!['Foreground', 'Background', 'Orphan'].includes(propagation)) {
    throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [
      cause.unsupported('propagationPolicy', propagation, ['Foreground', 'Background', 'Orphan', 'nil']),
    ]);
  }
  const grace = query.get('gracePeriodSeconds') ?? given.gracePeriodSeconds;
  return {
    uid: given.preconditions?.uid,
    resourceVersion: given.preconditions?.resourceVersion,
    propagation,
    dryRun: dryRun || (given.dryRun ?? []).includes('All'),
    gracePeriodSeconds: grace === undefined || grace === null ? undefined : Number(grace),
  };
}

/** DELETE of one object. Answers what the API server does: the object while it lives on, else a Status. */
export function remove(
  machine: Machine,
  { type, namespace, name = '' }: Target,
  options: DeleteOptions,
): Fields {
  const current = machine.store.get(type, namespace, name);
  if (current === undefined) throw notFound(type, name);
  const { uid, resourceVersion } = current.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw preconditionFailed(type, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw preconditionFailed(type, name, why);
  }
  const left = markDeleted(machine, type, current, options);
  if (left !== undefined) return left;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(type.group === '' ? {} : { group: type.group }), kind: type.plural, uid },
  };
}

/**
 * Deletes an object, or marks it as being deleted when finalizers, a grace period or its content keep it.
 * Returns the marked object, undefined when it is gone.
 */
export function markDeleted(
  machine: Machine,
  type: ResourceType,
  current: KubeObject,
  {
    propagation,
    dryRun,
    gracePeriodSeconds,
  }: Pick<DeleteOptions, 'propagation' | 'dryRun' | 'gracePeriodSeconds'>,
): KubeObject | undefined {
  const finalizers = [...(current.metadata.finalizers ?? [])];
  const policy = blocking[propagation];
  if (policy !== undefined && !finalizers.includes(policy)) finalizers.push(policy);
  const isPod = type.kind === 'Pod';
  const grace = isPod ? (gracePeriodSeconds ?? current.spec?.terminationGracePeriodSeconds ?? 30) : 0;
  // A pod that no node runs has nobody to wait for.
  const lingers = isPod && grace > 0 && current.spec?.nodeName !== undefined;
  if (finalizers.length === 0 && !lingers && type.kind !== 'Namespace') {
    if (!dryRun) machine.store.drop(type, current.metadata.namespace, current.metadata.name);
    return undefined;
  }
  if (current.metadata.deletionTimestamp !== undefined && !(isPod && gracePeriodSeconds === 0))
    return current;
  const marked = copy(current);
  marked.metadata = {
    ...marked.metadata,
    deletionTimestamp: seconds(new Date(machine.now().getTime() + (lingers ? grace * 1000 : 0))),
    ...(type.kind === 'Namespace' ? {} : { deletionGracePeriodSeconds: lingers ? grace : 0 }),
    ...(finalizers.length === 0 ? {} : { finalizers }),
    ...(marked.metadata.generation === undefined ? {} : { generation: marked.metadata.generation + 1 }),
  };
  if (type.kind === 'Namespace') marked.status = { phase: 'Terminating' };
  return dryRun ? marked : machine.store.save(type, marked);
}

/** Removes one finalizer, and the object with the last one of an object that is being deleted. */
export function releaseFinalizer(
  machine: Machine,
  type: ResourceType,
  object: KubeObject,
  finalizer: string,
): void {
  const current = machine.store.get(type, object.metadata.namespace, object.metadata.name);
  if (current === undefined || current.metadata.uid !== object.metadata.uid) return;
  const finalizers = (current.metadata.finalizers ?? []).filter((each) => each !== finalizer);
  if (finalizers.length === (current.metadata.finalizers ?? []).length) return;
  if (finalizers.length === 0 && current.metadata.deletionTimestamp !== undefined) {
    machine.store.drop(type, current.metadata.namespace, current.metadata.name);
    return;
  }
  const metadata = { ...current.metadata, finalizers };
  machine.store.save(type, { ...current, metadata });
}

/**
 * What the controllers of Kubernetes do about deletions: dependants of a gone owner go, foreground deletion waits for
 * them, a terminating namespace is emptied, terminating pods end, claims in use are kept. Returns what stops it.
 */
export function startGarbageCollection(machine: Machine): () => void {
  let scheduled = false;
  let stopped = false;
  const run = (): void => {
    scheduled = false;
    if (!stopped) collectGarbage(machine);
  };
  const schedule = (): void => {
    if (scheduled || stopped) return;
    scheduled = true;
    setImmediate(run);
  };
  const goneOrGoing = (object: KubeObject) => object.metadata.deletionTimestamp !== undefined;
  const unlisten = machine.store.listen((change) => {
    if (change.type === 'DELETED' || goneOrGoing(change.object)) schedule();
  });
  return () => {
    stopped = true;
    unlisten();
  };
}

function everything(machine: Machine): { type: ResourceType; object: KubeObject }[] {
  return machine.resources.all.flatMap((type) =>
    machine.store.list(type).map((object) => ({ type, object })),
  );
}

const background = { propagation: 'Background', dryRun: false, gracePeriodSeconds: undefined } as const;

/** One round of what {@link startGarbageCollection} does. */
export function collectGarbage(machine: Machine): void {
  const all = everything(machine);
  const alive = new Map(all.map(({ object }) => [object.metadata.uid, object]));
  for (const { type, object } of all) {
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length > 0 && object.metadata.deletionTimestamp === undefined) {
      const living = owners.map(({ uid }) => alive.get(uid)).filter((owner) => owner !== undefined);
      const foreground = (owner: KubeObject) =>
        owner.metadata.deletionTimestamp !== undefined &&
        (owner.metadata.finalizers ?? []).includes('foregroundDeletion');
      if (living.every(foreground)) markDeleted(machine, type, object, background);
    }
    if (object.metadata.deletionTimestamp !== undefined) finish(machine, type, object, all);
  }
}

function finish(
  machine: Machine,
  type: ResourceType,
  object: KubeObject,
  all: { type: ResourceType; object: KubeObject }[],
): void {
  const { finalizers = [], uid, name, namespace } = object.metadata;
  const dependants = () =>
    all.filter((each) => (each.object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid));
  if (finalizers.includes('orphan')) {
    for (const each of dependants()) orphan(machine, each.type, each.object, uid ?? '');
    releaseFinalizer(machine, type, object, 'orphan');
  }
  if (finalizers.includes('foregroundDeletion')) {
    const blocked = dependants().some(
      (each) =>
        machine.store.get(each.type, each.object.metadata.namespace, each.object.metadata.name) !== undefined,
    );
    if (!blocked) releaseFinalizer(machine, type, object, 'foregroundDeletion');
  }
  if (type.kind === 'PersistentVolumeClaim' && !isMounted(machine, object)) {
    releaseFinalizer(machine, type, object, 'kubernetes.io/pvc-protection');
  }
  if (type.kind === 'Pod' && finalizers.length === 0 && !machine.kubelets)
    machine.store.drop(type, namespace, name);
  if (type.kind === 'Namespace') emptyNamespace(machine, type, object);
}

function orphan(machine: Machine, type: ResourceType, object: KubeObject, uid: string): void {
  const current = machine.store.get(type, object.metadata.namespace, object.metadata.name);
  if (current === undefined) return;
  const owners = (current.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
  const change = { metadata: { ownerReferences: owners.length === 0 ? null : owners } };
  machine.store.save(type, mergePatch(current, change) as KubeObject);
}

function isMounted(machine: Machine, claim: KubeObject): boolean {
  const pods = machine.store.list(machine.resources.named('pods'), claim.metadata.namespace);
  const names = (pod: KubeObject) =>
    ((pod.spec?.volumes ?? []) as Fields[]).map((volume) => volume.persistentVolumeClaim?.claimName);
  return pods.some((pod) => names(pod).includes(claim.metadata.name));
}

function emptyNamespace(machine: Machine, type: ResourceType, namespace: KubeObject): void {
  let left = 0;
  for (const each of machine.resources.all.filter(({ namespaced, virtual }) => namespaced && !virtual)) {
    for (const object of machine.store.list(each, namespace.metadata.name)) {
      left += 1;
      if (object.metadata.deletionTimestamp === undefined) markDeleted(machine, each, object, background);
    }
  }
  if (left === 0) machine.store.drop(type, undefined, namespace.metadata.name);
}
