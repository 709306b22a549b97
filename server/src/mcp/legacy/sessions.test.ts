/** Sessions over HTTP, as a client and as a stranger see them. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitRequestSchema, type ElicitResult } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { namedCallers, noCallerLimits } from '../../../test/named-callers.ts';
import { request, type SmallApp, startSmallApp, toolCall } from '../../../test/small-app.ts';
import type { AppOptions } from '../../app.ts';
import type { RefusalRecord } from '../../observability/audit.ts';

const limits = { total: 4, perPrincipal: 3, idleSeconds: 1800, lifetimeSeconds: 28_800 };
const clients: Client[] = [];
let app: SmallApp;
let url: URL;
let refusals: RefusalRecord[];

async function start(options: Partial<AppOptions> = {}): Promise<void> {
  refusals = [];
  app = await startSmallApp({
    sessions: limits,
    authenticator: namedCallers,
    auditRefusal: (record) => refusals.push(record),
    ...options,
  });
  url = await app.listen();
}

beforeEach(() => start());
afterEach(async () => {
  vi.useRealTimers();
  for (const client of clients.splice(0)) await client.close();
  await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 });
});

type Person = (message: string) => ElicitResult | Promise<ElicitResult>;

/** Connects a client whose user answers questions; without one it cannot ask. */
async function connect(name: string, person?: Person) {
  const client = new Client(
    { name: 'test', version: '1' },
    { capabilities: person ? { elicitation: {} } : {} },
  );
  if (person) client.setRequestHandler(ElicitRequestSchema, ({ params }) => person(params.message));
  const transport = new StreamableHTTPClientTransport(url, {
    requestInit: { headers: { authorization: `Bearer ${name}` } },
  });
  await client.connect(transport as Transport);
  clients.push(client);
  return { client, transport, sessionId: transport.sessionId };
}

const typed =
  (name: string): Person =>
  () => ({ action: 'accept', content: { name } });
const drop = (client: Client, name: string) => client.callTool({ name: 'drop', arguments: { name } });

const handshake = (capabilities: object = { elicitation: {} }) =>
  request('initialize', {
    protocolVersion: '2025-11-25',
    capabilities,
    clientInfo: { name: 'raw', version: '1' },
  });

/** Sends a request by hand. */
function send(who: string, body: object | undefined, headers: Record<string, string> = {}, method = 'POST') {
  return fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${who}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  });
}

async function open(who: string): Promise<string> {
  const response = await send(who, handshake());
  expect(response.status).toBe(200);
  await response.text();
  return response.headers.get('mcp-session-id') as string;
}

const statusOf = async (who: string, id: string): Promise<number> => {
  const response = await send(who, request('ping'), { 'mcp-session-id': id });
  await response.text();
  return response.status;
};

describe('a client that can ask its user', () => {
  it('gets a session, and its user confirms by typing the name', async () => {
    const person = vi.fn(typed('orders'));
    const { client, sessionId } = await connect('alice', person);
    expect(sessionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect((await drop(client, 'orders')).isError).not.toBe(true);
    expect(app.dropped).toEqual(['orders']);
    expect(person.mock.calls[0]?.[0]).toContain('Everything in orders.');
  });

  it.each<[string, Person]>([
    ['another name is typed', typed('order')],
    ['the person declines', () => ({ action: 'decline' })],
    ['the question is closed', () => ({ action: 'cancel' })],
    ['the client fails', () => Promise.reject(new Error('no window'))],
  ])('changes nothing when %s', async (_what, person) => {
    const { client } = await connect('alice', person);
    expect((await drop(client, 'orders')).isError).toBe(true);
    expect(app.dropped).toEqual([]);
  });

  it('changes nothing when the answer comes with fewer rights than the call', async () => {
    const session = { 'mcp-session-id': await open('alice') };
    const call = await send('alice', toolCall('drop', { name: 'orders' }), session);
    const reader = (call.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const readUntil = async (what: string): Promise<void> => {
      while (!text.includes(what)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`The stream ended without ${what}: ${text}`);
        text += value;
      }
    };
    await readUntil('requestedSchema');
    const { id } = JSON.parse(/data: (.*elicitation.*)/.exec(text)?.[1] ?? '{}') as { id: number };
    const answer = { jsonrpc: '2.0', id, result: { action: 'accept', content: { name: 'orders' } } };
    const given = await send('alice', answer, { ...session, 'x-cnpg-mcp-read-only': 'true' });
    expect(given.status).toBe(202);
    await readUntil('policy_denied');
    expect(app.dropped).toEqual([]);
  });

  it('sees progress on its POST, and can cancel', async () => {
    const { client } = await connect('alice', typed(''));
    const cancel = new AbortController();
    const progress: number[] = [];
    const call = client.callTool({ name: 'hold', arguments: {} }, undefined, {
      signal: cancel.signal,
      onprogress: (note) => progress.push(note.progress),
    });
    await app.holding(1);
    await vi.waitFor(() => expect(progress.length).toBeGreaterThan(0));
    cancel.abort();
    await expect(call).rejects.toThrow();
    await vi.waitFor(() => expect(app.held[0]?.context.signal.aborted).toBe(true));
  });

  it('breaks off the work of a POST whose connection is gone', async () => {
    const id = await open('alice');
    const gone = new AbortController();
    const call = fetch(url, {
      method: 'POST',
      signal: gone.signal,
      headers: {
        authorization: 'Bearer alice',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': id,
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({ ...toolCall('hold', {}), id: 0 }),
    });
    await app.holding(1);
    gone.abort();
    await expect(call).rejects.toThrow();
    await vi.waitFor(() => expect(app.held[0]?.context.signal.aborted).toBe(true));
  });
});

describe('a client that cannot ask its user', () => {
  it('gets no session and confirms with a second call, beside those that have one', async () => {
    await connect('alice', typed(''));
    const { client, sessionId } = await connect('bob');
    expect(sessionId).toBeUndefined();
    const first = await drop(client, 'orders');
    const { confirmation } = first.structuredContent as { confirmation: Record<string, string> };
    const { confirm_name, confirm_token } = confirmation;
    const args = { name: 'orders', confirm: true, confirm_name, confirm_token };
    await client.callTool({ name: 'drop', arguments: args });
    expect(app.dropped).toEqual(['orders']);
  });

  it.each(['GET', 'DELETE', 'PUT'])(
    'is told that %s is not for it, and what others may use',
    async (method) => {
      const response = await send('alice', undefined, {}, method);
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, POST, DELETE');
      expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('session') } });
    },
  );
});

