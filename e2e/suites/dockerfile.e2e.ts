/**
 * The Dockerfile: both of its images are built from a clean context, looked into, and started. Docker builds them where it is there,
 * and then on the bases that the Dockerfile names; elsewhere buildah does, on stand-ins for those (e2e/image/stand-ins.ts).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { installedHelm } from '../chart/helm.ts';
import { application, node, runConfig } from '../image/content.ts';
import { buildImage, type Engine, findEngine } from '../image/engines.ts';
import { valuesOf } from '../image/load.ts';
import { imageName } from '../image/make.ts';
import { type UnpackedImage, unpackImage } from '../image/unpacked.ts';
import { clusterProgram, root, runFolder, serverProgram } from '../scripts/paths.ts';
import {
  apply,
  deleteNamespace,
  getObject,
  kubectl,
  makeRestrictedNamespace,
  until,
} from './support/kubernetes.ts';
import { deploy, endpointOf, rpc, valuesFor } from './support/release.ts';

const run = promisify(execFile);
const cluster = inject('cluster');

const version = '0.0.0-test';
const revision = 'b5c1d8e0f2a94c3c8f3f5c7a9f0e1d2c3b4a5968';

interface Made extends UnpackedImage {
  name: string;
  archive: string;
}

let folder: string;
let engine: Engine;
let runtime: Made;
let debug: Made;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-dockerfile-'));
  engine = await findEngine();
  runtime = await make('runtime');
  debug = await make('debug');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function make(target: string): Promise<Made> {
  const archive = join(runFolder, `dockerfile-${target}.tar`);
  const build = { target, arguments: { VERSION: version, REVISION: revision } };
  const name = await buildImage(engine, build, (id) => imageName(version, id), archive);
  return { name, archive, ...(await unpackImage(archive, join(folder, target))) };
}

/** Paths of the files below a folder, sorted. */
async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)))
    .sort();
}

/** The server that `make build` left here, which `make image` without an engine takes. */
const built = dirname(serverProgram);

async function expectTheServer({ files }: Made): Promise<void> {
  const inside = join(files, application);
  const names = await filesBelow(built);
  expect(names).toContain('main.js');
  expect(await filesBelow(inside)).toEqual(names);
  for (const name of names) {
    const same = (await readFile(join(inside, name))).equals(await readFile(join(built, name)));
    expect(same, name).toBe(true);
  }
}

describe('the context of the build', () => {
  it('has what the Dockerfile copies, and nothing that Git ignores or a test needs', async () => {
    const file = join(folder, 'Dockerfile');
    await writeFile(file, 'FROM scratch\nCOPY . /\n');
    const archive = join(folder, 'context.tar');
    await buildImage(engine, { file }, (id) => `localhost/cnpg-mcp-context:${id.slice(-12)}`, archive);
    const { files } = await unpackImage(archive, join(folder, 'context'));
    const sent = await filesBelow(files);
    const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
    });
    const known = new Set(stdout.split('\n'));
    expect(sent).toContain('pnpm-lock.yaml');
    expect(sent).toContain('server/src/main.ts');
    expect(sent.filter((path) => !known.has(path))).toEqual([]);
    expect(sent.filter((path) => /\.test\.ts$|^\.|^docs|^chart/.test(path))).toEqual([]);
  });
});

describe('the image', () => {
  it('has the server that is built outside of it, file by file', () => expectTheServer(runtime));

  it('has no shell and no package manager', () => {
    const folders = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin', 'nodejs/bin'];
    const programs = ['sh', 'bash', 'dash', 'busybox', 'npm', 'npx', 'corepack', 'pnpm', 'apt-get', 'dpkg'];
    const paths = folders.flatMap((place) => programs.map((program) => join(place, program)));
    expect(paths.filter((path) => existsSync(join(runtime.files, path)))).toEqual([]);
    expect(existsSync(join(runtime.files, node))).toBe(true);
  });

  it('starts the server as nobody, says its ports and how to see that it is well', () => {
    const { User, Entrypoint, Cmd, WorkingDir, Env } = runConfig(version);
    expect(runtime.config).toMatchObject({ User, Entrypoint, Cmd, WorkingDir });
    expect(runtime.config.Env).toEqual(expect.arrayContaining([...Env]));
    expect(Object.keys(runtime.config.ExposedPorts).sort()).toEqual(['3000/tcp', '9464/tcp']);
    expect(runtime.config.Healthcheck.Test).toEqual(['CMD', ...Entrypoint, 'healthcheck']);
  });

  it('carries the version and the revision that it was built from', () => {
    expect(runtime.config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'cnpg-mcp',
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.revision': revision,
    });
  });

  it('is smaller than 180 MB', () => {
    expect(runtime.size).toBeLessThan(180e6);
  });
});

