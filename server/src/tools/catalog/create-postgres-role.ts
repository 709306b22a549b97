/** Creates a role, with a generated password if it may log in, where the cluster keeps its roles. */
import { z } from 'zod';
import { standstillNotes } from '../../cnpg/cluster-health.ts';
import { objectName, passwordCommand } from '../../cnpg/names.ts';
import { applicationDatabase, connectionUrl } from '../../cnpg/role-names.ts';
import { roleSecretName } from '../../cnpg/role-secret.ts';
import { privilegeWarnings, unknownRoleWarnings, writeRefusal } from '../../cnpg/roles.ts';
import type { RoleSpec } from '../../cnpg/types.ts';
import { waitInputs } from '../applied.ts';
import { changePlan } from '../change-plan.ts';
import { defineTool } from '../define-tool.ts';
import { namespace } from '../inputs.ts';
import { permission } from '../permission.ts';
import { askAgain, askAgainAfterSeconds } from '../roles/ask-again.ts';
import { readRoles, readRolesPermissions } from '../roles/declared.ts';
import {
  addInline,
  awaitFirstAttempt,
  createObject,
  firstAttemptSeconds,
  lookForRole,
  refuseTakenName,
  refuseTakenSecret,
  removeMarker,
  warnOfListedRole,
} from '../roles/new-role.ts';
import { observeRole } from '../roles/observe.ts';
import { createSecret } from '../roles/password.ts';
import { attributesShape, attributeWords, definedIn, inRoles, roleInputs } from '../roles/shapes.ts';

