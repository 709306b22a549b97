/** What steps about a Cluster have in common. */
import type { Cluster } from '../../cnpg/types.ts';
import type { EditOperation } from '../change-plan.ts';

/** Which object a step is about. */
export function atCluster({ metadata }: Cluster): Pick<EditOperation, 'resource' | 'key'> {
  const { name, namespace } = metadata;
  return { resource: 'clusters', key: { name, ...(namespace !== undefined && { namespace }) } };
}

/** The same for an edit, which is of this very Cluster. */
export function editOf(cluster: Cluster): Pick<EditOperation, 'verb' | 'resource' | 'key' | 'uid'> {
  return { ...atCluster(cluster), verb: 'edit', uid: cluster.metadata.uid ?? '' };
}
