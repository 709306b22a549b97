/** One PostgreSQL cluster: what the operator reports, and what its phase does not say. */
import { z } from 'zod';
import { isFullyReady, staleNote } from '../../cnpg/cluster-health.ts';
import {
  type ClusterBlock,
  clusterDetails,
  clusterLines,
  clusterStorage,
  clusterSummary,
  phaseReason,
} from '../../cnpg/cluster-view.ts';
import { clusterLabel } from '../../cnpg/names.ts';
import { findTrouble } from '../../cnpg/startup-trouble.ts';
import type { Cluster, DatabaseRole, Pod } from '../../cnpg/types.ts';
import { defineReadTool, type ToolContext } from '../define-tool.ts';
import { clusterName, detailLevel, format, namespace } from '../inputs.ts';
import { lookAround, lookAroundPermissions } from '../look-around.ts';
import { namespacePhrase } from '../namespace.ts';
import { itemsIfAllowed } from '../optional-read.ts';
import { permission } from '../permission.ts';
import { readCluster, readClusterPermissions } from '../read-cluster.ts';

export const getClusterStatus = defineReadTool({
  name: 'get_cluster_status',
  title: 'Get the status of a PostgreSQL cluster',
  description:
    'Shows one cluster: phase, ready instances, primary, version, storage, and notes: what is wrong, why, what to do. ' +
    'detailed adds conditions, parameters, managed roles, and compares the status with the pods.',
  toolset: 'clusters',
  clusterArgument: 'name',
  input: z.strictObject({
    name: clusterName,
    namespace,
    detail_level: detailLevel.default('concise'),
    format,
  }),
  output: z.object({
    name: z.string(),
    namespace: z.string(),
    scope: z.string(),
    instances: z.int(),
    ready_instances: z.int(),
    phase: z.string(),
    phase_reason: z.string().optional(),
    current_primary: z.string(),
    protected: z.string().optional(),
    postgres_version: z.string(),
    image: z.string(),
    storage_size: z.string(),
    notes: z.array(z.string()),
    storage_class: z.string().nullable().optional(),
    conditions: z.array(z.record(z.string(), z.string())).optional(),
    postgresql_parameters: z.record(z.string(), z.string()).optional(),
    managed_roles: z
      .array(
        z.object({
          name: z.string(),
          ensure: z.string(),
          login: z.boolean(),
          superuser: z.boolean(),
          crd_name: z.string().optional(),
        }),
      )
      .optional(),
    not_shown: z.record(z.string(), z.int()).optional(),
  }),
  permissions: [
    ...readClusterPermissions,
    ...lookAroundPermissions,
    permission('databaseroles', ['list'], 'roles may be declared as DatabaseRole objects', {
      optional: true,
    }),
  ],

  async read(context, input) {
    const { fence } = context;
    const quote = fence.quote.bind(fence);
    const cluster = await readCluster(context, input.name);
    const summary = clusterSummary(cluster, quote, context.protectingPattern(input.name));
    const output = {
      ...summary,
      ...phaseReason(cluster, quote),
      ...clusterStorage(cluster, quote),
      notes: [...summary.notes, ...(await troubleNotes(context, cluster, summary.notes))],
      scope: namespacePhrase(context.namespace),
    };
    if (input.detail_level === 'concise') return { output };
    const pods = await itemsIfAllowed(
      context.kube.list<Pod>('pods', {
        namespace: context.namespace.name,
        labelSelector: `${clusterLabel}=${input.name}`,
      }),
    );
    const stale = pods
      ? staleNote(cluster, pods)
      : 'Whether the status is up to date was not checked: this server may not list pods here.';
    const objects = await databaseRoles(context);
    const unseen = objects
      ? []
      : ['Roles in DatabaseRole objects are not shown: this server may not list those here.'];
    return {
      output: {
        ...output,
        ...clusterDetails(cluster, objects ?? [], quote),
        notes: [...output.notes, ...(stale ? [stale] : []), ...unseen],
      },
    };
  },

  text(output) {
    const { postgresql_parameters: parameters, managed_roles: roles, storage_class: storageClass } = output;
    const lines = [`In ${output.scope}:`, '', ...clusterLines(output as ClusterBlock)];
    if (storageClass !== undefined) lines.push(`- Storage Class: ${storageClass ?? 'the default one'}`);
    if (parameters) {
      lines.push('- PostgreSQL Parameters:');
      lines.push(...Object.entries(parameters).map(([name, value]) => `  - ${name} = ${value}`));
    }
    if (roles && roles.length > 0) {
      lines.push('- Managed Roles:');
      lines.push(
        ...roles.map(({ name, ensure, login, superuser, crd_name: object }) =>
          [
            `  - ${name}: ${ensure}`,
            ...(login ? ['login'] : []),
            ...(superuser ? ['superuser'] : []),
            ...(object === undefined ? [] : [`DatabaseRole ${object}`]),
          ].join(', '),
        ),
      );
    }
    for (const [list, count] of Object.entries(output.not_shown ?? {})) {
      lines.push(`- Not shown: ${count} more ${list.replace('_', ' ')}`);
    }
    return lines.join('\n');
  },
});

/** Those of the namespace; none where the operator has no such kind, `undefined` where they may not be listed. */
async function databaseRoles({ kube, namespace }: ToolContext): Promise<DatabaseRole[] | undefined> {
  if (!(await kube.capabilities()).databaseRoles) return [];
  return itemsIfAllowed(kube.list<DatabaseRole>('databaseroles', { namespace: namespace.name }));
}

/** Why a cluster is not ready, as far as its surroundings tell. A cluster that is ready costs nothing more. */
async function troubleNotes(
  context: ToolContext,
  cluster: Cluster,
  said: readonly string[],
): Promise<string[]> {
  if (isFullyReady(cluster)) return [];
  const trouble = findTrouble(cluster, await lookAround(context, cluster, context.signal));
  // What a person can do about a phase is said with the phase.
  return trouble && !said.includes(trouble.remedy)
    ? [`${trouble.cause} ${trouble.remedy} ${context.fence.quote(trouble.quoted)}`.trim()]
    : [];
}
