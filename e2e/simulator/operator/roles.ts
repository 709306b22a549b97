/** Roles: those in `spec.managed.roles` of a Cluster, and DatabaseRole objects. */

import { isReservedRole } from '../admission/cluster-rules.ts';
import { releaseFinalizer } from '../api/deletes.ts';
import type { Fields, KubeObject } from '../types.ts';
import { isReady } from './instances.ts';
import { passwordOf } from './passwords.ts';
import { PostgresError } from './postgres.ts';
import type { Waits } from './queue.ts';
import type { Place, World } from './world.ts';

/** Seconds until the instance manager looks at its roles after a change, and again at one that failed. */
const takes = { look: 0.5, retry: 30 };

/** The attributes of a role, without what only says how it is managed. */
function attributesOf(role: Fields): Fields {
  const {
    name: _,
    ensure: __,
    passwordSecret: ___,
    cluster: ____,
    databaseRoleReclaimPolicy: _____,
    ...attributes
  } = role;
  return attributes;
}

/** True when the primary of a cluster can be talked to. */
export function hasReadyPrimary(world: World, cluster: KubeObject): boolean {
  const pod = world.get('pods', cluster.metadata.namespace, cluster.status?.currentPrimary ?? '');
  return pod !== undefined && isReady(pod);
}

interface RolesResult {
  cannotReconcile: Record<string, string[]>;
  passwordStatus: Record<string, Fields>;
  again: number | undefined;
}

function sooner(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return Math.min(left, right);
}