describe('a session', () => {
  it('is unknown to everybody but its owner and the client that opened it', async () => {
    const id = await open('alice/editor');
    expect(await statusOf('alice/editor', id)).toBe(200);
    for (const thief of ['bob/editor', 'alice/other', 'alice']) {
      expect(await statusOf(thief, id)).toBe(404);
      for (const method of ['GET', 'DELETE']) {
        expect((await send(thief, undefined, { 'mcp-session-id': id }, method)).status).toBe(404);
      }
    }
    expect(await statusOf('alice/editor', id)).toBe(200);
    expect(refusals.every(({ rule, status }) => rule === 'session' && status === 404)).toBe(true);
    expect(refusals).toHaveLength(9);
  });

  it('is answered 404 when it never was, and after its client has ended it', async () => {
    expect(await statusOf('alice', 'ffffffff-ffff-4fff-bfff-ffffffffffff')).toBe(404);
    const id = await open('alice');
    expect((await send('alice', undefined, { 'mcp-session-id': id }, 'DELETE')).status).toBe(200);
    expect(await statusOf('alice', id)).toBe(404);
  });

  it('is not opened twice', async () => {
    const id = await open('alice');
    expect((await send('alice', handshake(), { 'mcp-session-id': id })).status).toBe(400);
  });

  it('does not let two requests under way share an id', async () => {
    const id = await open('alice');
    const first = send('alice', { ...toolCall('hold', {}), id: 7 }, { 'mcp-session-id': id });
    await app.holding(1);
    const second = await send('alice', { ...request('ping'), id: 7 }, { 'mcp-session-id': id });
    expect(second.status).toBe(400);
    app.held[0]?.release();
    expect(await (await first).json()).toMatchObject({
      id: 7,
      result: { structuredContent: { ended: true } },
    });
  });

  it('has one stream: a client that opens another one has lost the one before', async () => {
    const id = await open('alice');
    const listen = () =>
      send('alice', undefined, { 'mcp-session-id': id, accept: 'text/event-stream' }, 'GET');
    const first = await listen();
    expect(first.headers.get('content-type')).toBe('text/event-stream');
    const second = await listen();
    expect(await first.text()).toContain(': keep-alive');
    await second.body?.cancel();
  });

  it('speaks no revision that is not served, whatever is asked of it', async () => {
    const session = { 'mcp-session-id': await open('alice'), 'mcp-protocol-version': '1999-01-01' };
    for (const method of ['GET', 'DELETE']) {
      expect((await send('alice', undefined, session, method)).status, method).toBe(400);
    }
    const still = { ...session, 'mcp-protocol-version': '2025-11-25' };
    expect((await send('alice', request('ping'), still)).status).toBe(200);
  });

  it('wants a client that can read a stream', async () => {
    const id = await open('alice');
    const headers = { 'mcp-session-id': id, accept: 'application/json' };
    expect((await send('alice', undefined, headers, 'GET')).status).toBe(406);
  });
});

describe('the number of sessions', () => {
  it('is bounded for one caller, and the answer says when to try again', async () => {
    const ids = [await open('alice'), await open('alice'), await open('alice')];
    const refused = await send('alice', handshake());
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await open('bob');
    await (await send('alice', undefined, { 'mcp-session-id': ids[0] as string }, 'DELETE')).text();
    await open('alice');
  });

  it('is bounded for all together, and calls without a session still work', async () => {
    for (const who of ['a', 'b', 'c', 'd']) await open(who);
    const refused = await send('e', handshake());
    expect(refused.status).toBe(503);
    expect(refused.headers.has('retry-after')).toBe(true);
    expect((await send('e', handshake({}))).status).toBe(200);
    expect((await send('e', toolCall('echo', { text: 'hi' }))).status).toBe(200);
    expect((await app.app.management.inject('/metrics')).body).toContain('cnpg_mcp_sessions 4');
  });
});

