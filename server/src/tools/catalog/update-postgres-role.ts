/** Changes attributes, memberships or the password of one role, whatever else changes at the same time. */
import { z } from 'zod';
import { standstillNotes } from '../../cnpg/cluster-health.ts';
import { passwordCommand } from '../../cnpg/names.ts';
import { differences } from '../../cnpg/role-edits.ts';
import { attributesOf, privilegeWarnings, unknownRoleWarnings } from '../../cnpg/roles.ts';
import { ToolError } from '../../errors.ts';
import { waitInputs } from '../applied.ts';
import { changePlan } from '../change-plan.ts';
import { defineTool } from '../define-tool.ts';
import { namespace } from '../inputs.ts';
import { permission } from '../permission.ts';
import { askAgain, awaitApplied } from '../roles/ask-again.ts';
import { attributesIn, editRole, isAltered, refusalsOfChange, wishOf } from '../roles/change-role.ts';
import { oneRole, readRoles, readRolesPermissions } from '../roles/declared.ts';
import { observeRole } from '../roles/observe.ts';
import { planPassword } from '../roles/password.ts';
import { attributesShape, definedIn, inRoles, roleInputs } from '../roles/shapes.ts';
import { shownName } from '../shown-name.ts';

const flag = z.boolean().nullish();

export const updatePostgresRole = defineTool({
  name: 'update_postgres_role',
  title: 'Change a role',
  toolset: 'roles',
  effect: 'change',
  description:
    'Changes attributes or memberships of a declared role, or gives it a new generated password. What is not passed stays as it is.',
  input: z.strictObject({
    ...roleInputs,
    login: flag,
    superuser: flag,
    inherit: flag,
    createdb: flag,
    createrole: flag,
    replication: flag,
    in_roles: inRoles.optional().describe('The whole new list; [] ends all.'),
    ensure: z.literal('present').optional().describe('Takes back a deletion under way.'),
    reset_password: z.boolean().default(false).describe('Generate a new one into its Secret.'),
    ...waitInputs,
    namespace,
  }),
  output: z.object({
    cluster: z.string(),
    name: z.string(),
    ...attributesShape,
    defined_in: definedIn,
    crd_name: z.string().optional(),
    changes: z.array(z.object({ attribute: z.string(), from: z.string(), to: z.string() })),
    password_reset: z.boolean(),
    password_secret: z.string().optional(),
    password_command: z.string().optional(),
  }),
  permissions: [
    ...readRolesPermissions,
    permission(
      'clusters',
      ['patch', 'watch'],
      'roles are entries of spec.managed.roles; their status is in the Cluster',
    ),
    permission('databaseroles', ['get', 'patch', 'watch'], 'for roles that are DatabaseRole objects'),
    permission(
      'secrets',
      ['get', 'create', 'patch', 'delete'],
      'a new password is written to the Secret of the role',
      {
        addOn: 'secrets',
      },
    ),
  ],
  clusterArgument: 'cluster_name',
  objectArgument: 'role_name',

  async plan(context, input) {
    const { cluster_name: clusterName, role_name: role } = input;
    const wish = wishOf(input);
    if (Object.keys(wish).length === 0 && !input.reset_password) {
      throw new ToolError('invalid_arguments', 'There are no updates specified.', {
        hint: 'Pass at least one attribute, in_roles, or reset_password: true.',
      });
    }
    const read = await readRoles(context, clusterName);
    const { cluster } = read;
    const found = oneRole(context, read, role);
    const password = input.reset_password ? await planPassword(context, cluster, found.spec) : undefined;
    const refusals = refusalsOfChange(cluster, found, wish);
    if (password && 'refusal' in password) refusals.push(password.refusal);
    const writing = password && 'operation' in password ? password : undefined;
    const change = { ...wish, ...(writing?.attach && { passwordSecret: writing.secret }) };
    const changes = differences(found.spec, change);
    const list = changes.map(({ label, from, to }) => `${label}: ${from} -> ${to}`);
    if (writing) list.push('Password: a new generated one');
    const what = `role ${role} of ${context.namespace.name}/${clusterName}`;
    const since = context.now();
    const edits = changes.length > 0 ? [editRole(cluster, found, change, list, since)] : [];
    const first = writing?.operation.verb === 'create' ? [writing.operation] : [];
    const last = writing?.operation.verb === 'merge' ? [writing.operation] : [];
    const writes = [...first, ...edits, ...last];
    const altered = isAltered(changes);
    return changePlan({
      target: { kind: 'Cluster', name: clusterName, namespace: context.namespace.name, object: cluster },
      summary: list.length > 0 ? `Change ${what}: ${list.join('; ')}.` : `Leave ${what} as it is.`,
      refusals,
      warnings: [
        ...standstillNotes(cluster),
        ...privilegeWarnings(role, {
          superuser: false,
          replication: false,
          in_roles: [],
          ...attributesIn(wish),
        }),
        ...unknownRoleWarnings(cluster, read.roles, wish.in_roles ?? [], `make ${role} a member of it`),
        ...(wish.login === true && !found.spec.passwordSecret && !writing
          ? [`No Secret holds a password for ${role}: with reset_password: true it gets one.`]
          : []),
      ],
      operations: [
        ...writes,
        ...(input.wait && !found.object && writes.length > 0
          ? [
              awaitApplied(cluster, found.spec.name, altered, input.timeout),
              askAgain(cluster, found.spec.name, since),
            ]
          : []),
      ],
      ...(list.length === 0 && { unchanged: `The role ${role} is so already.` }),
      facts: { cluster, found, change, altered, since, secret: writing?.secret },
    });
  },

  async observe(context, { facts }, input, written) {
    const { cluster, found, change, altered, since, secret } = facts;
    const outcome = await observeRole(
      context,
      {
        role: found.spec.name,
        cluster,
        altered,
        ...(found.object && { objectName: found.object.metadata.name, objectBefore: found.object }),
        ...(secret !== undefined && { secret }),
      },
      { ...input, since, after: written(found.object ? 'databaseroles' : 'clusters') },
    );
    const shown = (name: string): string => shownName(name, context.fence);
    const attributes = { ...attributesOf(found.spec), ...attributesIn(change) };
    const result = {
      ...attributes,
      in_roles: attributes.in_roles.map(shown),
      cluster: cluster.metadata.name,
      name: found.spec.name,
      defined_in: found.place,
      ...(found.object && { crd_name: found.object.metadata.name }),
      changes: differences(found.spec, change, shown).map(({ label, from, to }) => ({
        attribute: label,
        from,
        to,
      })),
      password_reset: secret !== undefined,
      ...(secret !== undefined && {
        password_secret: secret,
        password_command: passwordCommand(secret, context.namespace.name),
      }),
    };
    return { ...outcome, result };
  },

  text({ changes, password_secret, password_command }) {
    const lines = changes.map(({ attribute, from, to }) => `${attribute}: ${from} -> ${to}`);
    if (password_secret !== undefined) {
      lines.push(`New password: in Secret ${password_secret}; to see it: ${password_command}`);
    }
    return lines.join('\n');
  },
});
