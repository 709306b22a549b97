/** A new role: what stands in its way, and the operation that declares it in either place. */
import { standstillNotes } from '../../cnpg/cluster-health.ts';
import { appSecretName } from '../../cnpg/names.ts';
import { addEntry, removeEntries } from '../../cnpg/role-edits.ts';
import { RoleLook } from '../../cnpg/role-look.ts';
import { applicationDatabase, reservedRoleReason } from '../../cnpg/role-names.ts';
import { firstAttempt, isApplied, refuseTooLate } from '../../cnpg/role-progress.ts';
import { isRoleSecret, isRoleSecretOf } from '../../cnpg/role-secret.ts';
import {
  type DeclaredRole,
  declarationsOf,
  placePhrase,
  roleStatus,
  undeclaredRoles,
} from '../../cnpg/roles.ts';
import type { Cluster, DatabaseRole, RoleSpec, Secret } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import type { EditOperation, Operation } from '../change-plan.ts';
import type { ToolContext } from '../define-tool.ts';
import { atCluster, editOf } from './cluster-step.ts';
import type { ClusterRoles } from './declared.ts';
import { findSecret } from './password.ts';

/** Throws when the name is reserved, declared, or the application owner's. What PostgreSQL has is told by {@link lookForRole}. */
export function refuseTakenName({ cluster, roles }: ClusterRoles, role: string): void {
  const clusterName = cluster.metadata.name;
  const reserved = reservedRoleReason(role);
  if (reserved !== undefined) {
    throw new ToolError('refused', `The role name ${role} is reserved: ${reserved}.`, {
      hint: 'Choose another name.',
    });
  }
  const [existing] = declarationsOf(roles, role);
  if (existing) {
    const { note, hint } = wordsOnDeclared(cluster, existing);
    throw new ToolError(
      'already_exists',
      `The cluster ${clusterName} declares the role ${role} already, in ${placePhrase(existing)}${note}.`,
      { hint },
    );
  }
  if (applicationDatabase(cluster)?.owner === role) {
    throw new ToolError(
      'already_exists',
      `The role ${role} is the application owner of the cluster ${clusterName}; its password is in Secret ${appSecretName(clusterName)} or the one given at bootstrap.`,
      { hint: 'Choose another name: with a second Secret the two passwords would replace each other.' },
    );
  }
}

/** What is to be known of a declaration that stands in the way. A call before this one may have made it. */
function wordsOnDeclared(cluster: Cluster, existing: DeclaredRole): { note: string; hint: string } {
  if (existing.spec.ensure === 'absent') {
    return {
      note: ' with ensure: absent',
      hint: 'It is being deleted: finish that with delete_postgres_role, or take it back with update_postgres_role and ensure: present.',
    };
  }
  const { state } = roleStatus(cluster, existing);
  if (state === 'reconciled') {
    return { note: '', hint: 'Change it with update_postgres_role, or choose another name.' };
  }
  if (state === 'deleting') {
    return {
      note: ', which is terminating',
      hint: 'Finish the deletion with delete_postgres_role, then call again, or choose another name.',
    };
  }
  return {
    note: ', but the operator has not applied it',
    hint:
      'An earlier call that answered "requested" or broke off may still be under way: look with list_postgres_roles what became of it. ' +
      'A declaration that fails is changed with update_postgres_role or removed with delete_postgres_role.',
  };
}

/** A plan that will probably end early; the operator's list may be old, so that is not known before it has looked again. */
export function warnOfListedRole(cluster: Cluster, role: string): string[] {
  if (!undeclaredRoles(cluster)?.includes(role)) return [];
  return [
    `PostgreSQL had a role ${role} when the operator looked last, and nobody declared it. If it is still there, the call ends without creating anything.`,
  ];
}

/** Seconds for the look at PostgreSQL's roles where nobody is at work, as far as the Cluster tells. Else the caller's patience decides. */
const lookSeconds = 20;

/** A look at PostgreSQL's roles before a role is declared: steps, and how the marker goes when it has done its work. */
export interface LookForRole {
  /** They end the call with `already_exists` when PostgreSQL has a role of this name that nobody declared. */
  first: Operation[];
  /** For the edit that writes to the same Cluster afterwards. */
  removeMarkers: EditOperation['edit'];
}

/**
 * Plans the look. It is made before every creation: the list that the operator keeps may be older than the role. `secret`: the
 * one that will hold its password, where it gets one. `patience`: seconds that the caller waits at most.
 */