describe('the image to look around in', () => {
  it('has the same server, and does not run as root either', async () => {
    await expectTheServer(debug);
    expect(debug.config).toMatchObject({
      User: runtime.config.User,
      Entrypoint: ['/usr/local/bin/node', `${application}/main.js`],
      Cmd: ['serve'],
    });
  });
});

// Images cannot be loaded into a cluster that was given by its kubeconfig: it pulls what it runs.
if (cluster.provider === 'external') {
  console.error('The images of the Dockerfile are not started: this cluster takes no archives.');
} else {
  describe('on the cluster', () => {
    let namespace: string;
    beforeAll(async () => {
      namespace = await makeRestrictedNamespace('t-dockerfile');
      for (const { archive } of [runtime, debug]) await run(clusterProgram, ['load-image', archive]);
    });
    afterAll(() => deleteNamespace(namespace));

    /** Runs a container to its end, as the least that a pod may be; what it wrote. Throws when it does not end well. */
    async function outputOf(
      name: string,
      image: Made,
      start: { args?: string[]; command?: string[] },
    ): Promise<string> {
      await apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'main',
              image: image.name,
              imagePullPolicy: 'Never',
              ...start,
              securityContext: {
                readOnlyRootFilesystem: true,
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
        },
      });
      const phase = await until(`${name} has ended`, 60, async () => {
        const { status } = await getObject('pod', name, namespace);
        return ['Succeeded', 'Failed'].includes(status.phase) && status.phase;
      });
      const text = await kubectl('logs', '-n', namespace, name);
      if (phase !== 'Succeeded') throw new Error(`${name} ended badly: ${text}`);
      return text;
    }

    it('runs commands as nobody, with a root file system that nobody can write', async () => {
      const manifest = JSON.parse(await readFile(join(root, 'server/package.json'), 'utf8'));
      expect(await outputOf('version', runtime, { args: ['version'] })).toContain(manifest.version);
      expect(await outputOf('help', runtime, { args: ['--help'] })).toContain('serve');
    });

    it('gives a person a shell and npm in the other one', async () => {
      const command = ['sh', '-c', 'id -u && node --version && npm --version && node /app/main.js version'];
      const lines = (await outputOf('debug', debug, { command })).split('\n');
      expect(lines.slice(0, 2)).toEqual(['65532', process.version]);
      expect(lines).toHaveLength(4);
    });

    it('becomes a ready pod of the chart, which answers, finds itself well and has no shell', async () => {
      const helm = await installedHelm(cluster);
      await deploy(helm, namespace, ...valuesFor(valuesOf(runtime.name)));
      const { tools } = await rpc(await endpointOf(namespace), 'tools/list', {});
      expect(tools).not.toEqual([]);
      const { spec } = await getObject('deployment', 'cnpg-mcp', namespace);
      expect(spec.template.spec.containers[0]).toMatchObject({
        image: runtime.name,
        securityContext: { readOnlyRootFilesystem: true },
      });
      const inPod = (...command: string[]): Promise<string> =>
        kubectl('exec', '-n', namespace, 'deployment/cnpg-mcp', '--', ...command);
      await inPod(node, `${application}/main.js`, 'healthcheck');
      await expect(inPod('sh', '-c', 'true')).rejects.toThrow('executable file not found');
    });
  });
}
