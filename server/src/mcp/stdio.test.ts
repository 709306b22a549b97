import { once } from 'node:events';
import type { ElicitRequest, Progress } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';
import { openPipe, type Pipe } from '../../test/pipe.ts';
import { request, toolCall } from '../../test/small-app.ts';
import { createSmallSurface, type SmallSurface } from '../../test/small-surface.ts';
import { longestLine } from './line-reader.ts';

async function open(options: { graceMilliseconds?: number } = {}): Promise<Pipe & SmallSurface> {
  const small = createSmallSurface();
  return { ...small, ...(await openPipe(small.surface, options)) };
}

describe('bad input on stdio', () => {
  it.each([
    ['half a message', '{"jsonrpc":', -32700],
    ['a batch', [request('ping')], -32600],
    ['just a number', '5', -32600],
    ['a prototype key', '{"__proto__":{}}', -32600],
    ['deep nesting', `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`, -32600],
    ['a line without end', 'x'.repeat(longestLine + 1), -32600],
    ['no message', {}, -32600],
    ['a method that is no name', request(1 as never), -32600],
    ['params that are an array', request('ping', []), -32602],
    ['an unknown method', request('nope'), -32601],
    ['an unknown tool', toolCall('nope', {}), -32602],
    ['arguments that are text', request('tools/call', { name: 'echo', arguments: 'x' }), -32602],
    ['a log level that is none', request('logging/setLevel', { level: 'loud' }), -32602],
  ])('%s gets an error, and the connection lives on', async (_what, line, code) => {
    const pipe = await open();
    pipe.say(line, request('ping', undefined, 'after'));
    const messages = await pipe.heard(2);
    expect(messages).toContainEqual(expect.objectContaining({ error: expect.objectContaining({ code }) }));
    expect(messages).toContainEqual(expect.objectContaining({ id: 'after', result: {} }));
    await pipe.connection.close();
  });

  it.each([
    ['a prototype key', '{"__proto__":"x"}'],
    ['deep nesting', `${'['.repeat(100)}${']'.repeat(100)}`],
  ])('a request with %s hears why under its own id, and does not wait forever', async (_what, args) => {
    const pipe = await open();
    pipe.say(`{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{"arguments":${args}}}`);
    expect(await pipe.heard(1)).toMatchObject([{ id: 'mine', error: { code: -32600 } }]);
    await pipe.connection.close();
  });

  it('a response with a prototype key is not answered under its id, which is the one of a question', async () => {
    const pipe = await open();
    pipe.say('{"jsonrpc":"2.0","id":1,"result":{"__proto__":{}}}');
    expect(await pipe.heard(1)).toMatchObject([{ id: null, error: { code: -32600 } }]);
    await pipe.connection.close();
  });

  it('ignores responses and notifications that belong to nothing', async () => {
    const pipe = await open();
    pipe.say(
      { jsonrpc: '2.0', id: 99, result: {} },
      { jsonrpc: '2.0', method: 'notifications/x' },
      request('ping'),
    );
    expect(await pipe.heard(1)).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }]);
    await pipe.connection.close();
  });

  it('ignores a wish for a task, as a server without tasks must', async () => {
    const pipe = await open();
    const related = { 'io.modelcontextprotocol/related-task': { taskId: 't' } };
    const params = { name: 'echo', arguments: { text: 'hi' }, task: { ttl: 5 }, _meta: related };
    pipe.say(request('tools/call', params));
    expect(await pipe.heard(1)).toMatchObject([{ id: 1, result: { structuredContent: { text: 'hi' } } }]);
    await pipe.connection.close();
  });

  it('does not take an id that is in use', async () => {
    const pipe = await open();
    pipe.say(toolCall('hold', {}), toolCall('echo', { text: 'x' }));
    expect(await pipe.heard(1)).toMatchObject([{ id: null, error: { code: -32600 } }]);
    pipe.held[0]?.release();
    expect((await pipe.heard(2))[1]).toMatchObject({ id: 1, result: { structuredContent: { ended: true } } });
    await pipe.connection.close();
  });
});

