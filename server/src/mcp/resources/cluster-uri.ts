/** `cnpg://{namespace}/{cluster}`: the address of a PostgreSQL cluster as a resource. */
import { ToolError } from '../../errors.ts';
import { clusterName, namespace as namespaceName } from '../../tools/inputs.ts';

/** Where a cluster lives. Both names are valid Kubernetes names, so they are safe in a path. */
export interface ClusterAddress {
  namespace: string;
  cluster: string;
}

/** The template, as RFC 6570 writes it. */
export const clusterUriTemplate = 'cnpg://{namespace}/{cluster}';

export function clusterUri({ namespace, cluster }: ClusterAddress): string {
  return `cnpg://${namespace}/${cluster}`;
}

/**
 * Reads a URI. Throws `not_found` for every other one: nothing is decoded or normalised, so there is one spelling only, and
 * both names are checked before they go anywhere.
 */
export function parseClusterUri(uri: string): ClusterAddress {
  const [, namespace, cluster] = /^cnpg:\/\/([^/?#]+)\/([^/?#]+)$/.exec(uri) ?? [];
  if (
    namespace !== undefined &&
    cluster !== undefined &&
    namespaceName.safeParse(namespace).success &&
    clusterName.safeParse(cluster).success
  ) {
    return { namespace, cluster };
  }
  throw new ToolError('not_found', 'There is no resource of this URI.', {
    hint: `Resources are ${clusterUriTemplate}, with names as Kubernetes knows them.`,
  });
}
