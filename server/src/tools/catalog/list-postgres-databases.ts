/** Lists the databases that are declared for a cluster as Database objects, with what the operator says of each. */
import { z } from 'zod';
import { databaseStatus } from '../../cnpg/databases.ts';
import { applicationDatabase } from '../../cnpg/role-names.ts';
import type { Database } from '../../cnpg/types.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { readDatabases, readDatabasesPermissions } from '../databases/declared.ts';
import { databaseInputs } from '../databases/shapes.ts';
import { defineReadTool } from '../define-tool.ts';
import type { Fence } from '../fence.ts';
import { cursor, format, limit, namespace } from '../inputs.ts';
import { namespacePhrase } from '../namespace.ts';
import { shownName } from '../shown-name.ts';

const database = z.object({
  crd_name: z.string(),
  database_name: z.string(),
  owner: z.string(),
  ensure: z.string(),
  reclaim_policy: z.string(),
  applied: z.boolean().nullable().describe('null: the operator has not said.'),
  status: z.enum(['applied', 'pending', 'failed', 'deleting', 'unknown']),
  message: z.string().optional(),
});

export const listPostgresDatabases = defineReadTool({
  name: 'list_postgres_databases',
  title: 'List the databases of a cluster',
  toolset: 'databases',
  description:
    'Lists the databases declared for a PostgreSQL cluster as Database objects, with owner, reclaim policy and status. Databases made by SQL are not in it.',
  input: z.strictObject({
    cluster_name: databaseInputs.cluster_name,
    namespace,
    format,
    limit: limit.default(100),
    cursor,
  }),
  output: z.object({
    cluster: z.string(),
    namespace: z.string(),
    scope: z.string(),
    databases: z.array(database),
    count: z.int(),
    total: z.int(),
    application_database: z
      .object({ name: z.string(), owner: z.string() })
      .optional()
      .describe('Made by bootstrap; it needs no object.'),
    truncated: z.boolean().optional(),
    next_cursor: z.string().optional(),
  }),
  permissions: readDatabasesPermissions,
  clusterArgument: 'cluster_name',

  async read(context, { cluster_name, limit, cursor }) {
    const { cluster, databases } = await readDatabases(context, cluster_name);
    const question = { cluster_name, namespace: context.namespace.name };
    const { skip } = decodeCursor(cursor, question);
    const cursorAt = (index: number): string => encodeCursor({ token: '', skip: skip + index }, question);
    const page = databases.slice(skip, skip + limit);
    const application = applicationDatabase(cluster);
    return {
      output: {
        cluster: cluster_name,
        namespace: context.namespace.name,
        scope: namespacePhrase(context.namespace),
        databases: page.map((object) => view(object, context.fence)),
        count: page.length,
        total: databases.length,
        ...(application && {
          application_database: {
            name: shownName(application.database, context.fence),
            owner: shownName(application.owner, context.fence),
          },
        }),
        ...(skip + page.length < databases.length && { truncated: true, next_cursor: cursorAt(page.length) }),
      },
      list: { field: 'databases', cursorAt },
    };
  },

  text({ cluster, scope, databases, total, application_database: application, next_cursor }) {
    const where = `cluster ${cluster} in ${scope}`;
    const head =
      total === 0
        ? `No databases are declared for ${where}.`
        : `Found ${total} declared databases for ${where}:`;
    const made = application
      ? ['', `Application database, made by bootstrap: ${application.name}, owner ${application.owner}`]
      : [];
    const more = next_cursor === undefined ? [] : ['', `More databases follow: pass cursor ${next_cursor}`];
    return [head, ...databases.flatMap((one) => ['', ...block(one)]), ...made, ...more].join('\n');
  },
});

function view(object: Database, fence: Fence): z.input<typeof database> {
  const { metadata, spec, status } = object;
  const { state, message } = databaseStatus(object);
  return {
    crd_name: metadata.name,
    database_name: shownName(spec.name, fence),
    owner: shownName(spec.owner, fence),
    ensure: spec.ensure ?? 'present',
    reclaim_policy: spec.databaseReclaimPolicy ?? 'retain',
    applied: status?.applied ?? null,
    status: state,
    ...(message !== undefined && { message: fence.quote(message) }),
  };
}

function block(one: z.output<typeof database>): string[] {
  return [
    `**${one.database_name}** (Database ${one.crd_name})`,
    `- Owner: ${one.owner}`,
    `- Ensure: ${one.ensure}`,
    `- Reclaim policy: ${one.reclaim_policy}`,
    `- Status: ${one.status}${one.message === undefined ? '' : ` ${one.message}`}`,
  ];
}
