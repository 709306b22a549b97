/** Makes PostgreSQL drop a role, then removes what declared it and the Secret that held its password. */
import { z } from 'zod';
import { standstillNotes } from '../../cnpg/cluster-health.ts';
import { isObjectName } from '../../cnpg/names.ts';
import { protectionRefusal } from '../../cnpg/protection.ts';
import { applicationDatabase, own } from '../../cnpg/role-names.ts';
import { isRoleSecretOf, roleSecretName } from '../../cnpg/role-secret.ts';
import { declarationsOf, placePhrase, type RolePlace } from '../../cnpg/roles.ts';
import type { Cluster, Database, RoleSpec, Secret } from '../../cnpg/types.ts';
import type { KubeObject } from '../../kube/gateway.ts';
import { changePlan, type Operation } from '../change-plan.ts';
import { defineTool } from '../define-tool.ts';
import { namespace } from '../inputs.ts';
import { readIfAllowed } from '../optional-read.ts';
import { permission } from '../permission.ts';
import { oneRole, readRoles, readRolesPermissions } from '../roles/declared.ts';
import { dependantsOfRole, refusalsOfDrop } from '../roles/drop-checks.ts';
import { dropInline, dropObject, removeSecret } from '../roles/drop-role.ts';
import { findSecret } from '../roles/password.ts';
import { definedIn, roleInputs } from '../roles/shapes.ts';
import { shownName } from '../shown-name.ts';

export const deletePostgresRole = defineTool({
  name: 'delete_postgres_role',
  title: 'Delete a role',
  toolset: 'roles',
  effect: 'destroy',
  confirmFlag: 'confirm',
  description:
    'Drops a role in PostgreSQL and removes its declaration and its Secret. A role that owns objects is not dropped: the answer says what PostgreSQL said. Calling again goes on where it stopped.',
  input: z.strictObject({ ...roleInputs, namespace }),
  output: z.object({
    cluster: z.string(),
    name: z.string(),
    dropped: z.boolean().describe('false: the operator had never applied it, so there was nothing to drop.'),
    defined_in: definedIn.optional(),
    removed_secret: z.string().optional(),
  }),
  permissions: [
    ...readRolesPermissions,
    permission('databases', ['list'], 'databases that the role owns stand in the way'),
    permission('clusters', ['patch', 'watch'], 'the entry is set to ensure: absent, watched, and removed'),
    permission('databaseroles', ['patch', 'delete', 'watch'], 'for roles that are DatabaseRole objects'),
    permission('databaseroles', ['get'], 'to tell a new status from a new specification', { optional: true }),
    permission('secrets', ['get', 'delete'], 'the Secret with the password goes, when this server made it', {
      addOn: 'secrets',
    }),
  ],
  clusterArgument: 'cluster_name',
  objectArgument: 'role_name',

  async plan(context, { cluster_name: clusterName, role_name: role }) {
    const read = await readRoles(context, clusterName);
    const { cluster, roles } = read;
    const where = { namespace: context.namespace.name };
    if (declarationsOf(roles, role).length === 0) {
      // An earlier call may have got as far as the last step. Secrets are granted by name: a role that nobody declared has none to name.
      const left = await readIfAllowed(findSecret(context, roleSecretName(clusterName, role)));
      if (left && isRoleSecretOf(cluster, role, left)) {
        const refusal = protectionRefusal(cluster);
        return changePlan<Facts>({
          target: { kind: 'Secret', name: left.metadata.name, ...where, object: withoutData(left) },
          summary: `Remove what is left of role ${role} of ${where.namespace}/${clusterName}, which is not declared any more.`,
          confirmName: role,
          refusals: refusal ? [refusal] : [],
          operations: [removeSecret(left)],
          facts: { dropped: false, removedSecret: left.metadata.name },
        });
      }
    }
    const found = oneRole(context, read, role);
    const databases = (await context.kube.list<Database>('databases', where)).items;
    const named = found.spec.passwordSecret?.name;
    const secretName = named !== undefined && isObjectName(named) ? named : undefined;
    const secret = secretName === undefined ? undefined : await findSecret(context, secretName);
    const ours = secret && isRoleSecretOf(cluster, role, secret) ? secret : undefined;
    const applied = !found.object || (found.object.status?.observedGeneration ?? 0) > 0;
    const warnings: string[] = [...standstillNotes(cluster)];
    if (named !== undefined && secretName === undefined)
      warnings.push(
        `passwordSecret is ${shownName(named, context.fence)}, which no Secret can be called: none is removed.`,
      );
    if (secret && !ours)
      warnings.push(`Secret ${secretName} was not made by this server for this role: it remains.`);
    if (!applied) warnings.push('The operator has never applied this DatabaseRole: only the object goes.');
    const operations: Operation[] = found.object
      ? dropObject(found.object, context.now())
      : dropInline(cluster, role, context.now());
    if (ours) operations.push(removeSecret(ours));
    const target = found.object ?? cluster;
    return changePlan<Facts>({
      target: {
        kind: found.object ? 'DatabaseRole' : 'Cluster',
        name: target.metadata.name,
        ...where,
        object: found.object ?? entryOf(cluster, found.spec),
      },
      summary: `Drop role ${role} of ${where.namespace}/${clusterName} in PostgreSQL and remove it from ${placePhrase(found)}.`,
      confirmName: role,
      refusals: refusalsOfDrop(read, role, databases, applicationDatabase(cluster)?.owner),
      warnings,
      losses: [
        `The role ${role}, its memberships and what was granted to it.`,
        ...(ours ? [`Its password, in Secret ${ours.metadata.name}.`] : []),
      ],
      dependants: dependantsOfRole(roles, role),
      operations,
      facts: { dropped: applied, definedIn: found.place, removedSecret: ours?.metadata.name },
    });
  },

  async observe(_context, { facts }, { cluster_name, role_name }) {
    const { dropped, definedIn: place, removedSecret } = facts;
    const what = dropped ? `PostgreSQL has dropped the role ${role_name}.` : 'What was left of it is gone.';
    return {
      state: 'done',
      message: what,
      result: {
        cluster: cluster_name,
        name: role_name,
        dropped,
        ...(place !== undefined && { defined_in: place }),
        ...(removedSecret !== undefined && { removed_secret: removedSecret }),
      },
    };
  },
});

interface Facts {
  dropped: boolean;
  definedIn?: RolePlace;
  removedSecret: string | undefined;
}

/**
 * What a confirmation is bound to: the entry of this role in this very Cluster, whatever else changes there, and what changes
 * when the role is dropped and declared again alike: the transaction that wrote its row in PostgreSQL. (The Secret is bound by
 * its uid, in the step that removes it.)
 */
function entryOf({ metadata: { name, uid }, status }: Cluster, role: RoleSpec): KubeObject {
  const written = own(status?.managedRolesStatus?.passwordStatus, role.name);
  return { metadata: { name, ...(uid !== undefined && { uid }) }, role, written };
}

/** A plan carries no password: what a confirmation is bound to is the Secret's identity. */
function withoutData({ data: _data, ...secret }: Secret): Secret {
  return secret;
}
