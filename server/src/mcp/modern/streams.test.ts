import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { messagesOf, modernHeaders, modernRequest, revision } from '../../../test/modern-client.ts';
import { type SmallApp, startSmallApp } from '../../../test/small-app.ts';
import { createSmallSurface } from '../../../test/small-surface.ts';
import { ToolError } from '../../errors.ts';
import { localPrincipal } from '../../policy/principal.ts';
import type { ListKind, McpSurface } from '../surface.ts';

let app: SmallApp;
let url: URL;

/** A surface on which the test makes things change. */
function changingSurface(base: McpSurface) {
  const lists = new Set<{ wanted: readonly ListKind[]; changed(what: ListKind): void }>();
  const watched = new Map<string, Set<() => void>>();
  const surface: McpSurface = {
    ...base,
    prompts: { list: async () => [], get: async () => ({ messages: [] }) },
    resources: {
      list: async () => ({ items: [] }),
      templates: async () => [],
      read: async () => [],
      async subscribe(uri, caller, changed) {
        if (uri === 'cnpg://demo/main') changed();
        if (uri === 'cnpg://secret/main') throw new ToolError('policy_denied', 'Not for you.');
        const key = `${caller.principal.id} ${uri}`;
        const told = watched.get(key) ?? new Set();
        watched.set(key, told.add(changed));
        return { end: () => told.delete(changed), allows: () => true };
      },
      onListChanged(_caller, wanted, changed) {
        const listener = { wanted, changed };
        lists.add(listener);
        return { lists: wanted, end: () => lists.delete(listener), allows: () => true };
      },
    },
  };
  return {
    surface,
    listening: () => lists.size + [...watched.values()].reduce((sum, told) => sum + told.size, 0),
    change(what: ListKind) {
      for (const { wanted, changed } of lists) if (wanted.includes(what)) changed(what);
    },
    update(uri: string, principal = 'local') {
      for (const changed of watched.get(`${principal} ${uri}`) ?? []) changed();
    },
  };
}

let world: ReturnType<typeof changingSurface>;
/** Who the next request comes from. */
let principal = localPrincipal;

beforeEach(async () => {
  principal = localPrincipal;
  const small = createSmallSurface();
  world = changingSurface(small.surface);
  const authenticator = { authenticate: async () => ({ accepted: true as const, principal }) };
  app = { ...(await startSmallApp({ surface: world.surface, authenticator })), ...small };
  url = await app.listen();
});
afterEach(() => app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 }));

const send = (request: ReturnType<typeof modernRequest>, signal?: AbortSignal) =>
  fetch(url, {
    method: 'POST',
    headers: modernHeaders(request),
    body: JSON.stringify(request),
    ...(signal && { signal }),
  });

const hold = (meta: Record<string, unknown> = {}) =>
  modernRequest('tools/call', { name: 'hold', arguments: {} }, { meta });

/** Reads a stream message by message. */
async function* messages(response: Response): AsyncGenerator<Record<string, unknown>> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf('\n\n');
    if (end < 0) continue;
    yield* messagesOf(text.slice(0, end));
    text = text.slice(end + 2);
  }
}

const subscription = 'io.modelcontextprotocol/subscriptionId';

describe('progress', () => {
  it('turns the answer into events, with values that grow, and ends with the result', async () => {
    const running = send(hold({ progressToken: 'p' }));
    await app.holding(1);
    app.held[0]?.release();
    const response = await running;
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const all = messagesOf(await response.text());
    const notes = all.slice(0, -1) as {
      method: string;
      params: { progressToken: string; progress: number };
    }[];
    expect(notes.length).toBeGreaterThan(0);
    expect(
      notes.every(
        ({ method, params }) => method === 'notifications/progress' && params.progressToken === 'p',
      ),
    ).toBe(true);
    const values = notes.map(({ params }) => params.progress);
    expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
    expect(all.at(-1)).toMatchObject({
      result: { resultType: 'complete', structuredContent: { ended: true } },
    });
  });

  it('is not sent to a client that did not ask for it', async () => {
    const running = send(hold());
    await app.holding(1);
    app.held[0]?.release();
    const response = await running;
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toMatchObject({ result: { structuredContent: { ended: true } } });
  });
});

describe('a client that goes', () => {
  it.each([
    ['before an answer', {}],
    ['in the middle of a stream', { progressToken: 1 }],
  ])('%s cancels its call', async (_what, meta) => {
    const gone = new AbortController();
    const running = send(hold(meta), gone.signal).catch(() => undefined);
    await app.holding(1);
    const signal = app.held[0]?.context.signal as AbortSignal;
    expect(signal.aborted).toBe(false);
    gone.abort();
    await running;
    await vi.waitFor(() => expect(signal.aborted).toBe(true));
    await vi.waitFor(() => expect(app.audits.at(-1)?.outcome).toBe('cancelled'));
  });
});

