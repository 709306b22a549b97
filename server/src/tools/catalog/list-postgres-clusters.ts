/** Lists PostgreSQL clusters: the first thing to ask for, and the way to find a name. */
import { z } from 'zod';
import {
  type ClusterBlock,
  type ClusterSummary,
  clusterLines,
  clusterStorage,
  clusterSummary,
  conditionViews,
} from '../../cnpg/cluster-view.ts';
import type { Cluster } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import type { Page } from '../../kube/gateway.ts';
import { decodeCursor, encodeCursor, type Position } from '../cursor.ts';
import { defineReadTool, type ToolContext } from '../define-tool.ts';
import { cursor, detailLevel, format, limit, namespace } from '../inputs.ts';
import { namespacePhrase, requireNamespace } from '../namespace.ts';
import { permission } from '../permission.ts';

const cluster = z.object({
  name: z.string(),
  namespace: z.string(),
  instances: z.int(),
  ready_instances: z.int(),
  phase: z.string(),
  current_primary: z.string(),
  protected: z.string().optional(),
  notes: z.array(z.string()),
  postgres_version: z.string().optional(),
  image: z.string().optional(),
  storage_size: z.string().optional(),
  conditions: z.array(z.record(z.string(), z.string())).optional(),
});

export const listPostgresClusters = defineReadTool({
  name: 'list_postgres_clusters',
  title: 'List PostgreSQL clusters',
  description:
    'Lists the CloudNativePG clusters of one namespace, or of all with all_namespaces: phase, ready instances, primary, ' +
    'and notes on what the phase hides (fenced, hibernated, instances missing). detailed adds version, storage, conditions.',
  toolset: 'clusters',
  input: z.strictObject({
    namespace,
    all_namespaces: z.boolean().default(false).describe('Every namespace; leave namespace out.'),
    detail_level: detailLevel.default('concise'),
    format,
    limit: limit.default(50),
    cursor,
  }),
  output: z.object({
    clusters: z.array(cluster),
    count: z.int(),
    scope: z.string(),
    truncated: z.boolean().optional(),
    next_cursor: z.string().optional(),
  }),
  permissions: [
    permission('clusters', ['list'], 'to list the clusters'),
    permission('namespaces', ['get'], 'to tell a missing namespace from an empty one', { optional: true }),
  ],

  async read(context, input) {
    const { cursor: given, format: _format, ...asked } = input;
    if (asked.all_namespaces && asked.namespace !== undefined) {
      throw new ToolError('invalid_arguments', 'namespace and all_namespaces exclude each other.');
    }
    // The default namespace can change between two calls; a cursor belongs to the namespace that was really listed.
    const where = asked.all_namespaces ? undefined : context.namespace.name;
    const question = { ...asked, namespace: where };
    const position = decodeCursor(given, question);
    const page = await readPage(context, where, input.limit, position);
    const { fence } = context;
    const quote = fence.quote.bind(fence);
    const clusters = page.items.slice(position.skip).map((item) => ({
      ...withCause(clusterSummary(item, quote, context.protectingPattern(item.metadata.name))),
      ...(input.detail_level === 'detailed' && {
        ...clusterStorage(item, quote),
        conditions: conditionViews(item, quote),
      }),
    }));
    if (where !== undefined && clusters.length === 0 && given === undefined) {
      await requireNamespace(context.kube, context.namespace);
    }
    return {
      output: {
        clusters,
        count: clusters.length,
        scope: where === undefined ? 'all namespaces' : namespacePhrase(context.namespace),
        ...(page.continue && { next_cursor: encodeCursor({ token: page.continue, skip: 0 }, question) }),
      },
      list: {
        field: 'clusters',
        cursorAt: (index) => encodeCursor({ token: position.token, skip: position.skip + index }, question),
      },
    };
  },

  text({ clusters, count, scope, next_cursor: next }, input, { mayLookEverywhere }) {
    if (count === 0) {
      const elsewhere =
        input.all_namespaces || !mayLookEverywhere ? '' : ' Pass all_namespaces: true to look everywhere.';
      return `No PostgreSQL clusters ${next ? 'on this page of' : 'in'} ${scope}.${elsewhere}`;
    }
    return [
      `Found ${count} PostgreSQL ${count === 1 ? 'cluster' : 'clusters'} in ${scope}${next === undefined ? '' : ' (not all of them)'}:`,
      ...clusters.flatMap((one) => ['', ...clusterLines(one as ClusterBlock)]),
      ...(next === undefined
        ? []
        : ['', `There are more: repeat the call with cursor: ${JSON.stringify(next)}`]),
    ].join('\n');
  },
});

/** Leads on where a cluster is not ready and the list, which reads nothing else, cannot say why: it may never be. */
function withCause(summary: ClusterSummary): ClusterSummary {
  const { instances, ready_instances: ready, notes } = summary;
  if (ready >= instances || notes.length > 0) return summary;
  return {
    ...summary,
    notes: [`${ready} of ${instances} instances are ready: get_cluster_status says why.`],
  };
}

async function readPage(
  context: ToolContext,
  where: string | undefined,
  size: number,
  position: Position,
): Promise<Page<Cluster>> {
  try {
    return await context.kube.list<Cluster>('clusters', {
      namespace: where,
      limit: size,
      ...(position.token && { continue: position.token }),
    });
  } catch (thrown) {
    if (!(thrown instanceof ToolError) || thrown.code !== 'conflict' || !position.token) throw thrown;
    throw new ToolError(
      'conflict',
      'The cursor has expired: the API server keeps it for a few minutes only.',
      {
        hint: 'Start again without cursor.',
        cause: thrown,
      },
    );
  }
}
