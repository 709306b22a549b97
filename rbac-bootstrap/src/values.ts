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

/** JSON Schema for the value at `path`, which must be there: in a condition, a value that is missing fulfils nothing. */
export function at(path: string, schema: object): object {
  return path
    .split('.')
    .reduceRight((inner, name) => ({ properties: { [name]: inner }, required: [name] }), schema);
}

/** JSON Schema for: where `condition` holds, `consequence` must hold. */
export const when = (condition: object, consequence: object): object => ({
  if: condition,
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: consequence,
});
/** JSON Schema for `true`. */
export const isTrue = { const: true };
const notEmpty = { minItems: 1 };

/**
 * What must hold between values, as JSON Schema for `rbac`: Helm checks it as part of values.schema.json. What cannot be said there
 * so that its failure names the value that has to be changed is in the chart's `_validate.tpl`. {@link contradictions} says all of it for
 * the command line.
 */
export const rbacConditions: readonly object[] = [
  when(
    {
      allOf: [
        at('clusterWide', isTrue),
        { anyOf: [at('preset', { enum: writingPresets }), at('existingClusterRoles', notEmpty)] },
      ],
    },
    at('acknowledgeClusterWideWrites', isTrue),
  ),
  when(at('clusterWide', isTrue), at('namespaces', { maxItems: 0 })),
  when(at('addOns.secrets', notEmpty), at('preset', { const: 'edit' })),
  when(at('impersonation.groups', notEmpty), at('impersonation.users', notEmpty)),
];

/** One sentence for each condition between values that does not hold. */
export function contradictions({ rbac, serviceAccount }: Values): string[] {
  const { users, groups } = rbac.impersonation;
  const writing = [
    ...(writingPresets.includes(rbac.preset) ? [`preset ${rbac.preset}`] : []),
    ...(rbac.existingClusterRoles.length > 0 ? ['existingClusterRoles'] : []),
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
          `clusterWide with ${writing.join(' and ')} lets the server change what is in every namespace. ` +
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
