/** The rights that a service account should have by some values, and those that it should not. */
import { type GrantedRule, ruleTable } from '../../server/src/permissions.ts';
import { describeRight, type Right } from './api.ts';
import { rightsOf } from './escalation.ts';
import type { Invocation } from './flags.ts';
import { enabledAddOns, namespacesOf, type PolicyRule } from './objects.ts';

type Installation = Pick<Invocation, 'release' | 'values'>;

/** Rights of some rules, wherever these values give them. */
function placedRights({ release, values }: Installation, rules: readonly GrantedRule[]): Right[] {
  const namespaces = namespacesOf(release, values) ?? [undefined];
  const { secrets } = values.rbac.addOns;
  const written = (rule: GrantedRule): PolicyRule => ({
    ...rule,
    ...(rule.byName && secrets.length > 0 && { resourceNames: secrets }),
  });
  return rules.flatMap((rule) =>
    rule.scope === 'cluster'
      ? rightsOf([written(rule)])
      : namespaces.flatMap((namespace) => namedNamespace(rightsOf([written(rule)], namespace))),
  );
}

/** Every single right of the preset and the add-ons, wherever it comes from. */
export function neededRights(invocation: Installation): Right[] {
  const { presets, addOns } = ruleTable();
  const { values } = invocation;
  const { preset } = values.rbac;
  const extra = enabledAddOns(values).flatMap((name) => addOns[name][preset]);
  return placedRights(invocation, [...presets[preset], ...extra]);
}

/**
 * Rights that another installation could have and this one should not: those of larger presets, of add-ons that are off, and of
 * its own in the whole cluster. Without what the operator's roles have besides, where they are bound.
 */
export function largerRights(invocation: Installation): Right[] {
  const { presets, addOns } = ruleTable();
  const { rbac } = invocation.values;
  const all = [...presets.edit, ...Object.values(addOns).flatMap(({ edit }) => edit)];
  const bound = (rule: GrantedRule): boolean => rbac.cnpgRoles !== 'create' && rule.cnpgRole === 'view';
  const inPlaces = placedRights(
    invocation,
    all.filter((rule) => !bound(rule)),
  );
  return rbac.clusterWide ? inPlaces : [...inPlaces, ...rightsOf(all)];
}

/** The first rights without the second, each once. */
export function without(rights: readonly Right[], others: readonly Right[]): Right[] {
  const seen = new Set(others.map(describeRight));
  return rights.filter((right) => {
    const key = describeRight(right);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

/** A namespace is read as an object in itself. */
function namedNamespace(rights: Right[]): Right[] {
  return rights.map((right) =>
    right.resource === 'namespaces' && right.namespace ? { ...right, name: right.namespace } : right,
  );
}

/** Rights by which more could be had than the presets give: they never come from here. */
export function dangerousRights({ release, values }: Installation): Right[] {
  const rbac = 'rbac.authorization.k8s.io';
  const inOne: Omit<Right, 'namespace'>[] = [
    { verb: 'list', group: '', resource: 'secrets' },
    { verb: 'get', group: '', resource: 'secrets' },
    { verb: 'create', group: '', resource: 'pods' },
    { verb: 'create', group: '', resource: 'pods', subresource: 'exec' },
    { verb: 'create', group: '', resource: 'serviceaccounts', subresource: 'token' },
    { verb: 'bind', group: rbac, resource: 'roles' },
    { verb: 'escalate', group: rbac, resource: 'roles' },
  ];
  const everywhere: Right[] = [
    { verb: 'impersonate', group: '', resource: 'users' },
    { verb: 'bind', group: rbac, resource: 'clusterroles' },
    { verb: 'escalate', group: rbac, resource: 'clusterroles' },
  ];
  const namespaces = namespacesOf(release, values);
  return [
    ...inOne.flatMap((right) => namespaces?.map((namespace) => ({ ...right, namespace })) ?? [right]),
    ...everywhere,
  ];
}
