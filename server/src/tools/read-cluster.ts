/** Reading the Cluster that a call is about, with errors that say which of the two names was wrong. */
import type { Cluster } from '../cnpg/types.ts';
import { ToolError } from '../errors.ts';
import type { ToolContext } from './define-tool.ts';
import { namespacePhrase, requireNamespace } from './namespace.ts';
import { permission } from './permission.ts';

/** What {@link readCluster} needs; every tool that calls it declares these. */
export const readClusterPermissions = [
  permission('clusters', ['get'], 'the cluster that the call names is read first'),
  permission('namespaces', ['get'], 'to tell a missing namespace from an empty one', { optional: true }),
];

/** The Cluster of this name. Throws `not_found` or `namespace_not_found`, each naming the namespace that was used. */
export async function readCluster(context: ToolContext, name: string): Promise<Cluster> {
  try {
    return await context.kube.get<Cluster>('clusters', { name, namespace: context.namespace.name });
  } catch (thrown) {
    if (!(thrown instanceof ToolError) || thrown.code !== 'not_found') throw thrown;
    await requireNamespace(context.kube, context.namespace);
    throw new ToolError(
      'not_found',
      `There is no PostgreSQL cluster ${name} in ${namespacePhrase(context.namespace)}.`,
      {
        hint: `Call list_postgres_clusters ${context.mayLookEverywhere ? '(with all_namespaces: true to look everywhere) ' : ''}for the clusters that exist.`,
        ...(thrown.api && { api: thrown.api }),
        cause: thrown,
      },
    );
  }
}
