import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { clusterProgram } from '../scripts/paths.ts';

const exec = promisify(execFile);
const cluster = inject('cluster');
const namespace = `clusters-${process.pid}`;

/** Runs kubectl on the cluster under test, with `input` as its standard input. */
async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const running = exec(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, ...args]);
  running.child.stdin?.end(input);
  return (await running).stdout.trim();
}

const postgres = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    metadata: { name, namespace },
    spec,
  });

describe(`the cluster under test (${cluster.provider})`, () => {
  afterAll(() => kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s']));

  it('has nodes, all of them ready', async () => {
    const nodes = await kubectl(['wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=30s']);
    expect(nodes).toContain('condition met');
  });

  it("has the operator: its webhook refuses a Cluster's impossible size, in the operator's words", async () => {
    const spec = { instances: 1, storage: { size: 'huge' } };
    const wrong = postgres('wrong', spec).replace(namespace, 'default');
    const creating = kubectl(['create', '--dry-run=server', '-f', '-'], wrong);
    await expect(creating).rejects.toThrow("Size value isn't valid");
  });

  it.each(Object.entries(cluster.postgresImages))(
    'starts PostgreSQL %s from %s on the storage class described',
    async (major, imageName) => {
      const storage = { size: '1Gi', storageClass: cluster.storageClass };
      await kubectl(
        ['apply', '-f', '-'],
        `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"${namespace}"}}`,
      );
      await kubectl(['apply', '-f', '-'], postgres(`pg-${major}`, { instances: 1, imageName, storage }));
      await kubectl([
        'wait',
        '-n',
        namespace,
        `cluster.postgresql.cnpg.io/pg-${major}`,
        '--for=condition=Ready',
        '--timeout=240s',
      ]);
      const psql = ['psql', '-XAtc', "select current_setting('server_version_num')::int / 10000"];
      expect(await kubectl(['exec', '-n', namespace, `pg-${major}-1`, '-c', 'postgres', '--', ...psql])).toBe(
        major,
      );
    },
  );
});

// A cluster that was given by its kubeconfig has no provider to ask.
if (cluster.provider !== 'external') {
  describe(`the program that makes it (${cluster.provider})`, () => {
    /** Runs `e2e/clusters/cluster`, in an environment whose KUBECONFIG leads nowhere. */
    async function provider(...args: string[]): Promise<string> {
      return (
        await exec(clusterProgram, args, { env: { ...process.env, KUBECONFIG: '/nowhere' } })
      ).stdout.trim();
    }
    const identity = (): Promise<string> =>
      kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}']);
    const operatorPods = (): Promise<string> =>
      kubectl(['get', 'pods', '-n', 'cnpg-system', '-o', 'jsonpath={range .items[*]}{.metadata.uid} {end}']);

    it('says that it is up, and where its kubeconfig is', async () => {
      await expect(provider('status')).resolves.toContain(cluster.kubeconfig);
      await expect(provider('kubeconfig')).resolves.toBe(cluster.kubeconfig);
    });

    it('keeps the kubeconfig from other users of the machine', async () => {
      expect((await stat(cluster.kubeconfig)).mode & 0o077).toBe(0);
    });

    it('runs kubectl and helm on this cluster, whatever KUBECONFIG says', async () => {
      const uid = ['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}'];
      expect(await provider('kubectl', ...uid)).toBe(await identity());
      expect(
        JSON.parse(await provider('helm', 'list', '--all-namespaces', '--output', 'json')),
      ).toBeInstanceOf(Array);
    });

    it('leaves what runs alone when it is told to start it again', async () => {
      const before = await operatorPods();
      expect(before).not.toBe('');
      expect(await provider('up')).toBe(cluster.kubeconfig);
      expect(await operatorPods()).toBe(before);
    });

    it('refuses a command that it does not know', async () => {
      await expect(provider('destroy-everything')).rejects.toMatchObject({ code: 2 });
    });
  });
}
