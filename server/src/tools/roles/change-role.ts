/** A change of one declared role, in either place, as a refusal or an operation. */

import { changeEntry, changeSteps, type RoleChange, removeEntries } from '../../cnpg/role-edits.ts';
import { isSpentMarker } from '../../cnpg/role-marker.ts';
import { type DeclaredRole, placePhrase, type RoleAttributes, writeRefusal } from '../../cnpg/roles.ts';
import type { Cluster, DatabaseRole } from '../../cnpg/types.ts';
import type { EditOperation, Refusal } from '../change-plan.ts';

const attributeKeys = [
  'login',
  'superuser',
  'inherit',
  'createdb',
  'createrole',
  'replication',
  'in_roles',
] as const;

/** What a caller asks for: everything that was passed, `null` meaning the same as nothing. */
export function wishOf(
  input: { [Key in keyof RoleAttributes]?: RoleAttributes[Key] | null | undefined } & {
    ensure?: 'present' | undefined;
  },
): RoleChange {
  return {
    ...Object.fromEntries(attributeKeys.flatMap((key) => (input[key] == null ? [] : [[key, input[key]]]))),
    ...(input.ensure !== undefined && { ensure: input.ensure }),
  };
}

/** The attributes that a change sets. */
export function attributesIn({
  ensure: _ensure,
  passwordSecret: _secret,
  ...attributes
}: RoleChange): Partial<RoleAttributes> {
  return attributes;
}

/** Whether a change is more than one of memberships: the operator runs ALTER ROLE for it. */
export function isAltered(changes: readonly { label: string }[]): boolean {
  return changes.some(({ label }) => label !== 'Member of' && label !== 'Ensure');
}

/** Why a declared role cannot be changed now. */
export function refusalsOfChange(
  cluster: Cluster,
  { spec, object }: DeclaredRole,
  change: RoleChange,
): Refusal[] {
  const refusals: Refusal[] = [];
  const futile = writeRefusal(cluster);
  if (futile) refusals.push(futile);
  if (spec.ensure === 'absent' && change.ensure !== 'present') {
    refusals.push({
      reason: `The role ${spec.name} is being deleted (ensure: absent).`,
      lift: 'Pass ensure: present to take that back, or finish it with delete_postgres_role.',
    });
  }
  if (object?.metadata.deletionTimestamp !== undefined) {
    refusals.push({
      reason: `The role ${spec.name} is being deleted: its DatabaseRole ${object.metadata.name} is terminating.`,
      lift: 'That cannot be taken back. Wait until it is gone, then create the role again.',
    });
  }
  return refusals;
}

/** The operation that makes the change. `list`: the differences in words. */
export function editRole(
  cluster: Cluster,
  role: DeclaredRole,
  change: RoleChange,
  list: string[],
  now: Date,
): EditOperation {
  const { spec, object } = role;
  const target = object ?? cluster;
  const { name, namespace, uid = '' } = target.metadata;
  return {
    verb: 'edit',
    resource: object ? 'databaseroles' : 'clusters',
    key: { name, ...(namespace !== undefined && { namespace }) },
    summary: `Change role ${spec.name} in ${placePhrase(role)}: ${list.join('; ')}.`,
    uid,
    intent: { role: spec.name, change },
    edit: (current) => {
      if (object) return changeSteps('/spec', (current as DatabaseRole).spec, change);
      const steps = changeEntry(current as Cluster, spec.name, change);
      // A deletion that was broken off may have left its marker behind.
      return change.ensure === undefined
        ? steps
        : [...steps, ...removeEntries(current as Cluster, (entry) => isSpentMarker(entry, spec.name, now))];
    },
  };
}
