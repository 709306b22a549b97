import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judgeParameters } from '../../server/src/cnpg/parameters.ts';
import { clusterProgram, root } from '../scripts/paths.ts';
import {
  apply,
  clusterManifest,
  deleteNamespace,
  kubectl,
  makeNamespace,
  psql,
  untilHealthy,
} from './support/kubernetes.ts';

const exec = promisify(execFile);
const cluster = inject('cluster');

describe(`the cluster under test (${cluster.provider})`, () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await makeNamespace('clusters');
  });
  afterAll(() => deleteNamespace(namespace));

  it('has nodes, all of them ready', async () => {
    const nodes = await kubectl('wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=30s');
    expect(nodes).toContain('condition met');
  });

  it("has the operator: its webhook refuses a Cluster's impossible size, in the operator's words", async () => {
    const wrong = clusterManifest(namespace, 'wrong', { storage: { size: 'huge' } });
    await expect(apply(wrong)).rejects.toThrow("Size value isn't valid");
  });

  it.each(Object.entries(cluster.postgresImages))(
    'starts PostgreSQL %s from %s on the storage class described',
    async (major, imageName) => {
      const name = `pg-${major}`;
      await apply(clusterManifest(namespace, name, { imageName }));
      await untilHealthy(namespace, name);
      const version = "select current_setting('server_version_num')::int / 10000";
      expect(await psql(namespace, name, version)).toBe(major);
    },
  );

  it.each(Object.keys(cluster.postgresImages))(
    'has no parameter in PostgreSQL %s that this server does not know, and no value that it would refuse',
    async (major) => {
      const settings = `select json_object_agg(name, setting) from pg_settings
        where context <> 'internal' and name not like 'transaction_%'`;
      const parameters = JSON.parse(await psql(namespace, `pg-${major}`, settings));
      expect(Object.keys(parameters).length).toBeGreaterThan(300);
      const judged = judgeParameters(parameters, { major: Number(major), ownBuild: false });
      expect(judged).toEqual({ objections: [], warnings: [] });
    },
  );
});

// A cluster that was given by its kubeconfig has no provider to ask.
if (cluster.provider !== 'external') {
  describe(`the program that makes it (${cluster.provider})`, () => {
    /** Runs `e2e/clusters/cluster`, in an environment whose KUBECONFIG leads nowhere. */
    async function provider(...args: string[]): Promise<string> {
      const env = { ...process.env, KUBECONFIG: '/nowhere' };
      return (await exec(clusterProgram, args, { env })).stdout.trim();
    }
    const identity = ['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}'];
    const operator = ['get', 'pods', '-n', 'cnpg-system', '-o', 'jsonpath={.items[*].metadata.uid}'];

    it('says that it is up, and where its kubeconfig is', async () => {
      await expect(provider('status')).resolves.toContain(cluster.kubeconfig);
      await expect(provider('kubeconfig')).resolves.toBe(cluster.kubeconfig);
    });

    it('keeps the kubeconfig from other users of the machine', async () => {
      expect((await stat(cluster.kubeconfig)).mode & 0o077).toBe(0);
    });

    it('runs kubectl and helm on this cluster, whatever KUBECONFIG says', async () => {
      expect(await provider('kubectl', ...identity)).toBe(await kubectl(...identity));
      const releases = JSON.parse(await provider('helm', 'list', '--all-namespaces', '--output', 'json'));
      expect(releases).toBeInstanceOf(Array);
    });

    it('leaves what runs alone when it is told to start it again', async () => {
      const before = await kubectl(...operator);
      expect(before).not.toBe('');
      expect(await provider('up')).toBe(cluster.kubeconfig);
      expect(await kubectl(...operator)).toBe(before);
    });

    it('refuses a command that it does not know, and one that names too little, as wrong usage', async () => {
      await expect(provider('destroy-everything')).rejects.toMatchObject({ code: 2 });
      await expect(provider('load-image')).rejects.toMatchObject({ code: 2 });
    });

    it('says in one line what is wrong with an archive of an image', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-archive-'));
      const at = (file: string): string => join(folder, file);
      const [broken, other, empty] = [at('broken.tar'), at('other.tar'), at('empty.tar')];
      await writeFile(broken, 'no archive');
      await exec('tar', ['--create', '--file', other, '--directory', root, 'README.md']);
      const missing = `sha256:${'0'.repeat(64)}`;
      const mediaType = 'application/vnd.oci.image.manifest.v1+json';
      const index = { schemaVersion: 2, manifests: [{ mediaType, digest: missing, size: 2 }] };
      await writeFile(at('index.json'), JSON.stringify(index));
      await writeFile(at('oci-layout'), '{"imageLayoutVersion": "1.0.0"}');
      await exec('tar', ['--create', '--file', empty, '--directory', folder, 'index.json', 'oci-layout']);
      for (const [archive, fault] of [
        [at('none.tar'), 'no such file'],
        [broken, 'is no archive, or a broken one'],
        [other, 'is no archive of an image'],
        [empty, 'could not be'],
      ] as const) {
        const { code, stderr } = await provider('load-image', archive).catch((error) => error);
        expect(code).toBe(1);
        expect(stderr).toContain(archive);
        expect(stderr).toContain(fault);
        expect(stderr.trim().split('\n')).toHaveLength(1);
      }
      await rm(folder, { recursive: true });
    });
  });
}
