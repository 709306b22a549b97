/** Every tool of this server. A new one is added here, and nowhere else. */
import type { Tool } from '../define-tool.ts';
import { createPostgresCluster } from './create-postgres-cluster.ts';
import { createPostgresDatabase } from './create-postgres-database.ts';
import { createPostgresRole } from './create-postgres-role.ts';
import { deletePostgresCluster } from './delete-postgres-cluster.ts';
import { deletePostgresDatabase } from './delete-postgres-database.ts';
import { deletePostgresRole } from './delete-postgres-role.ts';
import { getClusterStatus } from './get-cluster-status.ts';
import { listPostgresClusters } from './list-postgres-clusters.ts';
import { listPostgresDatabases } from './list-postgres-databases.ts';
import { listPostgresRoles } from './list-postgres-roles.ts';
import { scalePostgresCluster } from './scale-postgres-cluster.ts';
import { updatePostgresRole } from './update-postgres-role.ts';

export const catalogue: readonly Tool[] = [
  listPostgresClusters,
  getClusterStatus,
  createPostgresCluster,
  scalePostgresCluster,
  deletePostgresCluster,
  listPostgresRoles,
  createPostgresRole,
  updatePostgresRole,
  deletePostgresRole,
  listPostgresDatabases,
  createPostgresDatabase,
  deletePostgresDatabase,
];
