/**
 * Two servers with one confirmation key behind one address, and nothing that keeps a client with one of them: what was asked
 * by one is confirmed to the other, once.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { Answer } from '../clients/connection.ts';
import { sdk1OverHttp, sdk2 } from '../clients/official.ts';
import { type Caller, connectCaller, type Notice } from './support/callers.ts';
import { type Front, startFront } from './support/front.ts';
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
import { type RunningServer, startServer } from './support/server.ts';
import { openConfirmation, type Revision, revisions, sendCall } from './support/wire.ts';

const cluster = 'shared';
const roles = ['first_role', 'second_role'];

let namespace: string;
let servers: RunningServer[];
let urls: string[];
let front: Front;

beforeAll(async () => {
  namespace = await makeNamespace('e2e-replicas');
  const env = { CNPG_MCP_CONFIRMATION_KEY: randomBytes(32).toString('base64') };
  servers = await Promise.all([startServer('http', { env }), startServer('http', { env })]);
  urls = servers.map(({ url }) => `${url}/mcp`);
  front = await startFront(servers.map(({ url }) => url as string));
  const managed = { roles: roles.map((name) => ({ name, login: true })) };
  await apply(clusterManifest(namespace, cluster, { managed }));
  await untilHealthy(namespace, cluster);
});
afterAll(async () => {
  await front?.close();
  for (const server of servers ?? []) await server.stop();
  if (namespace) await deleteNamespace(namespace);
});

describe.each([
  { kind: sdk2('2026-07-28', { pin: '2026-07-28' }), database: 'asked_in_a_form' },
  { kind: sdk1OverHttp, database: 'asked_by_a_call' },
])('a deletion asked on one and confirmed on the other, $database', ({ kind, database }) => {
  const deletion = () => ({ cluster_name: cluster, namespace, database_name: database });

  it('happens once, and never again to what bears the name later', async () => {
    await makeDatabase(database);
    const client = await kind.connect(front.url);
    const before = front.passed.length;
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
    const calls = front.passed.slice(before).filter(({ message }) => message.method === 'tools/call');
    expect(calls.map(({ to }) => to).sort()).toEqual([0, 1]);

    await makeDatabase(database);
    const { message, headers } = calls[1] as (typeof calls)[number];
    const again = { message, headers: mcpHeaders(headers) };
    for (const url of urls) {
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
    const { confirm } = await openConfirmation(urls[0] as string, revision, tool, args);
    return Promise.all(urls.map((url) => sendCall(url, confirm)));
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
    await apply(idleCluster(name));
    expectOneDone(await both('delete_postgres_cluster', { name, namespace }));
    expect(await getObject('cluster', name, namespace)).toBeUndefined();
  });
});

const callers = 10;
const callsOfEach = 200;
/** Calls of one caller that are under way at the same time. */
const atOnce = 4;

describe(`${callers * callsOfEach} calls of ${callers} callers at the same time, in both generations`, () => {
  // Every caller has a cluster of its own, and whatever it is sent must be about that one.
  //
  // PRINCIPALS: all callers are the same one, because `serve` takes no tokens yet. Once it does, each caller gets its own
  // (requestInit.headers.authorization in support/callers.ts), and two tests belong here: a confirmation of one is refused
  // to another (`other_principal`), and each one's audit lines name it.
  let all: Caller[];

  beforeAll(async () => {
    const made = Array.from({ length: callers }, (_, index) => index);
    await apply(...made.map((index) => idleCluster(ownCluster(index))));
    all = await Promise.all(
      made.map((index) => connectCaller(revisions[index % 2] as Revision, front.url, ownCluster(index))),
    );
  });
  afterAll(async () => {
    for (const caller of all ?? []) await caller.close();
  });

  it('get their own answers, errors, questions, progress and notices', async () => {
    const watching = all.filter(({ revision }) => revision === '2026-07-28');
    for (const { name, watch } of watching) await watch(`cnpg://${namespace}/${name}`);
    const wrong: unknown[] = [];
    await Promise.all([
      ...all.map((caller) => work(caller, wrong)),
      ...watching.map(({ name }) => kubectl('label', 'cluster', name, '-n', namespace, `of=${name}`)),
    ]);
    expect(wrong).toEqual([]);
    for (const { name, questions, notices } of watching) {
      expect(questions).toHaveLength(callsOfEach / 20);
      for (const question of questions) expect(question).toContain(`${namespace}/${name}.`);
      await vi.waitFor(() => expect(notices).not.toEqual([]), 2_000);
      expect([...new Set(notices.map(({ uri }) => uri))]).toEqual([`cnpg://${namespace}/${name}`]);
    }
    const served = new Set(front.passed.map(({ to }) => to));
    expect([...served].sort()).toEqual([0, 1]);
  });
});

