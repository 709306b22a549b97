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
const optionalLabel = z.union([z.literal(''), dnsLabel]);

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
  name: z.union([
    z.literal(''),
    z
      .string()
      .max(253)
      .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/),
  ]),
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
 * What must hold between values, as JSON Schema for `rbac`. It is written once, here: Helm checks it as part of
 * values.schema.json, and {@link contradictions} says the same for the command line.
 */
export const rbacConditions: readonly object[] = [
  {
    if: { properties: { clusterWide: { const: true }, preset: { enum: writingPresets } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { acknowledgeClusterWideWrites: { const: true } } },
  },
  {
    if: { properties: { clusterWide: { const: true } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { namespaces: { maxItems: 0 } } },
  },
  {
    if: { properties: { addOns: { properties: { secrets: { minItems: 1 } } } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { preset: { const: 'edit' } } },
  },
  {
    if: { properties: { impersonation: { properties: { groups: { minItems: 1 } } } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { impersonation: { properties: { users: { minItems: 1 } } } } },
  },
  ...(['users', 'groups'] as const).map((kind) => ({
    properties: {
      impersonation: { properties: { [kind]: { items: { not: { pattern: '^system:' } } } } },
    },
  })),
];

/** One sentence for each condition of {@link rbacConditions} that does not hold. */
export function contradictions({ rbac }: Pick<Values, 'rbac'>): string[] {
  const writes = writingPresets.includes(rbac.preset);
  const { users, groups } = rbac.impersonation;
  return [
    ...(rbac.clusterWide && writes && !rbac.acknowledgeClusterWideWrites
      ? [
          `Preset ${rbac.preset} with clusterWide lets the server change PostgreSQL clusters in every namespace. ` +
            'Name the namespaces instead, or say that it is meant: acknowledgeClusterWideWrites.',
        ]
      : []),
    ...(rbac.clusterWide && rbac.namespaces.length > 0
      ? ['namespaces and clusterWide exclude each other: leave one out.']
      : []),
    ...(rbac.addOns.secrets.length > 0 && rbac.preset !== 'edit'
      ? ['The add-on secrets is of use with preset edit only: no other tool touches a Secret.']
      : []),
    ...(groups.length > 0 && users.length === 0
      ? ['Kubernetes lets nobody act for a group alone: impersonation.groups needs impersonation.users.']
      : []),
    ...[...users, ...groups]
      .filter((name) => name.startsWith('system:'))
      .map((name) => `${name} is a part of Kubernetes: the server must not act for it.`),
  ];
}
