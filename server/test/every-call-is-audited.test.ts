/**
 * Every `tools/call` that arrives leaves exactly one audit line, whatever is wrong with it: over both generations, with and
 * without a session, and on stdio. A line is an audit record of the call, or the refusal of a request that nobody could read.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { longestLine } from '../src/mcp/line-reader.ts';
import type { RefusalRecord } from '../src/observability/audit.ts';
import { modernHeaders, modernRequest } from './modern-client.ts';
import { namedCallers } from './named-callers.ts';
import { openPipe, type Pipe } from './pipe.ts';
import { request, type SmallApp, startSmallApp, toolCall } from './small-app.ts';
import { createSmallSurface, type SmallSurface } from './small-surface.ts';

/** A message that calls a tool, or tries to; text is sent as it is. */
type Message = Record<string, unknown> | string | unknown[];

const call = (params: unknown, more: object = {}): Message => ({ ...request('tools/call', params), ...more });
const echo = { name: 'echo', arguments: { text: 'a' } };

/** What is wrong, the message, and the tool that the line names. */
const malformed: readonly [what: string, message: Message, tool: string][] = [
  ['arguments that are an array', call({ name: 'echo', arguments: ['a'] }), 'echo'],
  ['arguments that are text', call({ name: 'echo', arguments: 'a' }), 'echo'],
  ['arguments that are null', call({ name: 'echo', arguments: null }), 'echo'],
  ['a name that is a number', call({ name: 7, arguments: {} }), ''],
  ['no name', call({ arguments: {} }), ''],
  ['no parameters', call(undefined), ''],
  ['parameters that are an array', call([echo]), ''],
  ['parameters that are null', call(null), ''],
  ['a _meta that is no object', call({ ...echo, _meta: 'x' }), 'echo'],
  ['an id that is null', call(echo, { id: null }), 'echo'],
  ['an id that is an object', call(echo, { id: {} }), 'echo'],
  ['no id', call(echo, { id: undefined }), 'echo'],
  ['another JSON-RPC', call(echo, { jsonrpc: '1.0' }), 'echo'],
];
const wellFormed: typeof malformed = [
  ['a tool that is not there', call({ name: 'nothing', arguments: {} }), 'nothing'],
  ['an argument that is not there', call({ name: 'echo', arguments: { txt: 'a' } }), 'echo'],
  ['nothing wrong', call(echo), 'echo'],
];
/** Nobody knows what these would have called. */
const unreadable: typeof malformed = [
  ['a batch', [call(echo), call(echo, { id: 2 })], ''],
  ['half a message', '{"jsonrpc":"2.0","id":1,"method":"tools/call"', ''],
  [
    'a key that reaches the prototype',
    '{"jsonrpc":"2.0","method":"tools/call","params":{"__proto__":{}}}',
    '',
  ],
];

const modernMeta = modernRequest('tools/call').params._meta;
/** The same in the newer generation: with its envelope, where there is a place for it. */
function modern(message: Message): Message {
  if (typeof message === 'string') return message;
  if (Array.isArray(message)) return message.map((item) => modern(item as Message));
  const { params } = message;
  if (params === null || typeof params !== 'object' || Array.isArray(params)) return message;
  const given = params as Record<string, unknown>;
  return '_meta' in given ? message : { ...message, params: { ...given, _meta: modernMeta } };
}