function applyRole(world: World, waits: Waits, place: Place, role: Fields, result: RolesResult): void {
  const { namespace, name: cluster } = place;
  const { name, ensure } = role as { name: string; ensure?: string };
  const fail = (text: string) => {
    result.cannotReconcile[name] = [text];
  };
  try {
    if (ensure === 'absent') {
      // The operator keeps the passwordStatus of a dropped role (seen on 1.30.0).
      world.postgres.dropRole(namespace, cluster, name);
      return;
    }
    const password = passwordOf(world, waits, place, role);
    if (password.error !== undefined) {
      const prefix = password.error.startsWith('secrets ')
        ? `failed to get password secret ${role.passwordSecret.name}: `
        : '';
      fail(`${prefix}${password.error}`);
      result.again = sooner(result.again, password.again ?? takes.retry);
      return;
    }
    const known = world.postgres.role(namespace, cluster, name);
    const attributes = attributesOf(role);
    const same =
      known !== undefined &&
      JSON.stringify(known.attributes) === JSON.stringify(attributes) &&
      known.passwordVersion === password.version;
    if (same) return;
    const transactionID = world.postgres.createRole(namespace, cluster, name, attributes, password.version);
    // GRANT and REVOKE leave the role's row, and so its transaction, as they were.
    const without = (all: Fields | undefined): string => JSON.stringify({ ...all, inRoles: undefined });
    if (
      known !== undefined &&
      without(known.attributes) === without(attributes) &&
      known.passwordVersion === password.version
    )
      return;
    result.passwordStatus[name] = {
      transactionID,
      ...(password.version === undefined ? {} : { resourceVersion: password.version }),
    };
  } catch (error) {
    if (!(error instanceof PostgresError)) throw error;
    if (error.sqlState === '42710') {
      fail(`while trying to CREATE: ${error.message}`);
      result.again = sooner(result.again, takes.look);
      return;
    }
    const action = ensure === 'absent' ? 'DELETE' : 'UPDATE_MEMBERSHIPS';
    const text =
      error.sqlState === '2BP01' ? error.detail : error.message.replace(/^ERROR: | \(SQLSTATE.*$/g, '');
    fail(`could not perform ${action} on role ${name}: ${text}`);
    result.again = sooner(result.again, takes.retry);
  }
}

function byStatus(
  world: World,
  { metadata }: KubeObject,
  roles: Fields[],
  cannot: Record<string, string[]>,
): Fields {
  const { namespace = '', name: cluster } = metadata;
  const annotations = JSON.stringify(metadata.annotations ?? {});
  const lists: Record<string, string[]> = {};
  const put = (list: string, name: string) => {
    lists[list] = [...(lists[list] ?? []), name].sort();
  };
  const managed = new Map(roles.map((role) => [role.name as string, role]));
  for (const name of world.postgres.roles(namespace, cluster)) {
    if (managed.has(name)) continue;
    put(isReservedRole(name) ? 'reserved' : 'not-managed', name);
  }
  for (const [name, role] of managed) {
    const known = world.postgres.role(namespace, cluster, name);
    const asWanted =
      role.ensure === 'absent'
        ? known === undefined
        : known !== undefined && JSON.stringify(known.attributes) === JSON.stringify(attributesOf(role));
    const done =
      cannot[name] === undefined &&
      asWanted &&
      !world.postgres.isKeptPending(namespace, cluster, name, annotations);
    put(done ? 'reconciled' : 'pending-reconciliation', name);
  }
  return lists;
}

/** Applies the roles in a Cluster's specification. Returns after how many simulated seconds to come back. */
export function reconcileManagedRoles(world: World, waits: Waits, place: Place): number | undefined {
  const cluster = world.get('clusters', place.namespace, place.name);
  const roles: Fields[] = cluster?.spec?.managed?.roles ?? [];
  // An empty list ends the reconciliation early: what the status said before stays.
  if (cluster === undefined || roles.length === 0 || !hasReadyPrimary(world, cluster)) return undefined;
  const key = `roles/${place.namespace}/${place.name}`;
  const left = waits.left(key, String(cluster.metadata.generation), takes.look);
  const before: Fields = cluster.status?.managedRolesStatus ?? {};
  const result: RolesResult = {
    cannotReconcile: left > 0 ? (before.cannotReconcile ?? {}) : {},
    passwordStatus: { ...before.passwordStatus },
    again: left > 0 ? left : undefined,
  };
  if (left <= 0) for (const role of roles) applyRole(world, waits, place, role, result);
  world.status('clusters', place, (status) => {
    status.managedRolesStatus = {
      byStatus: byStatus(world, cluster, roles, result.cannotReconcile),
      ...(Object.keys(result.cannotReconcile).length === 0
        ? {}
        : { cannotReconcile: result.cannotReconcile }),
      ...(Object.keys(result.passwordStatus).length === 0 ? {} : { passwordStatus: result.passwordStatus }),
    };
  });
  return result.again;
}

/** What the operator says of an object that describes the contents of a cluster that is gone. */
export function markOrphaned(world: World, resource: string, place: Place): void {
  world.status(resource, place, (status) => {
    delete status.observedGeneration;
    Object.assign(status, {
      applied: false,
      message: 'cluster resource has been deleted, skipping reconciliation',
    });
  });
}

const finalizer = 'cnpg.io/deleteRole';

/** One step of one DatabaseRole. */
export function reconcileDatabaseRole(world: World, waits: Waits, place: Place): number | undefined {
  const key = `databaserole/${place.namespace}/${place.name}`;
  const object = world.get('databaseroles', place.namespace, place.name);
  if (object === undefined) {
    waits.forget(key);
    return undefined;
  }
  const clusterName: string = object.spec?.cluster?.name ?? '';
  const cluster = world.get('clusters', place.namespace, clusterName);
  if (cluster === undefined) {
    markOrphaned(world, 'databaseroles', place);
    return undefined;
  }
  if (!hasReadyPrimary(world, cluster)) return undefined;
  const inline = ((cluster.spec?.managed?.roles ?? []) as Fields[]).some(
    ({ name }) => name === object.spec?.name,
  );
  if (object.metadata.deletionTimestamp !== undefined)
    return dropDatabaseRole(world, place, object, clusterName, inline);
  const outcome = (fields: Fields) =>
    world.status('databaseroles', place, (status) => Object.assign(status, fields));
  if (inline) {
    outcome({ applied: false, message: 'database role is already managed by the CNPG cluster' });
    return undefined;
  }
  const done =
    object.status?.applied === true && object.status?.observedGeneration === object.metadata.generation;
  const secret = world.get('secrets', place.namespace, object.spec?.passwordSecret?.name ?? '');
  if (done && object.status?.secretResourceVersion === secret?.metadata.resourceVersion) return undefined;
  const left = waits.left(key, String(object.metadata.generation), takes.look);
  if (left > 0) return left;
  world.update('databaseroles', place, ({ metadata }) => {
    metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), finalizer])];
  });
  const rival = rivalOf(world, object);
  if (rival !== undefined) {
    outcome({ applied: false, message: `"${object.spec?.name}" is already managed by object "${rival}"` });
    return takes.retry;
  }
  const owner = { namespace: place.namespace, name: clusterName };
  const password = passwordOf(world, waits, owner, object.spec ?? {});
  if (password.error !== undefined) {
    outcome({ applied: false, message: password.error });
    return password.again ?? takes.retry;
  }
  try {
    world.postgres.createRole(
      place.namespace,
      clusterName,
      object.spec?.name,
      attributesOf(object.spec ?? {}),
      password.version,
    );
  } catch (error) {
    if (!(error instanceof PostgresError)) throw error;
    outcome({ applied: false, message: `while reconciling role ${object.spec?.name}: ${error.message}` });
    return takes.retry;
  }
  world.status('databaseroles', place, (status) => {
    delete status.message;
    status.applied = true;
    status.observedGeneration = object.metadata.generation;
    if (password.version !== undefined) status.secretResourceVersion = password.version;
  });
  return undefined;
}

/** Another object that has applied the same role of the same cluster. */
function rivalOf(world: World, object: KubeObject): string | undefined {
  if ((object.status?.observedGeneration ?? 0) > 0) return undefined;
  return world
    .list('databaseroles', object.metadata.namespace)
    .find(
      (each) =>
        each.metadata.uid !== object.metadata.uid &&
        each.spec?.cluster?.name === object.spec?.cluster?.name &&
        each.spec?.name === object.spec?.name &&
        (each.status?.observedGeneration ?? 0) > 0,
    )?.metadata.name;
}

function dropDatabaseRole(
  world: World,
  place: Place,
  object: KubeObject,
  cluster: string,
  inline: boolean,
): number | undefined {
  const { name, databaseRoleReclaimPolicy: policy } = object.spec ?? {};
  const reconciled = (object.status?.observedGeneration ?? 0) > 0;
  if (policy === 'delete' && reconciled && !inline) {
    try {
      world.postgres.dropRole(place.namespace, cluster, name);
    } catch (error) {
      if (!(error instanceof PostgresError)) throw error;
      const message = `while deleting role ${name} with role reconciler: ${error.message}`;
      world.status('databaseroles', place, (status) => Object.assign(status, { applied: false, message }));
      return takes.retry;
    }
  }
  releaseFinalizer(world.machine, world.machine.resources.named('databaseroles'), object, finalizer);
  return undefined;
}
