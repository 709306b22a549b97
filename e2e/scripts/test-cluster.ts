/** What a test must know about the Kubernetes cluster that it runs on, and where that is found out. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import { output } from './command.ts';
import { Failure } from './failure.ts';
import { clusterProgram } from './paths.ts';

const testCluster = z.strictObject({
  provider: z.enum(['kind', 'local', 'external']),
  kubeconfig: z.string().min(1),
  kubectl: z.string().min(1),
  postgresImages: z.record(z.string().regex(/^\d+$/), z.string().min(1)),
  storageClass: z.string().min(1),
  volumeSnapshotClass: z.string().nullable(),
});

/**
 * A Kubernetes cluster with the CloudNativePG operator, for tests.
 * - `provider`: who made it; `external` when it was given by its kubeconfig
 * - `kubeconfig`, `kubectl`: path of the file, and a program to use it with
 * - `postgresImages`: PostgreSQL images that the cluster can start, by major version
 * - `storageClass`: one that provisions volumes; `volumeSnapshotClass`: null when it takes no snapshots
 */
export type TestCluster = z.infer<typeof testCluster>;

/** What the provider says of its cluster, which `up` made or will make. */
export async function describeCluster(): Promise<TestCluster> {
  return testCluster.parse(JSON.parse(await output(clusterProgram, ['describe'])));
}

/**
 * The cluster that the environment names, else the provider's own.
 * - `CNPG_MCP_E2E_KUBECONFIG`: path of a kubeconfig; its current context is used, with the `kubectl` on the PATH
 * - `CNPG_MCP_POSTGRES_IMAGES`: `17=registry.example/postgresql:17,...`; default the operator's image of 17
 * - `CNPG_MCP_E2E_STORAGE_CLASS`: default the cluster's default class
 * @throws {Failure} when the cluster named cannot be asked, or has no default storage class and none is given
 */
export async function findCluster(env: NodeJS.ProcessEnv): Promise<TestCluster> {
  const given = env.CNPG_MCP_E2E_KUBECONFIG;
  if (given === undefined || given === '') return describeCluster();
  const kubeconfig = resolve(given);
  await readFile(kubeconfig).catch(({ code }: NodeJS.ErrnoException) => {
    throw new Failure(`The kubeconfig ${kubeconfig} cannot be read: ${code}.`);
  });
  return {
    provider: 'external',
    kubeconfig,
    kubectl: 'kubectl',
    postgresImages: parseImages(env.CNPG_MCP_POSTGRES_IMAGES || '17=ghcr.io/cloudnative-pg/postgresql:17'),
    storageClass: env.CNPG_MCP_E2E_STORAGE_CLASS || (await defaultClass(kubeconfig)),
    volumeSnapshotClass: null,
  };
}

/** Images in the form of the server's setting `CNPG_MCP_POSTGRES_IMAGES`: `17=image,18=image`. */
export function formatImages(images: TestCluster['postgresImages']): string {
  return Object.entries(images)
    .map(([major, image]) => `${major}=${image}`)
    .join(',');
}

function parseImages(text: string): TestCluster['postgresImages'] {
  const pairs = text.split(',').map((pair) => {
    const [major, image] = pair.split('=', 2);
    return [major, image];
  });
  return testCluster.shape.postgresImages.parse(Object.fromEntries(pairs));
}

const storageClasses = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).optional() }),
    }),
  ),
});

async function defaultClass(kubeconfig: string): Promise<string> {
  const asked = ['--kubeconfig', kubeconfig, '--request-timeout=20s', 'get', 'storageclasses', '-o', 'json'];
  const list = await output('kubectl', asked).catch((error: Error & { stderr?: string }) => {
    const said = error.stderr?.trim().split('\n').at(-1);
    throw new Failure(`The cluster of ${kubeconfig} cannot be asked: ${said || error.message}`);
  });
  const found = storageClasses
    .parse(JSON.parse(list))
    .items.find(
      (item) => item.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
    );
  if (found === undefined) {
    throw new Failure(
      'The cluster has no default storage class. Name one in CNPG_MCP_E2E_STORAGE_CLASS (kubectl get storageclasses).',
    );
  }
  return found.metadata.name;
}
