/**
 * Helm 4 and Helm 3, for tests. One of them is the provider's own (e2e/clusters), or the one on the PATH for a cluster that was
 * given by its kubeconfig. The other is built from its Go module, which a folder pins; the result is kept in the cache of the
 * clusters.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { clusterCache, clusterProgram, root } from '../scripts/paths.ts';
import type { TestCluster } from '../scripts/test-cluster.ts';
import { chartFolder } from './files.ts';

const run = promisify(execFile);
const maxBuffer = 64 * 1024 * 1024;

/** A Kubernetes object as it is rendered. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the chart makes, for assertions
export type Manifest = any;

export interface Helm {
  /** `helm 4` or `helm 3`. */
  name: string;
  /** Runs it on the cluster under test. Throws with its standard error when it fails. */
  run(...args: string[]): Promise<string>;
  /** The program and the arguments that come first. */
  command: readonly string[];
}

/** The one that a person has who uses the cluster. */
export async function installedHelm(cluster: TestCluster): Promise<Helm> {
  const command = cluster.provider === 'external' ? ['helm'] : [clusterProgram, 'helm'];
  const version = await program('helm', command, cluster).run('version', '--template', '{{.Version}}');
  return program(`helm ${/^v(\d+)/.exec(version)?.[1]}`, command, cluster);
}

/**
 * Both, Helm 4 first. The first call builds the one that is not installed where it is not in the cache; that needs Go and takes
 * minutes.
 */
export async function helms(cluster: TestCluster): Promise<[Helm, Helm]> {
  const installed = await installedHelm(cluster);
  const [helm4, helm3] = modules;
  if (installed.name === 'helm 3') return [program('helm 4', [await build(helm4)], cluster), installed];
  return [installed, program('helm 3', [await build(helm3)], cluster)];
}

function program(name: string, command: readonly string[], cluster: TestCluster): Helm {
  const [file = '', ...first] = command;
  return {
    name,
    command,
    async run(...args) {
      const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
      const { stdout } = await run(file, [...first, ...args], { env, maxBuffer, cwd: root });
      return stdout;
    },
  };
}

/** Kubernetes that Helm 3 takes for granted where it asks no cluster; without this it is one of long ago. Helm 4 looks for itself. */
const kubernetes = { major: '1', minor: '36' };

/** By which folder each is pinned. */
const modules = [
  { major: 4, module: join(root, 'e2e/clusters/local') },
  { major: 3, module: join(root, 'e2e/chart/helm3') },
] as const;

async function build({ major, module }: (typeof modules)[number]): Promise<string> {
  const pinned = ['go.mod', 'go.sum'].map((name) => readFileSync(join(module, name)));
  const key = createHash('sha256').update(Buffer.concat(pinned)).digest('hex').slice(0, 12);
  const folder = join(clusterCache, 'bin');
  const target = join(folder, `helm${major}-${key}`);
  if (existsSync(target)) return target;
  await mkdir(folder, { recursive: true });
  const flags = ['chartutil', 'lint/rules'].flatMap((part) => [
    `-X helm.sh/helm/v${major}/pkg/${part}.k8sVersionMajor=${kubernetes.major}`,
    `-X helm.sh/helm/v${major}/pkg/${part}.k8sVersionMinor=${kubernetes.minor}`,
  ]);
  const ldflags = ['-s -w', ...flags].join(' ');
  const made = `${target}.${process.pid}`;
  await run(
    'go',
    [
      'build',
      '-trimpath',
      '-buildvcs=false',
      '-ldflags',
      ldflags,
      '-o',
      made,
      `helm.sh/helm/v${major}/cmd/helm`,
    ],
    { cwd: module, env: { ...process.env, CGO_ENABLED: '0' }, maxBuffer },
  );
  await rename(made, target);
  return target;
}

/** What `helm template` prints for the chart. */
export async function template(helm: Helm, namespace: string, ...args: string[]): Promise<string> {
  return helm.run('template', 'cnpg-mcp', chartFolder, '--namespace', namespace, ...args);
}

/** The objects in a stream of documents. */
export function manifests(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((object) => object !== null && object !== undefined);
}

/** The documents that come from these templates, as text, comment included. */
export function documentsOf(text: string, ...templates: string[]): string[] {
  return text
    .split(/^---\n/m)
    .filter((part) => templates.some((name) => part.startsWith(`# Source: cnpg-mcp/templates/${name}\n`)))
    .map((part) => `---\n${part}`);
}
