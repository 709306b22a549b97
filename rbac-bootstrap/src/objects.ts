/** The objects that give the server its rights: the same ones, in the same order, as the chart's templates. */
import { type GrantedRule, ruleTable } from '../../server/src/permissions.ts';
import type { AddOn } from '../../server/src/tools/permission.ts';
import { includesPreset } from '../../server/src/tools/preset.ts';
import type { Values } from './values.ts';
import { version } from './version.ts';

/** A rule as RBAC has it. */
export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

interface Metadata {
  name: string;
  namespace?: string;
  labels: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface ServiceAccount {
  apiVersion: 'v1';
  kind: 'ServiceAccount';
  metadata: Metadata;
  automountServiceAccountToken: false;
}

export interface Role {
  apiVersion: 'rbac.authorization.k8s.io/v1';
  kind: 'ClusterRole' | 'Role';
  metadata: Metadata;
  rules: PolicyRule[];
}

export interface Binding {
  apiVersion: 'rbac.authorization.k8s.io/v1';
  kind: 'ClusterRoleBinding' | 'RoleBinding';
  metadata: Metadata;
  roleRef: { apiGroup: 'rbac.authorization.k8s.io'; kind: 'ClusterRole' | 'Role'; name: string };
  subjects: { kind: 'ServiceAccount'; name: string; namespace: string }[];
}

export type RbacObject = ServiceAccount | Role | Binding;

/** What Helm calls a release: the name and the namespace of an installation. */
export interface Release {
  name: string;
  namespace: string;
}

const chartName = 'cnpg-mcp';
const apiVersion = 'rbac.authorization.k8s.io/v1';

/** Name of everything in the release's own namespace. */
export function fullnameOf(release: Release, { nameOverride, fullnameOverride }: Values): string {
  // A release may have dots in its name, a Service may not.
  const cut = (text: string): string => text.replaceAll('.', '-').slice(0, 63).replace(/-+$/, '');
  if (fullnameOverride) return cut(fullnameOverride);
  const name = nameOverride || chartName;
  return cut(release.name.includes(name) ? release.name : `${release.name}-${name}`);
}

/** The account that the server runs as. */
export function serviceAccountOf(release: Release, values: Values): { name: string; namespace: string } {
  const { create, name } = values.serviceAccount;
  return {
    name: name || (create ? fullnameOf(release, values) : 'default'),
    namespace: release.namespace,
  };
}

/** Namespaces that rights are given in; `undefined`: in all of them. */
export function namespacesOf(release: Release, { rbac }: Pick<Values, 'rbac'>): string[] | undefined {
  if (rbac.clusterWide) return undefined;
  return rbac.namespaces.length > 0 ? [...new Set(rbac.namespaces)] : [release.namespace];
}

/** Which roles of the operator's chart are bound instead of repeating their rules in our own. */
export interface BoundCnpgRoles {
  view: boolean;
  edit: boolean;
}

/** What `rbac.cnpgRoles` means where the cluster cannot be asked: `auto` is `create` then, as for `helm template`. */
export function boundWithoutLooking({ rbac }: Pick<Values, 'rbac'>): BoundCnpgRoles {
  const binds = rbac.cnpgRoles === 'bind';
  return { view: binds, edit: binds && includesPreset(rbac.preset, 'edit') };
}

/** The add-ons that are switched on, in the order of values.yaml. */
export function enabledAddOns({ rbac }: Pick<Values, 'rbac'>): AddOn[] {
  return (Object.keys(rbac.addOns) as AddOn[]).filter((name) => {
    const value = rbac.addOns[name];
    return Array.isArray(value) ? value.length > 0 : value;
  });
}

/** The rules of a preset and its add-ons, each as one role, before they are written for Kubernetes. */
function ruleGroups(values: Values, bound: BoundCnpgRoles): { suffix: string; rules: GrantedRule[] }[] {
  const { preset } = values.rbac;
  const table = ruleTable();
  const own = table.presets[preset].filter(({ cnpgRole }) => cnpgRole === undefined || !bound[cnpgRole]);
  return [
    { suffix: preset, rules: own },
    ...enabledAddOns(values).map((name) => ({
      suffix: name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      rules: table.addOns[name][preset],
    })),
  ];
}

/** A rule without what only the table knows, limited to the listed names where it must be. */
function policyRule({ apiGroups, resources, verbs, byName }: GrantedRule, { rbac }: Values): PolicyRule {
  return {
    apiGroups: [...apiGroups],
    resources: [...resources],
    ...(byName && { resourceNames: [...rbac.addOns.secrets] }),
    verbs: [...verbs],
  };
}

/** A role of our own, or one that exists, and where it is bound. */
interface Grant {
  suffix: string;
  /** Bound as it is; otherwise a role is made of `rules`. */
  existing?: string;
  rules: PolicyRule[];
  clusterScoped: boolean;
}

function grantsOf(values: Values, bound: BoundCnpgRoles): Grant[] {
  const { rbac } = values;
  // The name of a binding has that of its role in it: the role of a binding cannot be changed.
  const existing = (name: string): Grant => ({
    suffix: `bind-${name}`,
    existing: name,
    rules: [],
    clusterScoped: rbac.clusterWide,
  });
  const own = ruleGroups(values, bound).flatMap(({ suffix, rules }) =>
    [true, false].map((clusterScoped) => ({
      suffix,
      clusterScoped,
      rules: rules
        .filter(({ scope }) => (rbac.clusterWide || scope === 'cluster') === clusterScoped)
        .map((rule) => policyRule(rule, values)),
    })),
  );
  const cnpgRoles = (['view', 'edit'] as const)
    .filter((which) => bound[which])
    .map((which) => rbac.cnpgRoleNames[which]);
  const { users, groups } = rbac.impersonation;
  const impersonate = (resource: string, names: string[]): PolicyRule[] =>
    names.length === 0
      ? []
      : [{ apiGroups: [''], resources: [resource], resourceNames: [...names], verbs: ['impersonate'] }];
  return [
    ...own.filter(({ rules }) => rules.length > 0),
    ...[...new Set([...cnpgRoles, ...rbac.existingClusterRoles])].map(existing),
    ...(users.length > 0
      ? [
          {
            suffix: 'impersonate',
            clusterScoped: true,
            rules: [...impersonate('users', users), ...impersonate('groups', groups)],
          },
        ]
      : []),
  ];
}

/**
 * Every object, in the order in which Helm prints and creates them. `bound` is what was found out about the operator's roles;
 * without it nothing was looked up.
 */
export function rbacObjects(
  release: Release,
  values: Values,
  bound: BoundCnpgRoles = boundWithoutLooking(values),
): RbacObject[] {
  const labels = labelsOf(release, values);
  const account = serviceAccountOf(release, values);
  const objects: RbacObject[] = [];
  if (values.serviceAccount.create) {
    const { annotations } = values.serviceAccount;
    objects.push({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: {
        ...account,
        labels,
        ...(Object.keys(annotations).length > 0 && { annotations: { ...annotations } }),
      },
      automountServiceAccountToken: false,
    });
  }
  if (!values.rbac.create) return objects;
  const fullname = fullnameOf(release, values);
  const grants = grantsOf(values, bound);
  const inCluster = grants.filter(({ clusterScoped }) => clusterScoped);
  const inNamespaces = (namespacesOf(release, values) ?? []).flatMap((namespace) =>
    grants.filter(({ clusterScoped }) => !clusterScoped).map((grant) => ({ ...grant, namespace })),
  );
  const subjects = [{ kind: 'ServiceAccount' as const, ...account }];
  const metadata = (suffix: string, namespace?: string): Metadata => {
    // Outside its own namespace, two releases of the same name must not meet.
    const isOwn = namespace === release.namespace;
    const name = `${isOwn ? '' : `${release.namespace}:`}${fullname}-${suffix}`;
    return { name, ...(namespace !== undefined && { namespace }), labels };
  };
  const role = ({ suffix, rules }: Grant, namespace?: string): Role => ({
    apiVersion,
    kind: namespace === undefined ? 'ClusterRole' : 'Role',
    metadata: metadata(suffix, namespace),
    rules,
  });
  const binding = ({ suffix, existing }: Grant, namespace?: string): Binding => ({
    apiVersion,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: metadata(suffix, namespace),
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: existing !== undefined || namespace === undefined ? 'ClusterRole' : 'Role',
      name: existing ?? metadata(suffix, namespace).name,
    },
    subjects,
  });
  const isOwn = ({ existing }: Grant): boolean => existing === undefined;
  return [
    ...objects,
    ...inCluster.filter(isOwn).map((grant) => role(grant)),
    ...inCluster.map((grant) => binding(grant)),
    ...inNamespaces.filter(isOwn).map((grant) => role(grant, grant.namespace)),
    ...inNamespaces.map((grant) => binding(grant, grant.namespace)),
  ];
}

/** Labels of every object. Helm adds its own mark to what it creates, and `apply` adds ours. */
export function labelsOf(release: Release, { nameOverride }: Values): Record<string, string> {
  return {
    'helm.sh/chart': `${chartName}-${version}`,
    'app.kubernetes.io/name': (nameOverride || chartName).slice(0, 63).replace(/-$/, ''),
    'app.kubernetes.io/instance': release.name,
    'app.kubernetes.io/version': version,
  };
}
