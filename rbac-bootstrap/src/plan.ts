/** What `apply` would do: found out, and tried by the API server, before anything is written. */
import { ToolError } from '../../server/src/errors.ts';
import { type Api, ifAllowed, type LiveObject } from './api.ts';
import { lookForCnpgRoles } from './cnpg-roles.ts';
import { describeObject, findObstacles, type Obstacle, obstaclesToDelete } from './escalation.ts';
import { exitStatus, Failure } from './exit-status.ts';
import type { Invocation } from './flags.ts';
import { namespacesOf, type RbacObject, rbacObjects } from './objects.ts';
import { foreignOwner, inDeletionOrder, marked, ownObjects, sameObject } from './ownership.ts';

/** An object that should be there. */
export interface Wanted {
  object: RbacObject;
  /** As it is now; omitted: there is none, or the caller may not read it. */
  before?: LiveObject;
  /** It is bound to another role now. Kubernetes never changes that: the binding has to be deleted and made anew. */
  replaces: boolean;
}

export interface Plan {
  wanted: Wanted[];
  /** Objects of an earlier call that are not wanted any more, in the order of deletion. */
  stale: LiveObject[];
  /** Where the release has or had something and the caller may not look. */
  unseen: string[];
  /** Where else there may be something, and nothing says so. */
  unknown: string[];
}

/** What should be there, what is there, and what is there of an earlier call and should not. */
export async function makePlan({ release, values }: Invocation, api: Api): Promise<Plan> {
  const bound = await lookForCnpgRoles(api, values);
  const objects = marked(rbacObjects(release, values, bound), release);
  const { objects: own, ...rest } = await ownObjects(api, release, namespacesOf(release, values) ?? []);
  const wanted: Wanted[] = [];
  for (const object of objects) {
    const { name, namespace } = object.metadata;
    const before = await ifAllowed(api.get(object.kind, name, namespace));
    if (before) refuseForeign(before, foreignOwner(before, release));
    wanted.push({ object, ...(before && { before }), replaces: bindsOther(object, before) });
  }
  const stale = own.filter((live) => !objects.some((object) => sameObject(object, live)));
  return { wanted, stale: inDeletionOrder(stale), ...rest };
}

function bindsOther(object: RbacObject, before: LiveObject | undefined): boolean {
  if (!before || !('roleRef' in object) || !('roleRef' in before)) return false;
  return before.roleRef.kind !== object.roleRef.kind || before.roleRef.name !== object.roleRef.name;
}

function refuseForeign(live: LiveObject, owner: string | undefined): void {
  if (owner === undefined) return;
  const { name } = live.metadata;
  throw new Failure(
    `${describeObject(live)} exists and belongs to ${owner}; nothing was written. ` +
      (live.kind === 'ServiceAccount'
        ? `To give rights to that account, add --no-create-service-account --service-account ${name}.`
        : 'Use another --release, or remove it first.'),
    exitStatus.failed,
  );
}

/** What the caller lacks for the plan. */
export async function obstaclesTo({ wanted, stale }: Plan, api: Api): Promise<Obstacle[]> {
  const replaced = wanted.flatMap(({ before, replaces }) => (before && replaces ? [before] : []));
  return [
    ...(await findObstacles(
      api,
      wanted.map(({ object }) => object),
    )),
    ...(await obstaclesToDelete(api, [...replaced, ...stale])),
  ];
}

/** A wanted object as it would be; omitted where the API server cannot tell. */
export type Rehearsed = Wanted & { after?: LiveObject };

/**
 * Lets the API server try everything and store nothing. Throws where it refuses, so that namespaces that do not exist and
 * policies of the cluster are found before the first object is written.
 */
export async function rehearse({ wanted }: Plan, api: Api): Promise<Rehearsed[]> {
  const rehearsed: Rehearsed[] = [];
  const missing = new Set<string>();
  for (const item of wanted) {
    const { object, replaces } = item;
    // Neither a role that is not there yet can be bound, nor another one than before.
    if (replaces || bindsNewRole(object, wanted)) rehearsed.push(item);
    else {
      const after = await api.apply(object, true).catch((thrown: unknown) => {
        if (!(thrown instanceof ToolError && thrown.code === 'namespace_not_found')) throw thrown;
        missing.add(object.metadata.namespace ?? '');
        return undefined;
      });
      rehearsed.push({ ...item, ...(after && { after }) });
    }
  }
  if (missing.size === 0) return rehearsed;
  const names = [...missing].join(', ');
  throw new Failure(
    `${missing.size === 1 ? `Namespace ${names} does not exist` : `These namespaces do not exist: ${names}`}; nothing was written. ` +
      'Make it first, or check the spelling (--namespace, --namespaces).',
    exitStatus.failed,
  );
}

function bindsNewRole(object: RbacObject, wanted: readonly Wanted[]): boolean {
  if (!('roleRef' in object)) return false;
  const { kind, name } = object.roleRef;
  const namespace = kind === 'Role' ? object.metadata.namespace : undefined;
  return wanted.some(
    (other) =>
      other.before === undefined &&
      other.object.kind === kind &&
      other.object.metadata.name === name &&
      other.object.metadata.namespace === namespace,
  );
}
