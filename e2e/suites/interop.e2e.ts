/**
 * Clients of other makers on the real cluster: each lists, calls, fails and confirms a deletion. What each of them speaks and
 * how its person confirms is written down as it was seen: docs/interop.md. After a change: `make e2e`, or this suite with
 * `--update`.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type ClientKind,
  type Connection,
  type Sighting,
  sightingOf,
} from '../clients/connection.ts';
import { inspector } from '../clients/inspector.ts';
import { sdk1OverHttp, sdk1OverStdio, sdk2 } from '../clients/official.ts';
import { fastmcp, goSdk } from '../clients/program.ts';
import { root, serverProgram } from '../scripts/paths.ts';
import { type Front, startFront } from './support/front.ts';
import {
  apply,
  clusterManifest,
  deleteNamespace,
  getObject,
  makeNamespace,
  names,
  psql,
  until,
  untilHealthy,
} from './support/kubernetes.ts';
import { type RunningServer, serverEnv, startServer } from './support/server.ts';

const cluster = 'shared';
/** Clients of the server as it is when nothing is set. */
const plain: ClientKind[] = [
  sdk1OverHttp,
  sdk1OverStdio(() => ({
    command: process.execPath,
    args: [serverProgram, 'stdio'],
    env: serverEnv(),
    stderr: 'ignore',
  })),
  sdk2('legacy (its default)', 'legacy'),
  sdk2('auto', 'auto'),
  sdk2('pinned to 2026-07-28', { pin: '2026-07-28' }),
  fastmcp,
  goSdk,
  inspector('legacy (its default)', 'legacy'),
  inspector('modern', 'modern'),
];
/** Clients of a server that keeps sessions, in which it can ask within a call of an older revision. */
const inSessions: ClientKind[] = [sdk1OverHttp, sdk2('legacy (its default)', 'legacy')];
const clients = [
  ...plain.map((client) => ({ client, over: client.transport as string })),
  ...inSessions.map((client) => ({ client, over: `${client.transport}, sessions` })),
].map((entry, index) => ({ ...entry, index }));
const databaseOf = (index: number): string => `of_client_${index}`;
const objectOf = (index: number): string => `of-client-${index}`;

/** How a deletion was confirmed, as it was seen. */
type Way = 'in a form' | 'with a second call';
interface Finding extends Sighting {
  name: string;
  version: string;
  over: string;
  confirmed: Way;
}
const findings: Finding[] = [];

let namespace: string;
let server: RunningServer;
let sessionServer: RunningServer;

beforeAll(async () => {
  namespace = await makeNamespace('e2e-interop');
  server = await startServer('http');
  sessionServer = await startServer('http', { env: { CNPG_MCP_SESSIONS_ENABLED: 'true' } });
  await apply(clusterManifest(namespace, cluster));
  await untilHealthy(namespace, cluster);
  await apply(...clients.map(({ index }) => databaseManifest(index)));
  await until('the databases are there', 120, async () => (await databases()).length === clients.length);
});
afterAll(async () => {
  await server?.stop();
  await sessionServer?.stop();
  if (namespace) await deleteNamespace(namespace);
});

