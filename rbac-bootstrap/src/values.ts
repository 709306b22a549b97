/**
 * The values of the chart that rights depend on. The chart's values.schema.json is made from the same shapes, so both take
 * and refuse the same.
 */
import { z } from 'zod';
import { type Preset, presets } from '../../server/src/tools/preset.ts';

const dnsLabel = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
/** RBAC allows more in its names than DNS does: `system:node`. */
const roleName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[^/%\s]+$/);
/** One pattern for both: Helm says of a choice of two that neither fits, in three lines. */
const optionalLabel = z
  .string()
  .max(63)
  .regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/);

/** Nobody may become a part of Kubernetes itself, or a service account. */
const impersonated = z.string().min(1).max(253);

/** `rbac.addOns`: one entry for each add-on of the server's table. */
const addOnValues = z.strictObject({
  secrets: z
    .array(
      z
        .string()
        .max(253)
        .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/),
    )
    .max(1000),
  podLogs: z.boolean(),
  podProxy: z.boolean(),
  events: z.boolean(),
  storage: z.boolean(),
  nodes: z.boolean(),
  auditEvents: z.boolean(),
});

/** `rbac` of values.yaml. */
export const rbacValues = z.strictObject({
  create: z.boolean(),
  preset: z.enum(presets),
  namespaces: z.array(dnsLabel).max(500),
  clusterWide: z.boolean(),
  acknowledgeClusterWideWrites: z.boolean(),
  cnpgRoles: z.enum(['auto', 'bind', 'create']),
  cnpgRoleNames: z.strictObject({ view: roleName, edit: roleName }),
  addOns: addOnValues,
  existingClusterRoles: z.array(roleName).max(100),
  impersonation: z.strictObject({
    users: z.array(impersonated).max(1000),
    groups: z.array(impersonated).max(1000),
  }),
});

/** `serviceAccount` of values.yaml. */
export const serviceAccountValues = z.strictObject({
  create: z.boolean(),
  name: z
    .string()
    .max(253)
    .regex(/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$/),
  annotations: z.record(z.string(), z.string()),
});

/** The names that everything else is derived from. */
export const nameValues = { nameOverride: optionalLabel, fullnameOverride: optionalLabel };

/** Everything that rights depend on. */
export const values = z.strictObject({
  ...nameValues,
  serviceAccount: serviceAccountValues,
  rbac: rbacValues,
});
export type Values = z.output<typeof values>;

/** The chart's defaults; a test holds them against values.yaml. */
export const defaultValues: Values = {
  nameOverride: '',
  fullnameOverride: '',
  serviceAccount: { create: true, name: '', annotations: {} },
  rbac: {
    create: true,
    preset: 'view',
    namespaces: [],
    clusterWide: false,
    acknowledgeClusterWideWrites: false,
    cnpgRoles: 'auto',
    cnpgRoleNames: { view: 'cnpg-cloudnative-pg-view', edit: 'cnpg-cloudnative-pg-edit' },
    addOns: {
      secrets: [],
      podLogs: false,
      podProxy: false,
      events: false,
      storage: false,
      nodes: false,
      auditEvents: false,
    },
    existingClusterRoles: [],
    impersonation: { users: [], groups: [] },
  },
};

/** Presets that change something. */
export const writingPresets: readonly Preset[] = ['operate', 'edit'];

/**
 * One sentence for each condition between values that does not hold. The chart says the same in its `_validate.tpl`, and not in its
 * schema, whose failures name a value without the reason, and which Helm can be told to skip.
 */
export function contradictions({ rbac, serviceAccount }: Values): string[] {
  const { users, groups } = rbac.impersonation;
  const writing = [
    ...(writingPresets.includes(rbac.preset) ? [`rbac.preset ${rbac.preset}`] : []),
    ...(rbac.existingClusterRoles.length > 0 ? ['rbac.existingClusterRoles'] : []),
  ];
  return [
    ...(rbac.create && !serviceAccount.create && serviceAccount.name === ''
      ? [
          'The account that gets the rights must be named (serviceAccount.name, --service-account), because none is made. Without a ' +
            'name it would be default, which every pod of the namespace has that names no other.',
        ]
      : []),
    ...(rbac.clusterWide && writing.length > 0 && !rbac.acknowledgeClusterWideWrites
      ? [
          `rbac.clusterWide with ${writing.join(' and ')} lets the server change what is in every namespace. ` +
            'Name the namespaces instead (rbac.namespaces), or say that it is meant: rbac.acknowledgeClusterWideWrites.',
        ]
      : []),
    ...(rbac.clusterWide && rbac.namespaces.length > 0
      ? ['rbac.namespaces and rbac.clusterWide exclude each other: leave one out.']
      : []),
    ...(rbac.addOns.secrets.length > 0 && rbac.preset !== 'edit'
      ? [
          'rbac.addOns.secrets is of use with rbac.preset edit only, because no other tool touches a Secret: set that preset, or name none.',
        ]
      : []),
    ...(groups.length > 0 && users.length === 0
      ? [
          'rbac.impersonation.groups needs rbac.impersonation.users: Kubernetes lets nobody act for a group alone.',
        ]
      : []),
    ...[...users, ...groups]
      .filter((name) => name.startsWith('system:'))
      .map(
        (name) => `rbac.impersonation: ${name} is a part of Kubernetes, and the server must not act for it.`,
      ),
  ];
}
