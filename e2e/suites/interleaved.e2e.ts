/** Many calls of many callers through both generations and two servers: nothing that one is sent belongs to another. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Caller, connectCaller } from './support/callers.ts';
import { apply, deleteNamespace, getObject, kubectl, makeNamespace } from './support/kubernetes.ts';
import { idleCluster, type Replicas, startReplicas } from './support/replicas.ts';
import type { RunningServer } from './support/server.ts';
import { by, openConfirmation, type Revision, revisions, sendCall } from './support/wire.ts';

let namespace: string;
const callers = 10;
const callsOfEach = 200;
/** Calls of one caller that are under way at the same time. */
const atOnce = 4;

describe(`${callers * callsOfEach} calls of ${callers} principals at the same time, in both generations`, () => {
  // Every caller has a cluster of its own, and whatever it is sent must be about that one.
  const tokens = Array.from({ length: callers }, () => randomBytes(32).toString('base64url'));
  let folder: string;
  let replicas: Replicas;
  let all: Caller[];

  beforeAll(async () => {
    namespace = await makeNamespace('e2e-interleaved');
    folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-e2e-'));
    const tokensFile = join(folder, 'tokens.json');
    await writeFile(tokensFile, JSON.stringify({ tokens: tokens.map(entryOf) }));
    replicas = await startReplicas({
      env: { CNPG_MCP_AUTH_TOKENS_FILE: tokensFile },
      token: tokens[0] ?? '',
    });
    await apply(...tokens.map((_token, index) => idleCluster(namespace, ownCluster(index))));
    all = await Promise.all(
      tokens.map((one, index) =>
        connectCaller(generationOf(index), replicas.front.url, ownCluster(index), one),
      ),
    );
  });
  afterAll(async () => {
    for (const caller of all ?? []) await caller.close();
    await replicas?.stop();
    if (folder) await rm(folder, { recursive: true });
    if (namespace) await deleteNamespace(namespace);
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
  });

  it('stand in the audit log of both servers under their own names', () => {
    for (const server of replicas.servers) {
      const lines = auditLines(server);
      expect(lines.length).toBeGreaterThan((callers * callsOfEach) / 4);
      for (const { principal, object } of lines) {
        const [, name] = principal.split(':');
        expect(object).toMatch(new RegExp(`^${name}(-|$)`));
      }
      expect(new Set(lines.map(({ principal }) => principal)).size).toBe(callers);
    }
  });

  it.each(revisions)("cannot use another's confirmation, in %s", async (revision) => {
    const [own = '', others = ''] = tokens;
    const [here, there] = replicas.urls;
    const name = ownCluster(0);
    const args = { name, namespace };
    const { confirm } = await openConfirmation(here, revision, 'delete_postgres_cluster', args, own);
    for (const url of [here, there]) {
      const answer = await sendCall(url, by(others, confirm));
      expect(answer).toMatchObject({
        isError: true,
        structured: { error: { code: 'confirmation_invalid' } },
      });
      expect(answer.text).toContain('given to somebody else');
    }
    expect((await getObject('cluster', name, namespace)).metadata).not.toHaveProperty('deletionTimestamp');
  });
});

const generationOf = (index: number): Revision => revisions[index % 2] as Revision;
const ownCluster = (index: number): string => `own-${index}`;

/** An entry of the tokens file: the token itself is not in it. */
function entryOf(token: string, index: number): object {
  const sha256 = createHash('sha256').update(token).digest('hex');
  return { name: ownCluster(index), sha256, grants: [{ effect: 'destroy', namespaces: [namespace] }] };
}

interface AuditLine {
  type: string;
  principal: string;
  object: string;
}

function auditLines(server: RunningServer): AuditLine[] {
  const lines = server
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{"type":"audit"'));
  return lines.map((line) => JSON.parse(line) as AuditLine);
}

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
