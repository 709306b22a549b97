/** Finds out whether the roles that the operator's chart makes are there and have the rights that the tools need. */
import { ruleTable } from '../../server/src/permissions.ts';
import { includesPreset } from '../../server/src/tools/preset.ts';
import type { Api } from './api.ts';
import { type BoundCnpgRoles, boundWithoutLooking, type PolicyRule } from './objects.ts';
import type { Values } from './values.ts';

/** What to bind for `rbac.cnpgRoles`, asking the cluster when it is `auto`. */
export async function lookForCnpgRoles(api: Api, values: Values): Promise<BoundCnpgRoles> {
  const { rbac } = values;
  if (rbac.cnpgRoles !== 'auto') return boundWithoutLooking(values);
  const covers = async (which: 'view' | 'edit'): Promise<boolean> => {
    const role = await api.get('ClusterRole', rbac.cnpgRoleNames[which]).catch(() => undefined);
    if (!role || !('rules' in role)) return false;
    const needed = ruleTable().presets[rbac.preset].filter(({ cnpgRole }) => cnpgRole === which);
    return needed.every(({ apiGroups, resources, verbs }) =>
      resources.every((resource) => verbs.every((verb) => grants(role.rules, apiGroups[0], resource, verb))),
    );
  };
  return { view: await covers('view'), edit: includesPreset(rbac.preset, 'edit') && (await covers('edit')) };
}

function grants(rules: readonly PolicyRule[], group: string, resource: string, verb: string): boolean {
  const has = (list: readonly string[], item: string): boolean => list.includes(item) || list.includes('*');
  return (rules ?? []).some(
    ({ apiGroups = [], resources = [], verbs = [], resourceNames }) =>
      resourceNames === undefined && has(apiGroups, group) && has(resources, resource) && has(verbs, verb),
  );
}