describe('over HTTP', () => {
  let app: SmallApp;
  let refusals: RefusalRecord[];
  beforeEach(async () => {
    refusals = [];
    app = await startSmallApp({
      authenticator: namedCallers,
      sessions: { total: 4, perPrincipal: 4, idleSeconds: 60, lifetimeSeconds: 60 },
      auditRefusal: (record) => refusals.push(record),
    });
  });
  afterEach(() => app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 }));

  const alice = { authorization: 'Bearer alice' };
  const lines = () => [
    ...app.audits.map(({ tool, principal }) => ({ tool, principal })),
    ...refusals.map(({ tool = '', principal }) => ({ tool, principal })),
  ];
  const openSession = async (): Promise<Record<string, string>> => {
    const { headers } = await app.post(
      request('initialize', {
        protocolVersion: '2025-11-25',
        capabilities: { elicitation: {} },
        clientInfo: { name: 'test', version: '1' },
      }),
      alice,
    );
    return { ...alice, 'mcp-session-id': String(headers['mcp-session-id']) };
  };
  const headersOf = (tool: string) => ({
    ...alice,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    ...(tool !== '' && { 'mcp-name': tool }),
  });
  const all = [...malformed, ...wellFormed, ...unreadable];

  it.each(all)('2025-11-25, %s', async (_what, message, tool) => {
    await app.post(message, alice);
    expect(lines()).toEqual([{ tool, principal: 'alice' }]);
  });

  it.each(all)('2025-11-25 in a session, %s', async (_what, message, tool) => {
    await app.post(message, await openSession());
    expect(lines()).toEqual([{ tool, principal: 'alice' }]);
  });

  it.each(all)('2026-07-28, %s', async (_what, message, tool) => {
    await app.post(modern(message), headersOf(tool));
    expect(lines()).toEqual([{ tool, principal: 'alice' }]);
  });

  it.each<[string, Record<string, string | undefined>]>([
    ['a name in the header that is another tool', { 'mcp-name': 'drop' }],
    ['no name in the header', { 'mcp-name': undefined }],
    ['a method in the header that is another one', { 'mcp-method': 'tools/list' }],
    ['a revision in the header that is another one', { 'mcp-protocol-version': '2025-11-25' }],
    ['a revision in the header that is not served', { 'mcp-protocol-version': '2099-01-01' }],
  ])('2026-07-28, %s', async (_what, wrong) => {
    const message = modernRequest('tools/call', echo);
    await app.post(message, { ...alice, ...modernHeaders(message), ...wrong });
    expect(lines()).toEqual([{ tool: 'echo', principal: 'alice' }]);
    expect(app.audits).toMatchObject([{ outcome: 'malformed_call', changed: false }]);
  });

  it.each([
    [
      'an envelope that is malformed',
      { ...echo, _meta: { ...modernMeta, 'io.modelcontextprotocol/clientCapabilities': 1 } },
    ],
    ['answers that are none', { ...echo, inputResponses: [], _meta: modernMeta }],
  ])('2026-07-28, %s', async (_what, params) => {
    await app.post(call(params), headersOf('echo'));
    expect(lines()).toEqual([{ tool: 'echo', principal: 'alice' }]);
  });

  it.each<[string, Record<string, string | undefined>, string]>([
    ['a revision that is not served', { 'mcp-protocol-version': '1999-01-01' }, 'echo'],
    ['a session that is not there', { 'mcp-session-id': 'no-such-session' }, 'echo'],
    ['an answer that it does not take', { accept: 'text/html' }, ''],
    ['a body that is no JSON', { 'content-type': 'text/plain' }, ''],
  ])('2025-11-25, %s', async (_what, headers, tool) => {
    await app.post(toolCall('echo', { text: 'a' }), { ...alice, ...headers });
    expect(lines()).toEqual([{ tool, principal: 'alice' }]);
  });

  it('a body that is too large', async () => {
    await app.post(toolCall('echo', { text: 'x'.repeat(300_000) }), alice);
    expect(refusals).toMatchObject([{ rule: 'unreadable', status: 413, principal: 'alice' }]);
    expect(app.audits).toEqual([]);
  });

  it('an id that is in use in its session', async () => {
    const session = await openSession();
    const running = app.post(toolCall('hold', {}), session);
    await app.holding(1);
    expect((await app.post(toolCall('echo', { text: 'a' }), session)).statusCode).toBe(400);
    expect(app.audits).toMatchObject([{ tool: 'echo', outcome: 'malformed_call' }]);
    app.held[0]?.release();
    await running;
    expect(app.audits).toHaveLength(2);
  });

  it('other requests leave none', async () => {
    await app.post(request('tools/list', []), alice);
    await app.post(request('prompts/get', { name: 7 }), alice);
    await app.post(request('nothing'), alice);
    expect(lines()).toEqual([]);
  });
});

describe.each([
  ['2025-11-25', (message: Message) => message],
  ['2026-07-28', modern],
])('on stdio, %s', (_generation, inGeneration) => {
  let small: SmallSurface;
  let pipe: Pipe;
  beforeEach(async () => {
    small = createSmallSurface();
    pipe = await openPipe(small.surface);
  });
  afterEach(() => pipe.connection.close());

  const audited = (count: number) => vi.waitFor(() => expect(small.audits).toHaveLength(count));
  /** Says it, and a good call after it; when that is audited, so is what came before. */
  const linesFor = async (message: Message) => {
    pipe.say(message);
    await audited(1);
    pipe.say(inGeneration(call({ name: 'echo', arguments: { text: 'after' } }, { id: 'after' })));
    await audited(2);
    return small.audits.slice(0, 1).map(({ tool, principal }) => ({ tool, principal }));
  };

  it.each([...malformed, ...wellFormed, ...unreadable])('%s', async (_what, message, tool) => {
    expect(await linesFor(inGeneration(message))).toEqual([{ tool, principal: 'local' }]);
  });

  it('a line without end', async () => {
    expect(await linesFor('x'.repeat(longestLine + 1))).toEqual([{ tool: '', principal: 'local' }]);
  });

  it('an id that is in use', async () => {
    pipe.say(inGeneration(call({ name: 'hold', arguments: {} })));
    await small.holding(1);
    pipe.say(inGeneration(call(echo)));
    await audited(1);
    expect(small.audits).toMatchObject([{ tool: 'echo', outcome: 'malformed_call' }]);
    small.held[0]?.release();
    await audited(2);
  });
});
