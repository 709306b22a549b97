/** The cluster as a person at a terminal sees it: kubectl, and psql in the pods. The server under test is not asked. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const execFileAsync = promisify(execFile);

/** Runs kubectl. Throws with its standard error when it fails. */
export async function kubectl(...args: string[]): Promise<string> {
  const { kubectl: program, kubeconfig } = inject('cluster');
  const { stdout } = await execFileAsync(program, ['--kubeconfig', kubeconfig, ...args], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.trim();
}

// biome-ignore lint/suspicious/noExplicitAny: whatever Kubernetes answers, for assertions
type Json = any;

/** An object as JSON, or `undefined` when it does not exist. */
export async function getObject(kind: string, name: string, namespace: string): Promise<Json | undefined> {
  const text = await kubectl('get', kind, name, '-n', namespace, '-o', 'json', '--ignore-not-found');
  return text === '' ? undefined : JSON.parse(text);
}

/** Names of the objects of a kind in a namespace, sorted. */
export async function names(kind: string, namespace: string): Promise<string[]> {
  const text = await kubectl('get', kind, '-n', namespace, '-o', 'jsonpath={.items[*].metadata.name}');
  return text === '' ? [] : text.split(' ').sort();
}

async function operatorKinds(): Promise<string[]> {
  return (await kubectl('api-resources', '--api-group=postgresql.cnpg.io', '-o', 'name')).split('\n');
}

/** Whether the operator has DatabaseRole: 1.30 and later. Suites register what needs it by this. */
export async function hasDatabaseRoles(): Promise<boolean> {
  return (await operatorKinds()).includes('databaseroles.postgresql.cnpg.io');
}

/**
 * The kinds of the operator among these that its version has, as kubectl takes them: `clusters.postgresql.cnpg.io,…`. kubectl
 * refuses a kind that is not served, such as DatabaseRole before operator 1.30. Throws when none is.
 */
export async function servedKinds(...plurals: string[]): Promise<string> {
  const served = await operatorKinds();
  const known = plurals
    .map((plural) => `${plural}.postgresql.cnpg.io`)
    .filter((name) => served.includes(name));
  if (known.length === 0) throw new Error(`The operator has none of ${plurals.join(', ')}.`);
  return known.join();
}

/** Runs kubectl with an object as its standard input (`-f -`), and returns its standard output. */
export async function kubectlWith(object: object, ...args: string[]): Promise<string> {
  const { kubectl: program, kubeconfig } = inject('cluster');
  const running = execFileAsync(program, ['--kubeconfig', kubeconfig, ...args, '-f', '-']);
  running.child.stdin?.end(JSON.stringify(object));
  return (await running).stdout;
}

/** Applies a manifest given as JSON. */
export async function apply(...objects: object[]): Promise<void> {
  for (const object of objects) await kubectlWith(object, 'apply');
}

/** Makes a namespace of its own for a suite. Delete it with {@link deleteNamespace}. */
export async function makeNamespace(prefix: string): Promise<string> {
  const name = `${prefix}-${randomBytes(3).toString('hex')}`;
  await kubectl('create', 'namespace', name);
  return name;
}

/** Lets a namespace take pods of the restricted Pod Security Standard only. */
export async function restrict(name: string): Promise<void> {
  await kubectl('label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted');
}

/** A new namespace, for pods of the restricted Pod Security Standard only. */
export async function makeRestrictedNamespace(prefix: string): Promise<string> {
  const name = await makeNamespace(prefix);
  await restrict(name);
  return name;
}

export async function deleteNamespace(name: string): Promise<void> {
  await kubectl('delete', 'namespace', name, '--ignore-not-found', '--wait=false');
}

/** Repeats `look` every half second until it returns something, for at most `seconds`. */
export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (thrown) {
      last = thrown;
    }
    await delay(500);
  }
  throw new Error(`Not within ${seconds} s: ${what}.`, { cause: last });
}

/** Runs SQL as the superuser inside the primary and returns the unaligned rows. */
export async function psql(
  namespace: string,
  cluster: string,
  sql: string,
  database = 'postgres',
): Promise<string> {
  const primary = await kubectl(
    'get',
    'cluster',
    cluster,
    '-n',
    namespace,
    '-o',
    'jsonpath={.status.currentPrimary}',
  );
  return kubectl(
    'exec',
    '-n',
    namespace,
    primary,
    '-c',
    'postgres',
    '--',
    'psql',
    '-XAtq',
    '-d',
    database,
    '-c',
    sql,
  );
}

/** Logs in over TCP with the password of a Secret and says who PostgreSQL takes the session for. Throws when it is refused. */
export async function logIn(
  namespace: string,
  cluster: string,
  secret: string,
  database = 'postgres',
): Promise<string> {
  const data = (await getObject('secret', secret, namespace))?.data as Record<string, string> | undefined;
  if (!data?.username || !data.password) throw new Error(`Secret ${secret} has no username and password.`);
  const decode = (value: string): string => Buffer.from(value, 'base64').toString('utf8');
  const primary = await kubectl(
    'get',
    'cluster',
    cluster,
    '-n',
    namespace,
    '-o',
    'jsonpath={.status.currentPrimary}',
  );
  return kubectl(
    ...['exec', '-n', namespace, primary, '-c', 'postgres', '--'],
    ...[
      'env',
      `PGPASSWORD=${decode(data.password)}`,
      'psql',
      '-XAtq',
      '-h',
      `${cluster}-rw`,
      '-U',
      decode(data.username),
      '-d',
      database,
    ],
    ...['-c', 'select session_user'],
  );
}

/** How many standbys stream from the primary, by PostgreSQL's own account. */
export async function streamingReplicas(namespace: string, cluster: string): Promise<number> {
  return Number(
    await psql(namespace, cluster, "select count(*) from pg_stat_replication where state = 'streaming'"),
  );
}

/** An image of the newest PostgreSQL that the cluster can start. */
export function newestPostgresImage(): string {
  const { postgresImages } = inject('cluster');
  const [newest] = Object.keys(postgresImages).sort((a, b) => Number(b) - Number(a));
  return postgresImages[newest as string] as string;
}

/** A Cluster manifest that fits the test machine. */
export function clusterManifest(namespace: string, name: string, spec: Record<string, unknown> = {}): object {
  const { storageClass } = inject('cluster');
  return {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    metadata: { name, namespace },
    spec: {
      instances: 1,
      imageName: newestPostgresImage(),
      storage: { size: '400Mi', storageClass },
      ...spec,
    },
  };
}

/** Waits until the operator calls the cluster healthy and every instance is ready. */
export async function untilHealthy(namespace: string, cluster: string, seconds = 240): Promise<void> {
  await until(`${namespace}/${cluster} is healthy`, seconds, async () => {
    const { spec, status } = (await getObject('cluster', cluster, namespace)) ?? {};
    return status?.phase === 'Cluster in healthy state' && status.readyInstances === spec.instances;
  });
}