/** The calls of one caller: of twenty, one asks a question, two report progress, four are errors. Collects what is not its own. */
async function work(caller: Caller, wrong: unknown[]): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < callsOfEach) {
      const turn = next;
      next += 1;
      const problem = await oneCall(caller, turn).catch((error: unknown) => String(error));
      if (problem !== undefined) wrong.push({ caller: caller.name, turn, problem });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Makes one call and returns what is wrong with what came of it. */
async function oneCall(caller: Caller, turn: number): Promise<unknown> {
  const { name, revision } = caller;
  switch (turn % 20) {
    case 0: {
      const { structured } = await caller.call('delete_postgres_cluster', { name, namespace });
      if (revision === '2026-07-28')
        return structured.error?.code === 'confirmation_declined' ? undefined : structured;
      return structured.confirmation?.confirm_name === name ? undefined : structured;
    }
    case 5: {
      const database = `${name}-${turn}`;
      const args = { cluster_name: name, namespace, database_name: database, owner: 'app' };
      const made = await reported(caller, 'create_postgres_database', args, database);
      return made ?? reported(caller, 'delete_postgres_database', { ...args, owner: undefined }, database);
    }
    case 3:
    case 8:
    case 13:
    case 18: {
      const missing = `${name}-${turn}-missing`;
      const { structured } = await caller.call('get_cluster_status', { name: missing, namespace });
      const { code, message } = structured.error ?? {};
      return code === 'not_found' && message.includes(` ${missing} `) ? undefined : structured;
    }
    default: {
      const { structured } = await caller.call('get_cluster_status', { name, namespace });
      return structured.name === name ? undefined : structured;
    }
  }
}

/** Calls a tool that reports progress; all of it must speak of `about`. */
async function reported(
  caller: Caller,
  tool: string,
  args: Record<string, unknown>,
  about: string,
): Promise<unknown> {
  const progress: string[] = [];
  const answer = await caller.call(tool, args, (message) => progress.push(message));
  const right =
    !answer.isError && progress.length > 0 && progress.every((message) => message.includes(about));
  return right ? undefined : { answer, progress };
}

const ownCluster = (index: number): string => `own-${index}`;

describe('who watches a cluster', () => {
  const uri = (name: string): string => `cnpg://${namespace}/${name}`;
  let watchers: Caller[];
  let elsewhere: Caller;

  beforeAll(async () => {
    await apply(idleCluster('elsewhere'));
    const connect = (url: string) => connectCaller('2026-07-28', url, 'watcher');
    watchers = await Promise.all(urls.map(connect));
    elsewhere = await connect(urls[0] as string);
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

/** One of them did it, the other one says that it did not. */
function expectOneDone(answers: Answer[]): void {
  const [done, ...others] = [...answers].sort((a, b) => Number(a.isError) - Number(b.isError));
  expect(done, done?.text).toMatchObject({
    isError: false,
    structured: { state: expect.stringMatching(/^(done|requested)$/) },
  });
  for (const other of others) expect(other, other.text).toMatchObject({ isError: true });
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

/** A cluster that the operator leaves alone: an object without instances. */
function idleCluster(name: string): object {
  const manifest = clusterManifest(namespace, name) as { metadata: object };
  const annotations = { 'cnpg.io/reconciliationLoop': 'disabled' };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
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
