/**
 * Finds out whether the roles that the operator's chart makes are there: roles of these names that have the rights that the tools need,
 * and no rights on anything but the operator's kinds. The chart's templates decide the same.
 */
import { ruleTable } from '../../server/src/permissions.ts';
import { includesPreset } from '../../server/src/tools/preset.ts';
import { type Api, ifAllowed } from './api.ts';
import { type BoundCnpgRoles, boundWithoutLooking, type PolicyRule } from './objects.ts';
import type { Values } from './values.ts';

/** What to bind for `rbac.cnpgRoles`, asking the cluster when it is `auto`. */
export async function lookForCnpgRoles(api: Api, values: Values): Promise<BoundCnpgRoles> {
  const { rbac } = values;
  if (rbac.cnpgRoles !== 'auto') return boundWithoutLooking(values);
  const fits = async (which: 'view' | 'edit'): Promise<boolean> => {
    const role = await ifAllowed(api.get('ClusterRole', rbac.cnpgRoleNames[which]));
    if (!role || !('rules' in role)) return false;
    const rules: readonly PolicyRule[] = role.rules ?? [];
    if (!rules.every((rule) => isOperators(rule, which))) return false;
    const needed = ruleTable().presets[rbac.preset].filter(({ cnpgRole }) => cnpgRole === which);
    return needed.every(({ resources, verbs }) =>
      resources.every((resource) => verbs.every((verb) => grants(rules, resource, verb))),
    );
  };
  return { view: await fits('view'), edit: includesPreset(rbac.preset, 'edit') && (await fits('edit')) };
}

const operatorGroup = 'postgresql.cnpg.io';
const reading = ['get', 'list', 'watch'];
const verbsOf = {
  view: reading,
  edit: [...reading, 'create', 'delete', 'deletecollection', 'patch', 'update'],
};

/** Whether a rule is one that such a role of the operator's chart has: a role of the same name may give anything. */
function isOperators({ apiGroups = [], verbs }: Partial<PolicyRule>, which: 'view' | 'edit'): boolean {
  return apiGroups.join() === operatorGroup && (verbs ?? []).every((verb) => verbsOf[which].includes(verb));
}

function grants(rules: readonly PolicyRule[], resource: string, verb: string): boolean {
  return rules.some(
    ({ resources, verbs, resourceNames }) =>
      resourceNames === undefined && resources.includes(resource) && verbs.includes(verb),
  );
}
