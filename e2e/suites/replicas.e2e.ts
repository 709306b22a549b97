/**
 * Two servers with one confirmation key behind one address, and nothing that keeps a client with one of them: what was asked
 * by one is confirmed to the other, once.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { Answer } from '../clients/connection.ts';
import { sdk1OverHttp, sdk2 } from '../clients/official.ts';
import { type Caller, connectCaller, type Notice } from './support/callers.ts';
import {
  apply,
  clusterManifest,
  deleteNamespace,
  getObject,
  kubectl,
  makeNamespace,
  psql,
  until,
  untilHealthy,
} from './support/kubernetes.ts';
import { idleCluster, type Replicas, startReplicas } from './support/replicas.ts';
import { openConfirmation, revisions, sendCall } from './support/wire.ts';

const cluster = 'shared';
const roles = ['first_role', 'second_role'];

let namespace: string;
let replicas: Replicas;

beforeAll(async () => {
  namespace = await makeNamespace('e2e-replicas');
  replicas = await startReplicas();
  const managed = { roles: roles.map((name) => ({ name, login: true })) };
  await apply(clusterManifest(namespace, cluster, { managed }));
  await untilHealthy(namespace, cluster);
});
afterAll(async () => {
  await replicas?.stop();
  if (namespace) await deleteNamespace(namespace);
});

describe.each([
  { kind: sdk2('2026-07-28', { pin: '2026-07-28' }), database: 'asked_in_a_form' },
  { kind: sdk1OverHttp, database: 'asked_by_a_call' },
])('a deletion asked on one and confirmed on the other, $database', ({ kind, database }) => {
  const deletion = () => ({ cluster_name: cluster, namespace, database_name: database });

  it('happens once, and never again to what bears the name later', async () => {
    await makeDatabase(database);
    const client = await kind.connect(replicas.front.url);
    const before = replicas.front.passed.length;
    let answer = await client.call('delete_postgres_database', deletion(), {
      action: 'accept',
      name: database,
    });
    const { confirmation } = answer.structured;
    if (confirmation) {
      const { confirm_name, confirm_token } = confirmation;
      answer = await client.call('delete_postgres_database', {
        ...deletion(),
        confirm: true,
        confirm_name,
        confirm_token,
      });
    }
    await client.close();
    expect(answer, answer.text).toMatchObject({ isError: false, structured: { state: 'done' } });
    expect(await databaseExists(database)).toBe(false);
    const calls = replicas.front.passed
      .slice(before)
      .filter(({ message }) => message.method === 'tools/call');
    expect(calls.map(({ to }) => to).sort()).toEqual([0, 1]);

    await makeDatabase(database);
    const { message, headers } = calls[1] as (typeof calls)[number];
    const again = { message, headers: mcpHeaders(headers) };
    for (const url of replicas.urls) {
      const replayed = await sendCall(url, again);
      expect(replayed).toMatchObject({
        isError: true,
        structured: { error: { code: 'confirmation_invalid' } },
      });
      expect(replayed.text).toContain('Nothing was changed');
    }
    expect(await databaseExists(database)).toBe(true);
  });
});

describe.each(revisions)('one confirmation sent to both at the same time, in %s', (revision) => {
  const both = async (tool: string, args: Record<string, unknown>): Promise<Answer[]> => {
    const { confirm } = await openConfirmation(replicas.urls[0], revision, tool, args);
    return Promise.all(replicas.urls.map((url) => sendCall(url, confirm)));
  };

  it.each(Array.from({ length: 5 }, (_, index) => index))('deletes a database once (%i)', async (round) => {
    const database = `both_${revision.slice(0, 4)}_${round}`;
    await makeDatabase(database);
    const answers = await both('delete_postgres_database', {
      cluster_name: cluster,
      namespace,
      database_name: database,
    });
    expectOneDone(answers);
    expect(await databaseExists(database)).toBe(false);
  });

  it('drops a role once', async () => {
    const role = roles[revisions.indexOf(revision)] as string;
    const answers = await both('delete_postgres_role', { cluster_name: cluster, namespace, role_name: role });
    expectOneDone(answers);
    expect(await psql(namespace, cluster, `select count(*) from pg_roles where rolname = '${role}'`)).toBe(
      '0',
    );
  });

  it.each(Array.from({ length: 3 }, (_, index) => index))('deletes a cluster once (%i)', async (round) => {
    const name = `both-${revision.slice(0, 4)}-${round}`;
    await apply(idleCluster(namespace, name));
    expectOneDone(await both('delete_postgres_cluster', { name, namespace }));
    expect(await getObject('cluster', name, namespace)).toBeUndefined();
  });
});

describe('who watches a cluster', () => {
  const uri = (name: string): string => `cnpg://${namespace}/${name}`;
  let watchers: Caller[];
  let elsewhere: Caller;

  beforeAll(async () => {
    await apply(idleCluster(namespace, 'elsewhere'));
    const connect = (url: string) => connectCaller('2026-07-28', url, 'watcher');
    watchers = await Promise.all(replicas.urls.map(connect));
    elsewhere = await connect(replicas.urls[0]);
    await Promise.all(watchers.map(({ watch }) => watch(uri(cluster))));
    await elsewhere.watch(uri('elsewhere'));
  });
  afterAll(async () => {
    for (const caller of [...(watchers ?? []), elsewhere]) await caller?.close();
  });

  it("hears of a change on either server within 2 s, and of no other cluster's", async () => {
    const changed = performance.now();
    await kubectl('label', 'cluster', cluster, '-n', namespace, 'e2e=heard');
    for (const { notices } of watchers) {
      const heard = await vi.waitFor(() => {
        const notice = notices.find(({ at }) => at >= changed);
        expect(notice).toBeDefined();
        return notice as Notice;
      }, 3_000);
      expect(heard.uri).toBe(uri(cluster));
      expect(heard.at - changed).toBeLessThan(2_000);
    }
    expect(elsewhere.notices).toEqual([]);
  });

  it('hears of what the operator writes into the status within 2 s, at most once a second', async () => {
    const changes = watchStatus('{.status.managedRolesStatus.byStatus}');
    try {
      await until('the watch has begun', 30, async () => changes.seen.length > 0);
      const role = { op: 'add', path: '/spec/managed/roles/-', value: { name: 'third_role' } };
      const before = changes.seen.length;
      await kubectl(
        'patch',
        'cluster',
        cluster,
        '-n',
        namespace,
        '--type=json',
        '-p',
        JSON.stringify([role]),
      );
      await until('the operator has made the role', 60, async () =>
        changes.seen.slice(before).some(({ text }) => /reconciled\S*third_role/.test(text)),
      );
      const last = changes.seen.at(-1) as (typeof changes.seen)[number];
      for (const { notices } of watchers) {
        // kubectl and the server see the change at the same moment, within what it takes to print it.
        await vi.waitFor(() => expect(notices.at(-1)?.at).toBeGreaterThan(last.at - 250), 2_000);
        const gaps = notices.slice(1).map(({ at }, index) => at - (notices[index]?.at ?? 0));
        for (const gap of gaps) expect(gap).toBeGreaterThan(900);
      }
    } finally {
      changes.stop();
    }
    expect(elsewhere.notices).toEqual([]);
  });

  it('hears of its own cluster only', async () => {
    const before = watchers.map(({ notices }) => notices.length);
    await kubectl('label', 'cluster', 'elsewhere', '-n', namespace, 'e2e=heard');
    await vi.waitFor(
      () => expect(elsewhere.notices.map((notice) => notice.uri)).toEqual([uri('elsewhere')]),
      2_000,
    );
    expect(watchers.map(({ notices }) => notices.length)).toEqual(before);
  });
});

/** What kubectl sees of the shared cluster, and when it saw it change. */
function watchStatus(path: string): { seen: { text: string; at: number }[]; stop(): void } {
  const seen: { text: string; at: number }[] = [];
  const { kubectl: program, kubeconfig } = inject('cluster');
  const child = spawn(
    program,
    [
      '--kubeconfig',
      kubeconfig,
      'get',
      'cluster',
      cluster,
      '-n',
      namespace,
      '--watch',
      '-o',
      `jsonpath=${path}{"\\n"}`,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (text !== seen.at(-1)?.text) seen.push({ text, at: performance.now() });
  });
  return { seen, stop: () => void child.kill() };
}

