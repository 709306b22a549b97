/** Creates a database through a Database object and says what the operator made of it. */
import { z } from 'zod';
import { standstillNotes } from '../../cnpg/cluster-health.ts';
import { databaseSight, databaseStatus } from '../../cnpg/databases.ts';
import { clusterLabel, managedByLabel, managedByValue, objectName } from '../../cnpg/names.ts';
import { applicationDatabase, isLabelValue, isReservedDatabase } from '../../cnpg/role-names.ts';
import { unknownRoleWarnings, writeRefusal } from '../../cnpg/roles.ts';
import type { Database } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import { untilApplied, waitInputs } from '../applied.ts';
import { changePlan } from '../change-plan.ts';
import { type ClusterDatabases, readDatabases, readDatabasesPermissions } from '../databases/declared.ts';
import { databaseInputs, reclaimPolicyMeaning } from '../databases/shapes.ts';
import { defineTool } from '../define-tool.ts';
import { namespace, postgresName } from '../inputs.ts';
import { permission } from '../permission.ts';
import { readRoles, readRolesPermissions } from '../roles/declared.ts';

export const createPostgresDatabase = defineTool({
  name: 'create_postgres_database',
  title: 'Create a database',
  toolset: 'databases',
  effect: 'change',
  description:
    'Creates a database in a PostgreSQL cluster through a Database object. Its owner should exist already.',
  input: z.strictObject({
    ...databaseInputs,
    owner: postgresName.describe('Role that owns it.'),
    reclaim_policy: z
      .enum(['retain', 'delete'])
      .default('retain')
      .describe('delete: the database goes with its Database object.'),
    ...waitInputs,
    namespace,
  }),
  output: z.object({
    cluster: z.string(),
    crd_name: z.string(),
    database_name: z.string(),
    owner: z.string(),
    ensure: z.literal('present'),
    reclaim_policy: z.enum(['retain', 'delete']),
  }),
  permissions: [
    ...readRolesPermissions,
    ...readDatabasesPermissions.filter(({ resource }) => resource === 'databases'),
    permission(
      'databases',
      ['create', 'watch'],
      'the database is declared as a Database object, which is then watched',
    ),
    permission('databases', ['get'], 'to find out what became of a creation whose answer was lost', {
      optional: true,
    }),
  ],
  clusterArgument: 'cluster_name',
  objectArgument: 'database_name',

  async plan(context, input) {
    const { cluster_name: clusterName, database_name: name, owner, reclaim_policy: policy } = input;
    const read = await readDatabases(context, clusterName);
    const { cluster, takenNames } = read;
    refuseTakenDatabase(read, name);
    const { roles } = await readRoles(context, clusterName);
    const refusal = writeRefusal(cluster);
    // A database of another cluster may have the same derived name: `a` + `b-c` and `a-b` + `c`.
    const plain = objectName(clusterName, name);
    const key = {
      name: takenNames.has(plain) ? objectName(clusterName, name, undefined, 'db') : plain,
      namespace: context.namespace.name,
    };
    const labels = {
      [managedByLabel]: managedByValue,
      [clusterLabel]: clusterName,
      ...(isLabelValue(name) && { 'cnpg.io/database': name }),
    };
    return changePlan({
      target: { kind: 'Database', ...key },
      summary: `Create database ${name} in ${key.namespace}/${clusterName}, owned by ${owner}, reclaim policy ${policy}.`,
      refusals: refusal ? [refusal] : [],
      warnings: [
        ...standstillNotes(cluster),
        reclaimPolicyMeaning[policy],
        takeover(name, owner, policy),
        ...unknownRoleWarnings(cluster, roles, [owner], 'create the database'),
      ],
      operations: [
        {
          verb: 'create',
          resource: 'databases',
          key,
          summary: `Create Database ${key.name} for database ${name}.`,
          object: {
            apiVersion: 'postgresql.cnpg.io/v1',
            kind: 'Database',
            metadata: { ...key, labels },
            spec: {
              cluster: { name: clusterName },
              name,
              owner,
              ensure: 'present',
              databaseReclaimPolicy: policy,
            },
          },
        },
      ],
      facts: { key },
    });
  },

  async observe(context, { facts: { key } }, input, written) {
    const waiting = { ...input, after: written('databases') };
    const outcome = await untilApplied<Database>(context, 'databases', key, waiting, databaseSight);
    const result = {
      cluster: input.cluster_name,
      crd_name: key.name,
      database_name: input.database_name,
      owner: input.owner,
      ensure: 'present' as const,
      reclaim_policy: input.reclaim_policy,
    };
    return { ...outcome, result };
  },
});

/** The operator reports no databases, so nobody can tell beforehand. */
function takeover(name: string, owner: string, policy: 'retain' | 'delete'): string {
  const dropped =
    policy === 'delete'
      ? ' With reclaim policy delete, deleting it later would drop what was there before.'
      : '';
  return `If PostgreSQL has a database ${name} already, the operator takes it over: its owner becomes ${owner}.${dropped}`;
}

function refuseTakenDatabase({ cluster, databases }: ClusterDatabases, name: string): void {
  if (isReservedDatabase(name)) {
    throw new ToolError('refused', `The database ${name} belongs to PostgreSQL itself.`, {
      hint: 'Choose another name.',
    });
  }
  const clusterName = cluster.metadata.name;
  if (applicationDatabase(cluster)?.database === name) {
    throw new ToolError(
      'already_exists',
      `${name} is the application database of the cluster ${clusterName}: bootstrap made it.`,
      {
        hint: 'Use it as it is, or choose another name.',
      },
    );
  }
  const existing = databases.find(({ spec }) => spec.name === name);
  if (existing) {
    throw new ToolError(
      'already_exists',
      `The cluster ${clusterName} has a database ${name} already, declared by Database ${existing.metadata.name}.`,
      { hint: hintOnDeclared(existing) },
    );
  }
}

/** No tool changes a declaration, so one that is no good has to go first. */
function hintOnDeclared(existing: Database): string {
  const { state } = databaseStatus(existing);
  if (state === 'failed')
    return 'The operator could not apply it: remove it first with delete_postgres_database, then call again, or choose another name.';
  if (state === 'deleting' || existing.spec.ensure === 'absent')
    return 'It is being deleted: finish that with delete_postgres_database, then call again, or choose another name.';
  return 'Look at it with list_postgres_databases, or choose another name.';
}
