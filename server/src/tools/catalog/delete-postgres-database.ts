/** Deletes the Database object of a database; the reclaim policy decides whether PostgreSQL drops the database. */
import { z } from 'zod';
import { standstillNotes } from '../../cnpg/cluster-health.ts';
import { dropsDatabase } from '../../cnpg/databases.ts';
import { protectionRefusal } from '../../cnpg/protection.ts';
import { applicationDatabase } from '../../cnpg/role-names.ts';
import { writeRefusal } from '../../cnpg/roles.ts';
import { waitInputs } from '../applied.ts';
import { asRead, changePlan, type Operation } from '../change-plan.ts';
import { oneDatabase, readDatabases, readDatabasesPermissions } from '../databases/declared.ts';
import { consequence, type DeletionFacts, stillThere, untilGone } from '../databases/deletion.ts';
import { databaseInputs } from '../databases/shapes.ts';
import { defineTool } from '../define-tool.ts';
import { namespace } from '../inputs.ts';
import { permission } from '../permission.ts';

export const deletePostgresDatabase = defineTool({
  name: 'delete_postgres_database',
  title: 'Delete a database',
  toolset: 'databases',
  effect: 'destroy',
  confirmFlag: 'confirm',
  description:
    'Deletes the Database object of a database. With reclaim policy delete PostgreSQL drops the database and all its data, after confirmation; with retain the database stays.',
  input: z.strictObject({ ...databaseInputs, ...waitInputs, namespace }),
  output: z.object({
    cluster: z.string(),
    crd_name: z.string(),
    database_name: z.string(),
    reclaim_policy: z.enum(['retain', 'delete']),
    dropped: z.boolean().nullable().describe('null: it is not known whether PostgreSQL dropped it.'),
  }),
  permissions: [
    ...readDatabasesPermissions,
    permission(
      'databases',
      ['delete', 'watch'],
      'the Database object is deleted and watched until it is gone',
    ),
    permission('databases', ['get'], 'to tell a new status from a new specification', { optional: true }),
  ],
  clusterArgument: 'cluster_name',
  objectArgument: 'database_name',

  async plan(context, { cluster_name: clusterName, database_name: name }) {
    const read = await readDatabases(context, clusterName);
    const { cluster } = read;
    const object = oneDatabase(context, read, name);
    const { metadata, spec } = object;
    const policy = spec.databaseReclaimPolicy ?? 'retain';
    const drops = dropsDatabase(object);
    const absent = spec.ensure === 'absent';
    const refusals = [protectionRefusal(cluster), writeRefusal(cluster)].filter((one) => one !== undefined);
    const confirm = policy === 'delete' || absent;
    const operations: Operation[] =
      metadata.deletionTimestamp !== undefined
        ? []
        : [
            {
              verb: 'remove',
              resource: 'databases',
              key: { name: metadata.name, namespace: context.namespace.name },
              summary: `Delete Database ${metadata.name}; ${drops ? `the operator then drops database ${name}` : 'nothing is dropped in PostgreSQL'}.`,
              uid: metadata.uid ?? '',
              // The reclaim policy must still be the one that was read. And the object stays until the database is dropped: a
              // second deletion meanwhile would be accepted, and count as done by two.
              ...asRead(metadata),
            },
          ];
    const losses = drops && !absent ? [`The database ${name} with all its data.`] : [];
    if (losses.length > 0 && applicationDatabase(cluster)?.database === name) {
      losses.push(`It is the application database of the cluster ${clusterName}.`);
    }
    return changePlan<DeletionFacts>({
      target: { kind: 'Database', name: metadata.name, namespace: context.namespace.name, object },
      summary: `Delete database ${name} of ${context.namespace.name}/${clusterName} (reclaim policy ${policy}).`,
      confirmName: name,
      confirm,
      refusals: drops ? refusals : [],
      warnings: [...(drops ? standstillNotes(cluster) : []), ...consequence(object, name)],
      losses,
      operations,
      facts: { object, policy, drops, absent, primary: cluster.status?.currentPrimary },
    });
  },

  async observe(context, { facts }, { cluster_name, database_name, wait, timeout }) {
    const { object, policy, drops, absent } = facts;
    const crd_name = object.metadata.name;
    const result = { cluster: cluster_name, crd_name, database_name, reclaim_policy: policy };
    const gone = wait && (await untilGone(context, object, timeout));
    if (!gone) {
      return {
        state: 'requested',
        message: stillThere(facts, wait ? timeout : 0),
        result: { ...result, dropped: null },
      };
    }
    const untouched = absent
      ? 'The database had been dropped before (ensure: absent).'
      : `PostgreSQL was not touched: a database ${database_name} that exists there remains.`;
    const message = `The object is gone. ${drops ? `PostgreSQL has dropped the database ${database_name}.` : untouched}`;
    return { state: 'done', message, result: { ...result, dropped: drops } };
  },
});
