/** Tells the suites which cluster they run on: `inject('cluster')`, or the environment for programs they start. */
import type { TestProject } from 'vitest/node';
import { findCluster, formatImages, type TestCluster } from './test-cluster.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: TestCluster;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const cluster = await findCluster(process.env);
  project.provide('cluster', cluster);
  process.env.CNPG_MCP_E2E_KUBECONFIG = cluster.kubeconfig;
  process.env.CNPG_MCP_POSTGRES_IMAGES = formatImages(cluster.postgresImages);
  process.env.CNPG_MCP_E2E_STORAGE_CLASS = cluster.storageClass;
}
