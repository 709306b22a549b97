/** What stands in the way of dropping a role, and what is touched by it. */

import { databasesOf } from '../../cnpg/databases.ts';
import { protectionRefusal } from '../../cnpg/protection.ts';
import { reservedRoleReason } from '../../cnpg/role-names.ts';
import { type DeclaredRole, declarationsOf, placePhrase, writeRefusal } from '../../cnpg/roles.ts';
import type { Database } from '../../cnpg/types.ts';
import { nameOrLiteral } from '../../cnpg/untrusted.ts';
import type { Dependant, Refusal } from '../change-plan.ts';
import type { ClusterRoles } from './declared.ts';

/** `databases`: those of the namespace. `applicationOwner`: the role that bootstrap made. */
export function refusalsOfDrop(
  { cluster, roles }: ClusterRoles,
  role: string,
  databases: readonly Database[],
  applicationOwner: string | undefined,
): Refusal[] {
  const refusals: Refusal[] = [];
  const reserved = reservedRoleReason(role);
  if (reserved !== undefined) {
    refusals.push({
      reason: `The role ${role} is reserved: ${reserved}.`,
      lift: 'It cannot be deleted. An entry for it does nothing in PostgreSQL; take that out with kubectl edit.',
    });
  }
  for (const refusal of [protectionRefusal(cluster), writeRefusal(cluster)]) {
    if (refusal) refusals.push(refusal);
  }
  if (role === applicationOwner) {
    refusals.push({
      reason: `The role ${role} owns the application database of the cluster ${cluster.metadata.name}.`,
      lift: 'It goes with the cluster; to end its use, set login: false with update_postgres_role.',
    });
  }
  const owned = databasesOf(cluster, databases).filter(
    ({ spec }) => spec.owner === role && spec.ensure !== 'absent',
  );
  if (owned.length > 0) {
    const names = owned.slice(0, 10).map(({ metadata }) => metadata.name);
    refusals.push({
      reason: `The role ${role} owns databases, and PostgreSQL does not drop an owner (error 2BP01): ${names.map((name) => `Database ${name}`).join(', ')}.`,
      lift: 'Give those databases another owner (spec.owner), or delete them first.',
    });
  }
  const [first, ...others] = declarationsOf(roles, role);
  if (first && !first.object && others.length > 0) {
    const names = others.map(placePhrase).join(', ');
    refusals.push({
      reason: `The role ${role} is declared in spec.managed.roles and by ${names}, which would make it again.`,
      lift: `Delete ${names} first (kubectl delete, reclaim policy retain), then call again.`,
    });
  }
  return refusals;
}

/** Roles that are declared as members of the dropped one: PostgreSQL forgets that, their declarations do not. */
export function dependantsOfRole(roles: readonly DeclaredRole[], role: string): Dependant[] {
  return roles
    .filter(({ spec }) => spec.inRoles?.includes(role) && spec.ensure !== 'absent')
    .map((member) => ({
      kind: 'role',
      name: nameOrLiteral(member.spec.name),
      fate: `still names ${role} in inRoles and cannot be reconciled until that is taken out`,
      note: placePhrase(member),
    }));
}