/**
 * One of them did it. The other one says that it did not: its plan no longer holds, or the API server refused its write because
 * the first one's had come before it. That holds without anything that the servers share.
 */
function expectOneDone(answers: Answer[]): void {
  const [done, ...others] = [...answers].sort((a, b) => Number(a.isError) - Number(b.isError));
  expect(done, done?.text).toMatchObject({
    isError: false,
    structured: { state: expect.stringMatching(/^(done|requested)$/) },
  });
  for (const other of others) {
    expect(other, other.text).toMatchObject({ isError: true });
    expect(['confirmation_invalid', 'conflict', 'not_found']).toContain(other.structured.error.code);
  }
}

/** Makes a Database that PostgreSQL drops with its object, and waits until it is there. */
async function makeDatabase(name: string): Promise<void> {
  await apply({
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name: objectOf(name), namespace },
    spec: { cluster: { name: cluster }, name, owner: 'app', databaseReclaimPolicy: 'delete' },
  });
  await until(`database ${name} is there`, 60, () => databaseExists(name));
}

const objectOf = (database: string): string => database.replaceAll('_', '-');

async function databaseExists(name: string): Promise<boolean> {
  const { status } = (await getObject('database', objectOf(name), namespace)) ?? {};
  const rows = await psql(namespace, cluster, `select count(*) from pg_database where datname = '${name}'`);
  // The object must have been applied too: one that never was drops nothing.
  return rows === '1' && status?.applied === true;
}

function mcpHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => name.startsWith('mcp-'));
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
}
