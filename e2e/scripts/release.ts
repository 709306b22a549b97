/** The server that `make up` installs, by Helm and in the cluster. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ImageValues } from '../image/load.ts';
import { output, runOrThrow } from './command.ts';
import { demo } from './demo-cluster.ts';
import { Failure } from './failure.ts';
import { clusterProgram, root, runFolder } from './paths.ts';
import type { TestCluster } from './test-cluster.ts';

/** Name of the release, and the namespace that is made for it. */
export const release = { name: 'cnpg-mcp', namespace: 'cnpg-mcp' } as const;

/** On every node; kind-config.yaml brings this port to 127.0.0.1. */
const nodePort = 30_080;
const readySeconds = 60;
/** Secrets are granted by name: those of the roles that people are likely to try. */
export const demoRoles = ['reader', 'writer', 'report', 'test'] as const;
const roleSecrets = demoRoles.map((role) => secretOf(role));

/** The Secret in which the server keeps the password of a role of the demonstration. */
function secretOf(role: string): string {
  return `cnpg-${demo.name}-user-${role}`;
}

/**
 * Installs the chart, or upgrades what is there, and waits until the server answers through its Service.
 * @returns the address of MCP, as seen from this machine
 * @throws with the end of Helm's output, or when nothing answers in time
 */
export async function install(cluster: TestCluster, image: ImageValues): Promise<string> {
  const host = await reachableHost(cluster);
  const values = {
    image,
    // Everything that the tools can do, but only with the PostgreSQL clusters of the demonstration.
    rbac: {
      preset: 'edit',
      namespaces: [demo.namespace],
      addOns: { secrets: roleSecrets, podLogs: true, podProxy: true, events: true, storage: true },
    },
    config: {
      // The cluster may have no other images and no way to fetch one.
      postgres: { images: cluster.postgresImages, defaultVersion: newestOf(cluster.postgresImages) },
      allowedHosts: [host],
    },
    service: { type: 'NodePort', nodePort },
  };
  await mkdir(runFolder, { recursive: true });
  const file = join(runFolder, 'up-values.json');
  await writeFile(file, JSON.stringify(values, null, 2));
  await runOrThrow(clusterProgram, [
    ...['helm', 'upgrade', '--install', release.name, join(root, 'chart')],
    ...['--namespace', release.namespace, '--create-namespace'],
    ...['--values', file, '--wait', '--timeout', '120s', '--hide-notes'],
  ]);
  const address = `http://${host}:${nodePort}`;
  const end = Date.now() + readySeconds * 1000;
  while (!(await answers(`${address}/readyz`))) {
    if (Date.now() > end) throw new Failure(unreachable(cluster, address));
    await delay(200);
  }
  return `${address}/mcp`;
}

/** Command that lets the server keep the password of one more role. It holds until the next `make up`. */
export function allowRoleCommand(role: string): string {
  const { name, namespace } = release;
  const setting = `rbac.addOns.secrets[${roleSecrets.length}]=${secretOf(role)}`;
  return `${clusterProgram} helm upgrade ${name} ${join(root, 'chart')} --namespace ${namespace} --reuse-values --set '${setting}'`;
}

/** Command that prints the token which callers need. */
export function tokenCommand(): string {
  const { name, namespace } = release;
  const secret = `get secret --namespace ${namespace} ${name}-auth -o jsonpath='{.data.token}'`;
  return `${clusterProgram} kubectl ${secret} | base64 -d`;
}

/** Takes the release away, with its namespace. @returns whether there was one */
export async function uninstall(): Promise<boolean> {
  const { name, namespace } = release;
  const found = await output(clusterProgram, [
    ...['kubectl', 'get', 'namespace', namespace, '--ignore-not-found', '-o', 'name'],
  ]);
  if (found === '') return false;
  await runOrThrow(clusterProgram, [
    ...['helm', 'uninstall', name, '--namespace', namespace, '--ignore-not-found', '--wait'],
  ]);
  await runOrThrow(clusterProgram, ['kubectl', 'delete', 'namespace', namespace]);
  return true;
}

/** The local provider's node is routed from this machine; kind's is behind a mapped port. */
async function reachableHost({ provider }: TestCluster): Promise<string> {
  if (provider === 'kind') return '127.0.0.1';
  const jsonpath = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  return output(clusterProgram, ['kubectl', 'get', 'nodes', '-o', `jsonpath=${jsonpath}`]);
}

function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

function unreachable({ provider }: TestCluster, address: string): string {
  const older = `A cluster that kind made before its port was mapped does not have it: ${clusterProgram} reset, then again.`;
  return `The server runs, but does not answer at ${address}. ${provider === 'kind' ? older : ''}`;
}

/** The newest PostgreSQL version of which there is an image. */
export function newestOf(images: TestCluster['postgresImages']): string {
  const newest = Object.keys(images).sort((a, b) => Number(b) - Number(a))[0];
  if (newest === undefined) throw new Error('The provider names no PostgreSQL image.');
  return newest;
}
