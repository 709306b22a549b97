/** The image of the server on the cluster under test. */
import { runOrThrow } from '../scripts/command.ts';
import { Failure } from '../scripts/failure.ts';
import { clusterProgram } from '../scripts/paths.ts';
import type { TestCluster } from '../scripts/test-cluster.ts';
import { docker } from './engines.ts';
import { makeFromDockerfile, makeWithoutEngine } from './make.ts';

/** An image in the words of the chart's values. */
export interface ImageValues {
  repository: string;
  tag: string;
}

/**
 * Makes the image of what is built and loads it; what is there already stays. With kind it comes from the Dockerfile. A cluster
 * that was given by its kubeconfig pulls the image that `CNPG_MCP_E2E_IMAGE` names.
 */
export async function imageOnCluster({ provider }: Pick<TestCluster, 'provider'>): Promise<ImageValues> {
  if (provider === 'external') {
    const given = process.env.CNPG_MCP_E2E_IMAGE;
    if (!given)
      throw new Failure(
        'Name an image that the cluster can pull in CNPG_MCP_E2E_IMAGE: registry.example/cnpg-mcp:TAG.',
      );
    return valuesOf(given);
  }
  const { name, archive } =
    provider === 'kind' ? await makeFromDockerfile(docker) : await makeWithoutEngine();
  await runOrThrow(clusterProgram, ['load-image', archive]);
  return valuesOf(name);
}

/** Splits a full name at its tag. The colon of a port comes before a slash. */
export function valuesOf(name: string): ImageValues {
  const colon = name.lastIndexOf(':');
  if (colon <= name.lastIndexOf('/')) throw new Failure(`${name} has no tag.`);
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}
