/** ClusterRoles such as the operator's own chart makes: one that reads its kinds, one that writes them and cannot read. */

/** Kinds of the operator. */
const kinds = ['backups', 'clusters', 'databases', 'databaseroles', 'poolers', 'scheduledbackups'];

/** `<release>-view`. */
export function operatorViewRole(name: string): object {
  return role(name, ['get', 'list', 'watch'], kinds);
}

/** `<release>-edit`; `resources`: fewer kinds than the newest operator has, as in the chart of an older one. */
export function operatorEditRole(name: string, resources: readonly string[] = kinds): object {
  return role(name, ['create', 'delete', 'patch', 'update'], resources);
}

/** Roles under the name of `<release>-view` that have its rules, or cover them, and give more. */
export function widerViewRoles(name: string): object[] {
  const role = operatorViewRole(name) as { rules: [{ verbs: string[] }] };
  const [rule] = role.rules;
  return [
    [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    [rule, { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }],
    [rule, { nonResourceURLs: ['/metrics'], verbs: ['get'] }],
    [{ ...rule, verbs: [...rule.verbs, 'delete'] }],
  ].map((rules) => ({ ...role, rules }));
}

function role(name: string, verbs: readonly string[], resources: readonly string[]): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules: [{ apiGroups: ['postgresql.cnpg.io'], resources, verbs }],
  };
}