describe('the end of a session', () => {
  const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
  beforeEach(async () => {
    await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 });
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    await start();
  });

  it('comes when it is not used for a while', async () => {
    const [used, idle] = [await open('alice'), await open('alice')];
    for (let step = 0; step < 3; step += 1) {
      later(1_000);
      vi.advanceTimersByTime(1_000_000);
      expect(await statusOf('alice', used)).toBe(200);
    }
    expect(await statusOf('alice', idle)).toBe(404);
  });

  it('does not come while a stream waits or a call runs, but at last it does', async () => {
    const id = await open('alice');
    const headers = { 'mcp-session-id': id, accept: 'text/event-stream' };
    const stream = await send('alice', undefined, headers, 'GET');
    vi.advanceTimersByTime(limits.idleSeconds * 2_000);
    expect(await statusOf('alice', id)).toBe(200);
    vi.advanceTimersByTime(limits.lifetimeSeconds * 1000);
    expect(await statusOf('alice', id)).toBe(404);
    expect(await stream.text()).toContain('keep-alive');
  });

  it('leaves room for others', async () => {
    for (const who of ['a', 'b', 'c', 'd']) await open(who);
    expect((await send('e', handshake())).status).toBe(503);
    vi.advanceTimersByTime(limits.idleSeconds * 1000);
    await open('e');
  });
});

describe('the end of the server', () => {
  it('ends every stream cleanly, lets a person answer who is asked, and opens nothing new', async () => {
    let answer: (result: ElicitResult) => void = () => undefined;
    const asked = vi.fn(() => new Promise<ElicitResult>((resolve) => (answer = resolve)));
    const { client } = await connect('alice', asked);
    const id = await open('alice');
    const headers = { 'mcp-session-id': id, accept: 'text/event-stream' };
    const stream = await send('alice', undefined, headers, 'GET');
    const call = drop(client, 'orders');
    await vi.waitFor(() => expect(asked).toHaveBeenCalled());
    const drained = app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 10_000 });
    expect(await stream.text()).toContain('keep-alive');
    expect((await send('bob', handshake())).status).toBe(503);
    answer({ action: 'accept', content: { name: 'orders' } });
    await call;
    expect(app.dropped).toEqual(['orders']);
    await drained;
    await expect(fetch(url)).rejects.toThrow();
  });

  it('does not wait for a person for ever, and nothing is changed then', async () => {
    const { client } = await connect('alice', () => new Promise(() => undefined));
    const call = drop(client, 'orders');
    await vi.waitFor(() =>
      expect(app.audits.map(({ outcome }) => outcome)).toEqual(['confirmation_required']),
    );
    await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 10 });
    await expect(call).rejects.toThrow();
    expect(app.dropped).toEqual([]);
  });
});

describe('two callers', () => {
  it('never see each other in 2,000 interleaved calls with questions', async () => {
    await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 });
    await start({ limits: { inFlight: 5_000, ...noCallerLimits } });
    const wrong: string[] = [];
    const people = await Promise.all(
      ['alice', 'bob'].map(async (who) => {
        const asked = new Set<string>();
        const { client } = await connect(who, (message) => {
          const name = /(\w+)-thing-\d+/.exec(message)?.[0] ?? '';
          if (!name.startsWith(`${who}-`)) wrong.push(`${who} was asked about ${name || message}`);
          asked.add(name);
          return { action: 'accept', content: { name } };
        });
        return { who, client, asked };
      }),
    );
    const rounds = 250;
    for (let start = 0; start < rounds; start += 25) {
      await Promise.all(
        people.flatMap(({ who, client }) =>
          Array.from({ length: 25 }, (_, index) => start + index).flatMap((round) => [
            ...[1, 2, 3].map(async (part) => {
              const text = `${who} ${round} ${part}`;
              const { structuredContent } = await client.callTool({ name: 'echo', arguments: { text } });
              const given = (structuredContent as { text: string }).text;
              if (given !== text) wrong.push(`${who} got ${given} instead of ${text}`);
            }),
            drop(client, `${who}-thing-${round}`).then(({ isError, structuredContent }) => {
              const name = (structuredContent as { result?: { name: string } }).result?.name;
              if (isError || name !== `${who}-thing-${round}`) wrong.push(`${who} ${round}: ${name}`);
            }),
          ]),
        ),
      );
    }
    expect(wrong).toEqual([]);
    expect(people.map(({ asked }) => asked.size)).toEqual([rounds, rounds]);
    expect(app.dropped).toHaveLength(2 * rounds);
  }, 60_000);
});