describe('a client that can ask its user', () => {
  const drop = { name: 'drop', arguments: { name: 'orders' } };

  it('shows what would be lost; the typed name confirms, in one call', async () => {
    const pipe = await open();
    const asked: ElicitRequest['params'][] = [];
    const client = await pipe.connect({ elicitation: {} }, ({ params }) => {
      asked.push(params);
      return { action: 'accept', content: { name: 'orders' } };
    });
    const result = await client.callTool(drop);
    expect(result).toMatchObject({ structuredContent: { state: 'done', result: { name: 'orders' } } });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.message).toContain('Everything in orders.');
    expect(asked[0]).toMatchObject({ requestedSchema: { required: ['name'] } });
    expect(pipe.dropped).toEqual(['orders']);
    await client.close();
  });

  it.each([
    ['declines', { action: 'decline' }, 'confirmation_declined'],
    ['closes the question', { action: 'cancel' }, 'confirmation_declined'],
    ['types another name', { action: 'accept', content: { name: 'order' } }, 'confirmation_invalid'],
  ] as const)('changes nothing when the person %s', async (_what, answer, code) => {
    const pipe = await open();
    const client = await pipe.connect({ elicitation: {} }, () => answer);
    const result = await client.callTool(drop);
    expect(result).toMatchObject({ isError: true, structuredContent: { error: { code } } });
    expect(pipe.dropped).toEqual([]);
    await client.close();
  });

  it('counts as closed when it fails to ask', async () => {
    const pipe = await open();
    const client = await pipe.connect({ elicitation: {} }, () => {
      throw new Error('The dialog broke.');
    });
    const result = await client.callTool(drop);
    expect(result).toMatchObject({ structuredContent: { error: { code: 'confirmation_declined' } } });
    expect(pipe.dropped).toEqual([]);
    await client.close();
  });
});

describe('a client that cannot ask its user', () => {
  it.each([
    ['without elicitation', {}],
    ['with elicitation by URL only', { elicitation: { url: {} } }],
  ])('%s confirms in two calls', async (_what, capabilities) => {
    const pipe = await open();
    const client = await pipe.connect(capabilities);
    const first = await client.callTool({ name: 'drop', arguments: { name: 'orders' } });
    expect(first).toMatchObject({ structuredContent: { state: 'confirmation_required' } });
    expect(pipe.dropped).toEqual([]);
    await client.close();
  });
});

describe('a long call', () => {
  it('reports progress', async () => {
    const pipe = await open();
    const client = await pipe.connect();
    const notes: Progress[] = [];
    const answer = client.callTool({ name: 'hold' }, undefined, { onprogress: (note) => notes.push(note) });
    await pipe.holding(1);
    pipe.held[0]?.release();
    await answer;
    expect(notes[0]).toMatchObject({ progress: 1, total: 3, message: 'one' });
    await client.close();
  });

  it('reports nothing once it is answered', async () => {
    const pipe = await open();
    pipe.say(toolCall('hold', {}, { progressToken: 'p' }));
    await pipe.holding(1);
    pipe.held[0]?.release();
    await expect.poll(async () => (await pipe.heard(1)).at(-1)).toMatchObject({ id: 1 });
    pipe.held[0]?.context.progress('too late');
    // Longer than progress is held back.
    await new Promise((resolve) => setTimeout(resolve, 300));
    pipe.say(request('ping', undefined, 'after'));
    await expect.poll(async () => (await pipe.heard(1)).at(-1)).toMatchObject({ id: 'after' });
    expect(JSON.stringify(await pipe.heard(1))).not.toContain('too late');
    await pipe.connection.close();
  });

  it('can be cancelled, and then there is no answer', async () => {
    const pipe = await open();
    const client = await pipe.connect();
    const cancel = new AbortController();
    const answer = client.callTool({ name: 'hold' }, undefined, { signal: cancel.signal });
    await pipe.holding(1);
    cancel.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => pipe.audits[0]?.outcome).toBe('cancelled');
    expect(pipe.held[0]?.context.signal.aborted).toBe(true);
    expect(pipe.operations).toContainEqual(expect.objectContaining({ tool: 'hold', errorType: 'cancelled' }));
    expect(await client.callTool({ name: 'echo', arguments: { text: 'a' } })).toBeTruthy();
    await client.close();
  });
});

describe('the end of the input', () => {
  it('ends the connection after what runs is answered', async () => {
    const pipe = await open({ graceMilliseconds: 10_000 });
    pipe.say(toolCall('hold', {}));
    await pipe.holding(1);
    const ended = once(pipe.input, 'end');
    pipe.input.end();
    await ended;
    pipe.held[0]?.release();
    await pipe.connection.closed;
    expect(await pipe.heard(1)).toMatchObject([{ id: 1, result: { structuredContent: { ended: true } } }]);
  });

  it('cancels what does not end soon', async () => {
    const pipe = await open({ graceMilliseconds: 10 });
    pipe.say(toolCall('hold', {}));
    await pipe.holding(1);
    pipe.input.end();
    await pipe.connection.closed;
    expect(pipe.held[0]?.context.signal.aborted).toBe(true);
  });
});

describe('the records', () => {
  it('name the method, the tool and the agreed version', async () => {
    const pipe = await open();
    const client = await pipe.connect();
    await client.callTool({ name: 'echo', arguments: { text: 'a' } });
    expect(pipe.operations).toMatchObject([
      { method: 'initialize', transport: 'stdio', protocolVersion: '2025-11-25' },
      { method: 'tools/call', tool: 'echo', transport: 'stdio', protocolVersion: '2025-11-25' },
    ]);
    await client.close();
  });
});