describe.each(clients)('$client.name over $over', ({ client, over, index }) => {
  const database = databaseOf(index);
  const deletion = () => ({ cluster_name: cluster, namespace, database_name: database });
  let front: Front;
  let connection: Connection;

  // The programs in other languages are installed and built by their first connection.
  beforeAll(async () => {
    const { url } = over.endsWith('sessions') ? sessionServer : server;
    front = await startFront([url as string]);
    connection = await client.connect(front.url);
  });
  afterAll(async () => {
    await connection?.close();
    await front?.close();
  });
  const seen = (): Sighting =>
    client.seen?.() ??
    sightingOf(
      front.passed.map(({ message, headers }) => ({
        message,
        headerRevision: headers['mcp-protocol-version']?.toString(),
      })),
    );

  it('lists the tools', async () => {
    const tools = await connection.list();
    expect(tools).toContain('get_cluster_status');
    expect(tools).toContain('delete_postgres_cluster');
  });

  it('calls one', async () => {
    const answer = await connection.call('get_cluster_status', { name: cluster, namespace });
    expect(answer, answer.text).toMatchObject({
      isError: false,
      structured: { name: cluster, namespace, ready_instances: 1 },
    });
    expect(answer.text).toContain(cluster);
  });

  it('gets an error that it can read', async () => {
    const answer = await connection.call('get_cluster_status', { name: 'nothing', namespace });
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'not_found' } } });
    expect(answer.text).toContain('nothing');
  });

  it('changes nothing when the person declines, or does not type the name', async () => {
    const { uid } = (await getObject('database', objectOf(index), namespace)).metadata;
    const declined = await connection.call('delete_postgres_database', deletion(), { action: 'decline' });
    if (declined.asked.length > 0) {
      expect(declined).toMatchObject({
        isError: true,
        structured: { error: { code: 'confirmation_declined' } },
      });
      const mistyped = await connection.call('delete_postgres_database', deletion(), {
        action: 'accept',
        name: 'another',
      });
      expect(mistyped).toMatchObject({
        isError: true,
        structured: { error: { code: 'confirmation_invalid' } },
      });
    } else {
      const { confirmation } = planned(declined);
      const wrong = { confirm: true, confirm_token: confirmation.confirm_token, confirm_name: 'another' };
      const refused = await connection.call('delete_postgres_database', { ...deletion(), ...wrong });
      expect(refused).toMatchObject({
        isError: true,
        structured: { error: { code: 'confirmation_invalid' } },
      });
    }
    const { metadata } = await getObject('database', objectOf(index), namespace);
    expect(metadata).toMatchObject({ uid });
    expect(metadata).not.toHaveProperty('deletionTimestamp');
    expect(await databases()).toContain(database);
  });

  it('deletes when the person confirms: in a form where it can ask, else with a second call', async () => {
    const reply = { action: 'accept', name: database } as const;
    let answer = await connection.call('delete_postgres_database', deletion(), reply);
    const confirmed: Way = answer.asked.length > 0 ? 'in a form' : 'with a second call';
    if (confirmed === 'in a form') {
      expect(answer.asked).toEqual([expect.stringContaining(`The database ${database} with all its data.`)]);
    } else {
      const { confirm_name, confirm_token } = planned(answer).confirmation;
      const arguments_ = { ...deletion(), confirm: true, confirm_name, confirm_token };
      answer = await connection.call('delete_postgres_database', arguments_);
    }
    expect(answer, answer.text).toMatchObject({ isError: false, structured: { state: 'done' } });
    expect(await getObject('database', objectOf(index), namespace)).toBeUndefined();
    expect(await databases()).not.toContain(database);
    findings.push({ name: client.name, version: connection.version, over, ...seen(), confirmed });
  });
});

it('deletes a whole cluster with its volume after a person has typed its name', async () => {
  const connection = await sdk2('pinned', { pin: '2026-07-28' }).connect(`${server.url}/mcp`);
  const answer = await connection.call(
    'delete_postgres_cluster',
    { name: cluster, namespace },
    { action: 'accept', name: cluster },
  );
  await connection.close();
  expect(answer.asked).toEqual([
    expect.stringContaining(`Delete the PostgreSQL cluster ${namespace}/${cluster}`),
  ]);
  expect(answer, answer.text).toMatchObject({ isError: false });
  expect(await getObject('cluster', cluster, namespace)).toBeUndefined();
  await until('the volume is gone', 120, async () => (await names('pvc', namespace)).length === 0);
});

it('saw what docs/interop.md says', async () => {
  await expect(page(findings)).toMatchFileSnapshot(join(root, 'docs/interop.md'));
});

/** The answer to a first call where nobody can be asked: nothing is done yet. */
function planned(answer: Answer): { confirmation: { confirm_name: string; confirm_token: string } } {
  expect(answer, answer.text).toMatchObject({
    isError: false,
    structured: { state: 'confirmation_required' },
  });
  return answer.structured;
}

function databaseManifest(index: number): object {
  return {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name: objectOf(index), namespace },
    spec: {
      cluster: { name: cluster },
      name: databaseOf(index),
      owner: 'app',
      databaseReclaimPolicy: 'delete',
    },
  };
}

/** Databases of the clients, by PostgreSQL's own account. */
async function databases(): Promise<string[]> {
  const rows = await psql(
    namespace,
    cluster,
    "select datname from pg_database where datname like 'of\\_client\\_%'",
  );
  return rows === '' ? [] : rows.split('\n');
}

function page(rows: readonly Finding[]): string {
  const lines = rows.map(({ name, version, over, revision, showsForms, confirmed }) =>
    [name, version, over, revision, showsForms ? 'yes' : 'no', confirmed].join(' | '),
  );
  return `# Who speaks what

Written by \`e2e/suites/interop.e2e.ts\` from what each client did on a real cluster: it listed the tools, called one, got an
error from one, declined a deletion and confirmed it. Nothing here is taken from anybody's documentation.

| client | version | over | speaks | offers forms | a deletion is confirmed |
| --- | --- | --- | --- | --- | --- |
${lines.map((line) => `| ${line} |`).join('\n')}

- **over**: stdio, or HTTP. *Sessions*: the server was started with \`--sessions-enabled\`, which is off otherwise.
- **speaks**: the protocol revision of its requests to this server.
- **offers forms**: it says that it can put a form to its user.
- **in a form**: the client shows what will be lost, and the person types the name. Over HTTP an older revision than 2026-07-28
  needs a session for that: without one there is no way back to the client within a call.
- **with a second call**: the first answer says what will be lost and changes nothing. Once a person has agreed, the assistant
  repeats the call with the name and the token of that answer.
`;
}