export function lookForRole(
  cluster: Cluster,
  { name: role, secret }: { name: string; secret: string | undefined },
  now: Date,
  patience: number,
): LookForRole {
  const look = new RoleLook(role, secret, now);
  const first: Operation[] = [
    {
      ...editOf(cluster),
      summary:
        'Add a marker entry to spec.managed.roles, which makes the operator say which roles PostgreSQL has.',
      intent: { marker: 'in' },
      edit: look.putMarker,
      undo: look.takeBackMarker,
    },
    {
      ...atCluster(cluster),
      verb: 'await',
      summary: `Make sure that PostgreSQL has no role ${role}: the operator would take it over and reset it.`,
      timeoutSeconds: standstillNotes(cluster).length > 0 ? Math.min(lookSeconds, patience) : patience,
      until: look.untilSeen,
      late: look.late,
    },
  ];
  return { first, removeMarkers: look.removeMarkers };
}

/**
 * Takes the marker out where no other edit of the Cluster does, after the DatabaseRole was made: until then the marker lets the
 * instance read the Secret, and any change of a Cluster's specification makes the operator try its DatabaseRoles again.
 */
export function removeMarker(cluster: Cluster, { removeMarkers: edit }: LookForRole): Operation {
  return {
    ...editOf(cluster),
    summary: 'Take the marker entry out again.',
    intent: { marker: 'out' },
    edit,
    tidies: true,
  };
}

/** Throws `already_exists` when there is a Secret of this name: it is never overwritten. */
export async function refuseTakenSecret(
  context: ToolContext,
  cluster: Cluster,
  role: string,
  name: string,
): Promise<void> {
  const found = await findSecret(context, name);
  if (!found) return;
  const where = context.namespace.name;
  throw new ToolError('already_exists', `There is a Secret ${name} in namespace ${where} already.`, {
    hint: `It is not overwritten. ${whoseSecret(cluster, role, found)}`,
  });
}

/** Deleting is advised only where the Secret is what an earlier role of this very cluster has left. */
function whoseSecret(cluster: Cluster, role: string, secret: Secret): string {
  if (isRoleSecretOf(cluster, role, secret))
    return 'It is left of an earlier role of this name: remove it with delete_postgres_role, then call again.';
  if (isRoleSecret(secret))
    return 'This server made it for another role, another cluster, or an earlier cluster of this name: it may be in use. Choose another role name.';
  return 'This server did not make it. Choose another role name.';
}

/** Adds the entry to `spec.managed.roles` in place of the marker, whatever else is done to the list meanwhile. */
export function addInline(cluster: Cluster, spec: RoleSpec, place: string, look: LookForRole): Operation {
  return {
    ...editOf(cluster),
    summary: `Add role ${spec.name} to ${place} in place of the marker.`,
    intent: { add: spec },
    // The entry is appended, so removing the marker by its index does not move what was added.
    edit: (current) => [...addEntry(current as Cluster, spec), ...look.removeMarkers(current)],
    undo: (current) => {
      refuseTooLate(spec, isApplied(spec.name, cluster, current as Cluster));
      return removeEntries(current as Cluster, ({ name }) => name === spec.name);
    },
  };
}

/** Seconds for PostgreSQL's answer to the first attempt, which comes within one when the primary runs. */
export const firstAttemptSeconds = 2;

/** `objectName`: of the DatabaseRole; absent for an inline role. `seconds`: the plan goes on when they are over. */
interface FirstAttempt {
  what?: string;
  seconds: number;
  objectName?: string;
}

/** Ends the call when PostgreSQL says that it has the role: what was declared is undone before the operator tries again. */
export function awaitFirstAttempt(
  cluster: Cluster,
  role: string,
  { what = 'the first attempt', seconds, objectName }: FirstAttempt,
): Operation {
  const at = atCluster(cluster);
  return {
    ...(objectName === undefined
      ? at
      : { resource: 'databaseroles' as const, key: { ...at.key, name: objectName } }),
    verb: 'await',
    summary: `See what PostgreSQL says to ${what}: a role ${role} may have been made by SQL since it was looked for.`,
    timeoutSeconds: seconds,
    until: firstAttempt(role, objectName === undefined ? 'spec.managed.roles' : 'DatabaseRole', cluster),
    orGoOn: true,
  };
}

/** Creates the DatabaseRole; `ensure` is not a field that it may have. */
export function createObject(
  cluster: Cluster,
  name: string,
  { ensure: _ensure, ...spec }: RoleSpec,
  place: string,
): Operation {
  const { name: clusterName, namespace: inNamespace } = cluster.metadata;
  const key = { name, ...(inNamespace !== undefined && { namespace: inNamespace }) };
  return {
    verb: 'create',
    resource: 'databaseroles',
    key,
    summary: `Create ${place} for role ${spec.name}.`,
    undoable: (current) => refuseTooLate(spec, (current as DatabaseRole).status?.applied === true),
    object: {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'DatabaseRole',
      metadata: key,
      spec: { cluster: { name: clusterName }, ...spec },
    },
  };
}
