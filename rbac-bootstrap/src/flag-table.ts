/** Every flag, and what it stands for. Help, documentation and the parser go by this table. */

interface Flag {
  kind: 'text' | 'switch' | 'list';
}

interface ValueFlag extends Flag {
  /** Path of the value in values.yaml. */
  value: string;
}

/** Every flag that stands for a value of the chart. */
export const valueFlags: Readonly<Record<string, ValueFlag>> = {
  'name-override': { value: 'nameOverride', kind: 'text' },
  'fullname-override': { value: 'fullnameOverride', kind: 'text' },
  'create-service-account': { value: 'serviceAccount.create', kind: 'switch' },
  'service-account': { value: 'serviceAccount.name', kind: 'text' },
  create: { value: 'rbac.create', kind: 'switch' },
  preset: { value: 'rbac.preset', kind: 'text' },
  // The word of the reference system.
  role: { value: 'rbac.preset', kind: 'text' },
  namespaces: { value: 'rbac.namespaces', kind: 'list' },
  'cluster-wide': { value: 'rbac.clusterWide', kind: 'switch' },
  'acknowledge-cluster-wide-writes': { value: 'rbac.acknowledgeClusterWideWrites', kind: 'switch' },
  'cnpg-roles': { value: 'rbac.cnpgRoles', kind: 'text' },
  'cnpg-view-role': { value: 'rbac.cnpgRoleNames.view', kind: 'text' },
  'cnpg-edit-role': { value: 'rbac.cnpgRoleNames.edit', kind: 'text' },
  secrets: { value: 'rbac.addOns.secrets', kind: 'list' },
  'pod-logs': { value: 'rbac.addOns.podLogs', kind: 'switch' },
  'pod-proxy': { value: 'rbac.addOns.podProxy', kind: 'switch' },
  events: { value: 'rbac.addOns.events', kind: 'switch' },
  storage: { value: 'rbac.addOns.storage', kind: 'switch' },
  nodes: { value: 'rbac.addOns.nodes', kind: 'switch' },
  'audit-events': { value: 'rbac.addOns.auditEvents', kind: 'switch' },
  'existing-cluster-roles': { value: 'rbac.existingClusterRoles', kind: 'list' },
  'impersonate-users': { value: 'rbac.impersonation.users', kind: 'list' },
  'impersonate-groups': { value: 'rbac.impersonation.groups', kind: 'list' },
};

/** Flags about the call itself. */
const callFlags = {
  release: { kind: 'text' },
  namespace: { kind: 'text' },
  'from-values': { kind: 'text' },
  kubeconfig: { kind: 'text' },
  context: { kind: 'text' },
  'dry-run': { kind: 'text' },
  output: { kind: 'text' },
  duration: { kind: 'text' },
  overwrite: { kind: 'switch' },
  delete: { kind: 'switch' },
  help: { kind: 'switch' },
  version: { kind: 'switch' },
} as const satisfies Record<string, Flag>;

export type CallFlag = keyof typeof callFlags;

/** All flags of both kinds. */
export const flags: Readonly<Record<string, Flag | ValueFlag>> = { ...valueFlags, ...callFlags };

/** Flags by which a command is told about which installation it works on; with them come those that stand for values. */
export const installation = ['release', 'namespace', 'from-values'] as const satisfies CallFlag[];
/** Flags by which a command is told in which cluster. */
export const cluster = ['kubeconfig', 'context'] as const satisfies CallFlag[];
