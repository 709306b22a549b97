/**
 * A Keycloak of this test run's own: in a container where a Docker engine answers, else the distribution from Maven Central
 * on the Java of this machine. It forgets everything when it ends.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../server/test/free-port.ts';

const run = promisify(execFile);
const version = '26.7.3';
/** The first start builds the server for its settings, which takes a minute on a small machine. */
const startSeconds = 300;
const administrator = { username: 'admin', password: 'only-for-this-test-run' };

export interface Keycloak {
  /** How it runs: for the name of a test, and for a person who wonders. */
  kind: string;
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  url: string;
  stop(): Promise<void>;
}

/** What it takes to run one here; `missing`: why there is none. */
export type Provider = { start(realm: object): Promise<Keycloak> } | { missing: string };

/** Finds out what this machine has. */
export async function findKeycloak(): Promise<Provider> {
  if (await succeeds('docker', 'version', '--format', '{{.Server.Version}}')) {
    return { start: startContainer };
  }
  const java = await run('java', ['-version']).catch(() => undefined);
  const major = Number(/version "(\d+)/.exec(java?.stderr ?? '')?.[1] ?? 0);
  if (major < 17) return { missing: 'no Docker engine answers, and there is no Java 17 or later' };
  if (!(await succeeds('mvn', '--version')) && !(await isThere(distribution()))) {
    return { missing: 'no Docker engine answers, and there is no Maven to fetch Keycloak with' };
  }
  return { start: startDistribution };
}

async function startContainer(realm: object): Promise<Keycloak> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(`quay.io/keycloak/keycloak:${version}`)
    .withExposedPorts(8080)
    .withEnvironment({
      KC_BOOTSTRAP_ADMIN_USERNAME: administrator.username,
      KC_BOOTSTRAP_ADMIN_PASSWORD: administrator.password,
    })
    .withCopyContentToContainer([
      { content: JSON.stringify(realm), target: '/opt/keycloak/data/import/realm.json' },
    ])
    .withCommand(['start-dev', '--import-realm'])
    .withWaitStrategy(Wait.forHttp('/realms/master', 8080))
    .withStartupTimeout(startSeconds * 1000)
    .start();
  const url = `http://${container.getHost()}:${container.getMappedPort(8080)}`;
  return { kind: `container ${version}`, url, stop: async () => void (await container.stop()) };
}

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'cnpg-mcp-e2e');
const distribution = (): string => join(cache, `keycloak-${version}`);

async function startDistribution(realm: object): Promise<Keycloak> {
  await fetchDistribution();
  const home = distribution();
  await mkdir(join(home, 'data', 'import'), { recursive: true });
  await writeFile(join(home, 'data', 'import', 'realm.json'), JSON.stringify(realm));
  const port = await freePort();
  const args = ['bin/kc.sh', 'start-dev', '--import-realm', '--db=dev-mem', '--http-host=127.0.0.1'];
  const child = spawn('bash', [...args, `--http-port=${port}`], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
      KC_BOOTSTRAP_ADMIN_USERNAME: administrator.username,
      KC_BOOTSTRAP_ADMIN_PASSWORD: administrator.password,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data.toString();
    });
  }
  const keycloak = {
    kind: `distribution ${version}`,
    url: `http://127.0.0.1:${port}`,
    stop: () => end(child),
  };
  try {
    await untilReady(keycloak.url, child);
    return keycloak;
  } catch (thrown) {
    await end(child);
    throw new Error(`Keycloak did not start:\n${output}`, { cause: thrown });
  }
}

/** Fetches and unpacks it once; later runs find it in the cache. */
async function fetchDistribution(): Promise<void> {
  if (await isThere(distribution())) return;
  await mkdir(cache, { recursive: true });
  const archive = join(cache, `keycloak-quarkus-dist-${version}.zip`);
  if (!(await isThere(archive))) {
    await run('mvn', [
      ...['--quiet', '--batch-mode', 'org.apache.maven.plugins:maven-dependency-plugin:copy'],
      `-Dartifact=org.keycloak:keycloak-quarkus-dist:${version}:zip`,
      `-DoutputDirectory=${cache}`,
    ]);
  }
  // A JDK brings its own way to unpack, so nothing else is needed.
  await run('jar', ['xf', archive], { cwd: cache });
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + startSeconds * 1000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}.`);
    const response = await fetch(`${url}/realms/master`).catch(() => undefined);
    if (response?.ok) return;
    await delay(500);
  }
  throw new Error(`It was not ready after ${startSeconds} s.`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  await exited;
}

async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  return run(program, args, { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** A new signing key for a realm, preferred to the ones before; as an administrator would rotate it. */
export async function rotateKeys(url: string, realm: string): Promise<void> {
  const { access_token } = await tokens(url, 'master', {
    client_id: 'admin-cli',
    grant_type: 'password',
    ...administrator,
  });
  const headers = { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' };
  const { id } = (await (await fetch(`${url}/admin/realms/${realm}`, { headers })).json()) as { id: string };
  const response = await fetch(`${url}/admin/realms/${realm}/components`, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      name: 'rotated',
      parentId: id,
      providerId: 'rsa-generated',
      providerType: 'org.keycloak.keys.KeyProvider',
      config: {
        priority: ['900'],
        enabled: ['true'],
        active: ['true'],
        keySize: ['2048'],
        algorithm: ['RS256'],
      },
    }),
  });
  if (response.status !== 201) throw new Error(`The key was not made: ${await response.text()}`);
}

/** Asks the token endpoint of a realm. Throws with its answer when it gives no token. */
export async function tokens(
  url: string,
  realm: string,
  form: Record<string, string>,
): Promise<{ access_token: string; id_token?: string; refresh_token?: string }> {
  const response = await fetch(`${url}/realms/${realm}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  const answer = (await response.json()) as { access_token?: string };
  if (!answer.access_token) throw new Error(`Keycloak gave no token: ${JSON.stringify(answer)}`);
  return answer as { access_token: string };
}
