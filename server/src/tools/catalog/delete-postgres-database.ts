/** Deletes the Database object of a database; the reclaim policy decides whether PostgreSQL drops the database. */
import { z } from 'zod';
import { dropsDatabase } from '../../cnpg/databases.ts';
import { applicationDatabase } from '../../cnpg/role-names.ts';
import { replicaRefusal } from '../../cnpg/roles.ts';
import type { Database } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import { changePlan, type Operation, type Outcome } from '../change-plan.ts';
import { type ClusterDatabases, readDatabases, readDatabasesPermissions } from '../databases/declared.ts';
import { databaseInputs } from '../databases/shapes.ts';
import { defineTool, type ToolContext } from '../define-tool.ts';
import { namespace } from '../inputs.ts';
import { namespacePhrase } from '../namespace.ts';
import { permission } from '../permission.ts';

/** Seconds until the answer says that the object is still there. */
const goneSeconds = 20;

export const deletePostgresDatabase = defineTool({
  name: 'delete_postgres_database',
  title: 'Delete a database',
  toolset: 'databases',
  effect: 'destroy',
  confirmFlag: 'confirm',
  description:
    'Deletes the Database object of a database. With reclaim policy delete PostgreSQL drops the database and all its data, after confirmation; with retain the database stays.',
  input: z.strictObject({ ...databaseInputs, namespace }),
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
  ],
  clusterArgument: 'cluster_name',

  async plan(context, { cluster_name: clusterName, database_name: name }) {
    const read = await readDatabases(context, clusterName);
    const { cluster } = read;
    const object = oneDatabase(context, read, name);
    const { metadata, spec } = object;
    const policy = spec.databaseReclaimPolicy ?? 'retain';
    const drops = dropsDatabase(object);
    const absent = spec.ensure === 'absent';
    const replica = replicaRefusal(cluster);
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
            },
          ];
    const losses = drops && !absent ? [`The database ${name} with all its data.`] : [];
    return changePlan<Facts>({
      target: { kind: 'Database', name: metadata.name, namespace: context.namespace.name, object },
      summary: `Delete database ${name} of ${context.namespace.name}/${clusterName} (reclaim policy ${policy}).`,
      confirmName: name,
      confirm: policy === 'delete' || absent,
      refusals: drops && replica ? [replica] : [],
      warnings: consequence(object, name),
      losses,
      operations,
      facts: { crdName: metadata.name, policy, drops, absent, primary: cluster.status?.currentPrimary },
    });
  },

  async observe(context, { facts }, { cluster_name, database_name }) {
    const { crdName, policy, drops } = facts;
    const gone = await untilGone(context, crdName);
    const result = { cluster: cluster_name, crd_name: crdName, database_name, reclaim_policy: policy };
    if (!gone) return { ...stillThere(facts, database_name), result: { ...result, dropped: null } };
    const what = drops
      ? `The object is gone, and PostgreSQL has dropped the database ${database_name}.`
      : `The object is gone. ${facts.absent ? 'The database had been dropped before (ensure: absent).' : `PostgreSQL was not touched: a database ${database_name} that exists there remains.`}`;
    return { state: 'done', message: what, result: { ...result, dropped: drops } };
  },
});

interface Facts {
  crdName: string;
  policy: 'retain' | 'delete';
  drops: boolean;
  absent: boolean;
  primary: string | undefined;
}

function oneDatabase(context: ToolContext, { cluster, databases }: ClusterDatabases, name: string): Database {
  const [found, ...others] = databases.filter(({ spec }) => spec.name === name);
  const clusterName = cluster.metadata.name;
  if (!found) {
    const application = applicationDatabase(cluster)?.database === name;
    throw new ToolError(
      'not_found',
      `The cluster ${clusterName} in ${namespacePhrase(context.namespace)} has no Database object for a database ${name}.`,
      {
        hint: application
          ? 'It is the application database, which bootstrap made; it goes with the cluster.'
          : 'Call list_postgres_databases. A database that was made by SQL is not managed here.',
      },
    );
  }
  if (others.length > 0) {
    const names = [found, ...others].map(({ metadata }) => metadata.name).join(', ');
    throw new ToolError('refused', `The database ${name} is claimed by several Database objects: ${names}.`, {
      hint: 'Delete the one that is not applied with kubectl (it drops nothing), then call again.',
    });
  }
  return found;
}

/** What the reclaim policy means for this object, before anything is done. */
function consequence(object: Database, name: string): string[] {
  const { spec } = object;
  if (dropsDatabase(object))
    return [
      `Reclaim policy delete: PostgreSQL drops the database ${name}, as soon as nobody is connected to it.`,
    ];
  if (spec.ensure === 'absent') return ['ensure is absent: the operator was to drop the database already.'];
  if (spec.databaseReclaimPolicy === 'delete') {
    return [
      'The operator has never applied this object, so it drops nothing although the reclaim policy is delete.',
    ];
  }
  return [
    `Reclaim policy retain: only the object goes, the database ${name} and its data stay in PostgreSQL.`,
  ];
}

async function untilGone(context: ToolContext, name: string): Promise<boolean> {
  try {
    return await context.kube.watchUntil(
      'databases',
      { name, namespace: context.namespace.name, signal: context.signal, timeoutSeconds: goneSeconds },
      ([object]) => (object ? 'continue' : { done: true }),
    );
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === 'timeout') return false;
    throw thrown;
  }
}

/** The operator reports a DROP that fails nowhere but in its log (operator 1.30.0). */
function stillThere(
  { crdName, drops, primary }: Facts,
  name: string,
): Pick<Outcome<never>, 'state' | 'message'> {
  const why = drops
    ? ` Most often somebody is connected to ${name}. The operator goes on trying, and says why only in the log of ${primary ?? 'the primary'}.`
    : '';
  return {
    state: 'requested',
    message: `Database ${crdName} is still terminating after ${goneSeconds} s.${why}`,
  };
}