export const createPostgresRole = defineTool({
  name: 'create_postgres_role',
  title: 'Create a role',
  toolset: 'roles',
  effect: 'change',
  description:
    'Creates a role. With login it gets a generated password, kept in a Secret, never shown. Lives in a DatabaseRole where the cluster uses those, else in spec.managed.roles. One made by SQL meanwhile may be taken over.',
  input: z.strictObject({
    ...roleInputs,
    login: z.boolean().default(true),
    generate_password: z.boolean().optional().describe('Default: like login.'),
    superuser: z.boolean().default(false),
    inherit: z.boolean().default(true),
    createdb: z.boolean().default(false),
    createrole: z.boolean().default(false),
    replication: z.boolean().default(false),
    in_roles: inRoles.default([]),
    ...waitInputs,
    namespace,
  }),
  output: z.object({
    cluster: z.string(),
    name: z.string(),
    ...attributesShape,
    defined_in: definedIn,
    crd_name: z.string().optional(),
    password_secret: z.string().optional(),
    password_command: z.string().optional(),
    connection: z.string().optional(),
  }),
  permissions: [
    ...readRolesPermissions,
    permission(
      'clusters',
      ['patch', 'watch'],
      'roles are entries of spec.managed.roles; their status is in the Cluster',
    ),
    permission('databaseroles', ['create', 'watch'], 'for clusters whose roles are DatabaseRole objects'),
    permission('databaseroles', ['delete'], 'it is taken back when PostgreSQL has the role already', {
      optional: true,
    }),
    permission('databaseroles', ['get'], 'to find out what became of a creation whose answer was lost', {
      optional: true,
    }),
    permission(
      'secrets',
      ['get', 'create', 'delete'],
      'a Secret holds the password of a role that gets one; it is removed when the role is refused',
      {
        addOn: 'secrets',
      },
    ),
  ],
  clusterArgument: 'cluster_name',
  objectArgument: 'role_name',

  async plan(context, input) {
    const { cluster_name: clusterName, role_name: role } = input;
    const read = await readRoles(context, clusterName);
    const { cluster, objects } = read;
    refuseTakenName(read, role);
    const secret = (input.generate_password ?? input.login) ? roleSecretName(clusterName, role) : undefined;
    if (secret !== undefined) await refuseTakenSecret(context, cluster, role, secret);
    const spec: RoleSpec = {
      name: role,
      ensure: 'present',
      login: input.login,
      superuser: input.superuser,
      inherit: input.inherit,
      createdb: input.createdb,
      createrole: input.createrole,
      replication: input.replication,
      ...(input.in_roles.length > 0 && { inRoles: input.in_roles }),
      ...(secret !== undefined && { passwordSecret: { name: secret } }),
    };
    const asObject = read.roles.some(({ place }) => place === 'DatabaseRole');
    const taken = new Set(objects.map(({ metadata }) => metadata.name));
    const plainName = objectName(clusterName, role);
    const crdName = taken.has(plainName) ? objectName(clusterName, role, undefined, 'role') : plainName;
    const place = asObject ? `DatabaseRole ${crdName}` : `spec.managed.roles of Cluster ${clusterName}`;
    const refusal = writeRefusal(cluster);
    const since = context.now();
    const look = lookForRole(cluster, { name: role, secret }, since, input.timeout);
    const patience = input.wait ? input.timeout : firstAttemptSeconds;
    const later = { what: 'an attempt that comes later', seconds: patience };
    return changePlan({
      target: { kind: 'Cluster', name: clusterName, namespace: context.namespace.name, object: cluster },
      summary: `Create role ${role} of ${context.namespace.name}/${clusterName}: ${attributeWords(input)}.`,
      refusals: refusal ? [refusal] : [],
      warnings: [
        ...standstillNotes(cluster),
        ...privilegeWarnings(role, input),
        ...unknownRoleWarnings(cluster, read.roles, input.in_roles, `create ${role} as a member of it`),
        ...warnOfListedRole(cluster, role),
      ],
      operations: [
        ...look.first,
        ...(secret === undefined ? [] : [createSecret(cluster, role, secret)]),
        ...(asObject
          ? [
              createObject(cluster, crdName, spec, place),
              awaitFirstAttempt(cluster, role, { seconds: firstAttemptSeconds, objectName: crdName }),
              removeMarker(cluster, look),
              awaitFirstAttempt(cluster, role, { ...later, objectName: crdName }),
            ]
          : [
              addInline(cluster, spec, place, look),
              awaitFirstAttempt(cluster, role, {
                seconds: input.wait ? Math.min(askAgainAfterSeconds, patience) : firstAttemptSeconds,
              }),
              ...(input.wait
                ? [askAgain(cluster, role, since), awaitFirstAttempt(cluster, role, later)]
                : []),
            ]),
      ],
      facts: { cluster, since, ...(secret !== undefined && { secret }), ...(asObject && { crdName }) },
    });
  },

  async observe(context, { facts: { cluster, since, secret, crdName } }, input, written) {
    const { cluster_name, role_name: role, wait, timeout } = input;
    const outcome = await observeRole(
      context,
      {
        ...{ role, cluster, altered: false },
        ...(secret !== undefined && { secret }),
        ...(crdName !== undefined && { objectName: crdName }),
      },
      { wait, timeout, since, after: written(crdName === undefined ? 'clusters' : 'databaseroles') },
    );
    const database = applicationDatabase(cluster)?.database ?? 'postgres';
    const result = {
      ...input,
      cluster: cluster_name,
      name: role,
      defined_in: crdName === undefined ? ('spec.managed.roles' as const) : ('DatabaseRole' as const),
      ...(crdName !== undefined && { crd_name: crdName }),
      ...(secret !== undefined && {
        password_secret: secret,
        password_command: passwordCommand(secret, context.namespace.name),
      }),
      ...(input.login &&
        secret !== undefined && {
          connection: connectionUrl(role, cluster_name, context.namespace.name, database),
        }),
    };
    return { ...outcome, result };
  },

  text(result) {
    const lines = [
      `Role: ${result.name} (${result.crd_name === undefined ? result.defined_in : `DatabaseRole ${result.crd_name}`})`,
      `Attributes: ${attributeWords(result)}`,
      result.password_secret === undefined
        ? 'Password: none. update_postgres_role with reset_password: true gives it one.'
        : `Password: in Secret ${result.password_secret}; to see it: ${result.password_command}`,
    ];
    if (result.connection !== undefined) lines.push(`Connect with: ${result.connection}`);
    return lines.join('\n');
  },
});