describe('a subscription', () => {
  const listen = async (
    notifications: Record<string, unknown>,
    options: { id?: string | number; signal?: AbortSignal } = {},
  ) => {
    const { id, signal } = options;
    const request = modernRequest('subscriptions/listen', { notifications }, id === undefined ? {} : { id });
    const response = await send(request, signal);
    return { response, stream: messages(response), id: request.id };
  };

  it('is acknowledged first, with what it will tell and nothing that it will not', async () => {
    const { stream } = await listen(
      {
        toolsListChanged: true,
        promptsListChanged: false,
        resourceSubscriptions: ['cnpg://demo/main', 'cnpg://secret/main'],
      },
      { id: 'mine' },
    );
    expect((await stream.next()).value).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: {
        notifications: { toolsListChanged: true, resourceSubscriptions: ['cnpg://demo/main'] },
        _meta: {
          [subscription]: 'mine',
          'cnpg-mcp.io/notGranted': [
            {
              notification: 'resourceSubscriptions',
              uri: 'cnpg://secret/main',
              code: 'policy_denied',
              message: 'Not for you.',
            },
          ],
        },
      },
    });
    // The resource changed while the subscription was being made: that is told after the acknowledgement.
    expect((await stream.next()).value).toMatchObject({ params: { uri: 'cnpg://demo/main' } });
  });

  it('tells what was asked for, and nothing else', async () => {
    const { stream, id } = await listen({
      toolsListChanged: true,
      resourceSubscriptions: ['cnpg://demo/app'],
    });
    await stream.next();
    world.change('prompts');
    world.change('resources');
    world.update('cnpg://demo/other');
    world.change('tools');
    world.update('cnpg://demo/app');
    expect((await stream.next()).value).toMatchObject({ method: 'notifications/tools/list_changed' });
    expect((await stream.next()).value).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/resources/updated',
      params: { uri: 'cnpg://demo/app', _meta: { [subscription]: id } },
    });
  });

  it('never reaches the wrong caller', async () => {
    const mine = await listen({ resourceSubscriptions: ['cnpg://demo/app'] }, { id: 'same id' });
    principal = { ...localPrincipal, id: 'somebody else' };
    const theirs = await listen({ resourceSubscriptions: ['cnpg://demo/app'] }, { id: 'same id' });
    await mine.stream.next();
    await theirs.stream.next();
    world.update('cnpg://demo/app', 'somebody else');
    expect((await theirs.stream.next()).value).toMatchObject({ method: 'notifications/resources/updated' });
    await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 1000 });
    expect((await mine.stream.next()).value).toHaveProperty('result');
  });

  it('that can tell nothing ends at once', async () => {
    const { response } = await listen({ resourceSubscriptions: ['cnpg://secret/main'] });
    const all = messagesOf(await response.text());
    expect(all.map((message) => message.method ?? 'result')).toEqual([
      'notifications/subscriptions/acknowledged',
      'result',
    ]);
  });

  it('ends with an empty result when the server stops, without waiting for the grace time', async () => {
    const { stream, id } = await listen({ toolsListChanged: true });
    await stream.next();
    const started = performance.now();
    await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 60_000 });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect((await stream.next()).value).toEqual({
      jsonrpc: '2.0',
      id,
      result: {
        resultType: 'complete',
        _meta: { [subscription]: id, 'io.modelcontextprotocol/serverInfo': expect.anything() },
      },
    });
    expect((await stream.next()).done).toBe(true);
    expect(world.listening()).toBe(0);
  });

  it('stops watching when the client goes', async () => {
    const gone = new AbortController();
    const { stream } = await listen(
      { toolsListChanged: true, resourceSubscriptions: ['cnpg://demo/app'] },
      { signal: gone.signal },
    );
    await stream.next();
    expect(world.listening()).toBe(2);
    gone.abort();
    await vi.waitFor(() => expect(world.listening()).toBe(0));
  });

  it('is one of a few that a caller may keep open', async () => {
    const open = await Promise.all(Array.from({ length: 16 }, () => listen({ toolsListChanged: true })));
    const { response } = await listen({ toolsListChanged: true });
    expect(((await response.json()) as { error: unknown }).error).toMatchObject({
      code: -31000,
      data: { code: 'too_many_requests' },
    });
    principal = { ...localPrincipal, id: 'somebody else' };
    expect((await listen({ toolsListChanged: true })).response.headers.get('content-type')).toBe(
      'text/event-stream',
    );
    expect(open).toHaveLength(16);
  });

  it.each([
    ['nothing to listen to', {}],
    ['a filter that is no object', { notifications: [] }],
    ['URIs that are no list', { notifications: { resourceSubscriptions: 'cnpg://demo/app' } }],
    ['too many URIs', { notifications: { resourceSubscriptions: Array(101).fill('cnpg://demo/app') } }],
  ])('with %s is refused', async (_what, params) => {
    const response = await send(modernRequest('subscriptions/listen', params));
    expect([response.status, ((await response.json()) as { error: { code: number } }).error.code]).toEqual([
      200, -32602,
    ]);
  });

  it('is announced as a capability', async () => {
    const response = await send(modernRequest('server/discover'));
    const { result } = (await response.json()) as {
      result: { capabilities: unknown; supportedVersions: string[] };
    };
    expect(result.supportedVersions).toEqual([revision]);
    expect(result.capabilities).toMatchObject({
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
    });
  });
});
