/** A new role: what stands in its way, and the operation that declares it in either place. */
import { appSecretName } from '../../cnpg/names.ts';
import { addEntry } from '../../cnpg/role-edits.ts';
import { RoleLook, takenBySql } from '../../cnpg/role-look.ts';
import { applicationDatabase, reservedRoleReason } from '../../cnpg/role-names.ts';
import { isRoleSecret, isRoleSecretOf } from '../../cnpg/role-secret.ts';
import { declarationsOf, placePhrase, undeclaredRoles } from '../../cnpg/roles.ts';
import type { Cluster, RoleSpec, Secret } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import type { Operation } from '../change-plan.ts';
import type { ToolContext } from '../define-tool.ts';
import type { ClusterRoles } from './declared.ts';
import { findSecret } from './password.ts';

/** Throws when the name is reserved, declared, the application owner's, or known to exist in PostgreSQL. */
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
    const absent = existing.spec.ensure === 'absent';
    throw new ToolError(
      'already_exists',
      `The cluster ${clusterName} declares the role ${role} already, in ${placePhrase(existing)}${absent ? ' with ensure: absent' : ''}.`,
      {
        hint: absent
          ? 'It is being deleted: finish that with delete_postgres_role, or take it back with update_postgres_role and ensure: present.'
          : 'Change it with update_postgres_role, or choose another name.',
      },
    );
  }
  if (applicationDatabase(cluster)?.owner === role) {
    throw new ToolError(
      'already_exists',
      `The role ${role} is the application owner of the cluster ${clusterName}; its password is in Secret ${appSecretName(clusterName)} or the one given at bootstrap.`,
      { hint: 'Choose another name: with a second Secret the two passwords would replace each other.' },
    );
  }
  if (undeclaredRoles(cluster)?.includes(role)) {
    throw new ToolError('already_exists', takenBySql(role));
  }
}

/** The operator looks when its list of roles is changed, not when somebody makes a role by SQL (seen on operator 1.30.0). */
export function warnOfOldList(cluster: Cluster, role: string): string[] {
  if (undeclaredRoles(cluster) === undefined) return [];
  return [
    `PostgreSQL had no role ${role} when the operator looked last. One that was made by SQL since would be taken over, and lose its password, attributes and memberships.`,
  ];
}

/** Seconds that the operator gets to look at PostgreSQL's roles; it takes less than one when it is at work. */
const lookSeconds = 20;

/**
 * Steps that end the call when PostgreSQL has a role of this name that nobody declared. None when the operator says anyway
 * which roles there are: {@link refuseTakenName} has looked at that.
 */
export function lookForRole(cluster: Cluster, role: string, now: Date): Operation[] {
  if (undeclaredRoles(cluster) !== undefined) return [];
  const { name, namespace, uid = '' } = cluster.metadata;
  const at = { resource: 'clusters' as const, key: { name, ...(namespace !== undefined && { namespace }) } };
  const look = new RoleLook(role, now);
  return [
    {
      ...at,
      verb: 'edit',
      summary:
        'Add a marker entry to spec.managed.roles, which makes the operator say which roles PostgreSQL has.',
      uid,
      intent: { marker: 'in' },
      edit: look.putMarker,
    },
    {
      ...at,
      verb: 'await',
      summary: 'Wait until the operator has said so.',
      timeoutSeconds: lookSeconds,
      until: look.untilSeen,
      late: look.late,
    },
    {
      ...at,
      verb: 'edit',
      summary: 'Take the marker entry out again.',
      uid,
      intent: { marker: 'out' },
      edit: look.removeMarker,
    },
    {
      ...at,
      verb: 'await',
      summary: `Make sure that PostgreSQL has no role ${role}: the operator would take it over and reset it.`,
      timeoutSeconds: lookSeconds,
      until: look.untilJudged,
    },
  ];
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

/** Adds the entry to `spec.managed.roles`, whatever else is done to the list meanwhile. */
export function addInline(cluster: Cluster, spec: RoleSpec, place: string): Operation {
  const { name, namespace: inNamespace, uid } = cluster.metadata;
  return {
    verb: 'edit',
    resource: 'clusters',
    key: { name, ...(inNamespace !== undefined && { namespace: inNamespace }) },
    summary: `Add role ${spec.name} to ${place}.`,
    uid: uid ?? '',
    intent: { add: spec },
    edit: (current) => addEntry(current as Cluster, spec),
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
    object: {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'DatabaseRole',
      metadata: key,
      spec: { cluster: { name: clusterName }, ...spec },
    },
  };
}
