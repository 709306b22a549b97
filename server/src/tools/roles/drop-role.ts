/** The operations that make PostgreSQL drop a role and then take away what declared it. */
import { annotate } from '../../cnpg/annotate.ts';
import { isDropError, RoleDrop, refusedDrop, wasRefused } from '../../cnpg/role-drop.ts';
import { findEntry } from '../../cnpg/role-edits.ts';
import type { Cluster, DatabaseRole, Secret } from '../../cnpg/types.ts';
import { type AwaitOperation, asRead, type Operation } from '../change-plan.ts';
import { atCluster, editOf } from './cluster-step.ts';

/** Seconds that the operator gets to read the list; it takes less than one when it is at work. */
const readSeconds = 30;
/** Seconds for the drop of an inline role, which follows at once. */
const inlineSeconds = 20;
/** Seconds for a DatabaseRole: a drop that failed is tried again every 30 s (operator 1.30). */
const objectSeconds = 40;
/**
 * Seconds for a drop that PostgreSQL has refused before. The operator tries again as soon as it is told, in less than one, but
 * when it is refused for the same reason its status stays as it was: nothing more can be seen (operator 1.30.0).
 */
const repeatedSeconds = 5;

/** Set to the time at which the operator was told to try again: any change of a DatabaseRole makes it do so. */
const retryAnnotation = 'cnpg-mcp.io/retried-at';

/** For an entry of `spec.managed.roles`. */
export function dropInline(cluster: Cluster, role: string, now: Date): Operation[] {
  const at = atCluster(cluster);
  const edit = editOf(cluster);
  const drop = new RoleDrop(role, now, { resumes: findEntry(cluster, role)?.spec.ensure === 'absent' });
  return [
    {
      ...edit,
      summary: `Set role ${role} to ensure: absent in spec.managed.roles, with a marker entry that shows when the operator has read it.`,
      intent: { absent: role },
      edit: drop.markAbsent,
    },
    {
      ...at,
      verb: 'await',
      summary: 'Wait until the operator has read it.',
      timeoutSeconds: readSeconds,
      until: drop.untilRead,
    },
    {
      ...edit,
      summary: 'Take the marker entry out again.',
      intent: { marker: 'out' },
      edit: drop.removeMarker,
    },
    {
      ...at,
      verb: 'await',
      summary: `Wait until PostgreSQL has dropped the role ${role}.`,
      timeoutSeconds: wasRefused(cluster, role) ? repeatedSeconds : inlineSeconds,
      until: drop.untilDropped,
      late: drop.late,
    },
    {
      ...edit,
      summary: `Take the entry of role ${role} out of spec.managed.roles.`,
      intent: { remove: role },
      edit: drop.removeEntry,
    },
  ];
}

/** For a DatabaseRole object; of one that is terminating already the operator is told to try again. */
export function dropObject(object: DatabaseRole, now: Date): Operation[] {
  const { name, namespace, uid = '', deletionTimestamp } = object.metadata;
  const at = {
    resource: 'databaseroles' as const,
    key: { name, ...(namespace !== undefined && { namespace }) },
  };
  // The object stays until the role is dropped: without this a second deletion meanwhile would be accepted as well.
  const version = asRead(object.metadata);
  const operations: Operation[] = [];
  if (object.spec.databaseRoleReclaimPolicy !== 'delete') {
    operations.push({
      ...at,
      verb: 'merge',
      summary: `Set databaseRoleReclaimPolicy of DatabaseRole ${name} to delete, so that the operator drops the role with it.`,
      body: { spec: { databaseRoleReclaimPolicy: 'delete' } },
      uid,
      ...version,
    });
  }
  if (deletionTimestamp !== undefined && operations.length === 0) {
    operations.push({
      ...at,
      verb: 'edit',
      summary: `Annotate DatabaseRole ${name}, which makes the operator try again to drop the role.`,
      uid,
      intent: { retry: name },
      edit: (current) => annotate(current, retryAnnotation, now.toISOString()),
    });
  }
  if (deletionTimestamp === undefined) {
    const unchanged = operations.length === 0 && version;
    operations.push({ ...at, verb: 'remove', summary: `Delete DatabaseRole ${name}.`, uid, ...unchanged });
  }
  operations.push(awaitGone(object));
  return operations;
}

function awaitGone(object: DatabaseRole): AwaitOperation {
  const { name, namespace, uid, deletionTimestamp } = object.metadata;
  const role = object.spec.name;
  const terminating = deletionTimestamp !== undefined;
  const earlier = object.status?.message;
  const refused = (quoted: string): { ok: false; message: string; quoted: string } => ({
    ok: false,
    message: refusedDrop(
      role,
      `DatabaseRole ${name} stays terminating and the operator tries again every 30 s (databaseRoleReclaimPolicy: retain keeps the role instead)`,
    ),
    quoted,
  });
  let last: string | undefined;
  return {
    verb: 'await',
    resource: 'databaseroles',
    key: { name, ...(namespace !== undefined && { namespace }) },
    summary: `Wait until PostgreSQL has dropped the role ${role} and the object is gone.`,
    timeoutSeconds: terminating && isDropError(earlier ?? '') ? repeatedSeconds : objectSeconds,
    until: (current) => {
      if (!current || current.metadata.uid !== uid) return { done: { ok: true } };
      const { status, metadata } = current as DatabaseRole;
      last =
        status?.applied === false && metadata.deletionTimestamp !== undefined ? status.message : undefined;
      // An object that failed before says the same as before until the operator has tried to drop the role.
      return last === undefined || last === earlier ? 'continue' : { done: refused(last) };
    },
    late: () =>
      last !== undefined && terminating
        ? { state: 'failed', ...refused(last) }
        : {
            state: 'requested',
            message: `DatabaseRole ${name} is terminating and the operator has not said why; call again to go on.`,
            ...(last !== undefined && { quoted: last }),
          },
  };
}

/** Removes a Secret that this server made; it may be gone already. */
export function removeSecret({ metadata }: Secret): Operation {
  const { name, namespace, uid = '' } = metadata;
  return {
    verb: 'remove',
    resource: 'secrets',
    key: { name, ...(namespace !== undefined && { namespace }) },
    summary: `Delete Secret ${name}, which held its password.`,
    uid,
    tolerateMissing: true,
  };
}
