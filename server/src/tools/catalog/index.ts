/** Every tool of this server. A new one is added here, and nowhere else. */
import type { Tool } from '../define-tool.ts';
import { createPostgresCluster } from './create-postgres-cluster.ts';
import { createPostgresRole } from './create-postgres-role.ts';
import { deletePostgresCluster } from './delete-postgres-cluster.ts';
import { getClusterStatus } from './get-cluster-status.ts';
import { listPostgresClusters } from './list-postgres-clusters.ts';
import { listPostgresRoles } from './list-postgres-roles.ts';
import { scalePostgresCluster } from './scale-postgres-cluster.ts';

export const catalogue: readonly Tool[] = [
  listPostgresClusters,
  getClusterStatus,
  createPostgresCluster,
  scalePostgresCluster,
  deletePostgresCluster,
  listPostgresRoles,
  createPostgresRole,
];
