/** The official client of the older generation against the production application, over a real port. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SmallApp, startSmallApp } from '../../../test/small-app.ts';

let small: SmallApp;
let url: URL;
const clients: Client[] = [];

async function connect(): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } });
  await client.connect(new StreamableHTTPClientTransport(url) as never);
  clients.push(client);
  return client;
}

beforeAll(async () => {
  small = await startSmallApp();
  url = await small.listen();
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([small.app.main.close(), small.app.management.close()]);
});

describe('the official client', () => {
  it('connects, learns the instructions and lists the tools with all their hints', async () => {
    const client = await connect();
    expect(client.getInstructions()).toContain('«data');
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['drop', 'echo', 'fail', 'hold']);
    expect(tools[0]?.annotations).toMatchObject({
      readOnlyHint: false,
      destructiveHint: true,
      openWorldHint: false,
    });
    await client.ping();
    await client.setLoggingLevel('warning');
  });

  it('accepts an answer to which the API server added keys, because they are gone', async () => {
    const client = await connect();
    await client.listTools();
    const { structuredContent } = await client.callTool({ name: 'echo', arguments: { text: 'hi' } });
    expect(structuredContent).toEqual({ text: 'hi', inner: { length: 2 } });
  });

  it('gets the code of a failed tool, although it checks that against the output schema as well', async () => {
    const client = await connect();
    await client.listTools();
    const failed = await client.callTool({ name: 'fail', arguments: { how: 'not_found' } });
    expect(failed).toMatchObject({ isError: true, structuredContent: { error: { code: 'not_found' } } });
  });

  it('learns which fields an answer has, and that it may have more', async () => {
    const client = await connect();
    const { tools } = await client.listTools();
    expect(tools.find(({ name }) => name === 'echo')?.outputSchema).toEqual({
      type: 'object',
      properties: { text: { type: 'string' }, inner: { type: 'object' } },
    });
  });

  it('sees an unknown tool as an error of the protocol', async () => {
    const client = await connect();
    await expect(client.callTool({ name: 'nope' })).rejects.toMatchObject({ code: -32602 });
  });

  it('gets progress that only ever rises, and the answer after it', async () => {
    const client = await connect();
    const notes: Progress[] = [];
    const before = small.held.length;
    const answer = client.callTool({ name: 'hold' }, undefined, { onprogress: (note) => notes.push(note) });
    await small.holding(before + 1);
    await expect.poll(() => notes.length).toBe(2);
    small.held[before]?.release();
    expect((await answer).structuredContent).toEqual({ ended: true });
    expect(notes).toMatchObject([
      { progress: 1, total: 3, message: 'one' },
      { progress: expect.closeTo(1.01), total: 3, message: 'back to one' },
    ]);
  });

  it('ends a call by closing its connection', async () => {
    const client = await connect();
    const before = small.held.length;
    const answer = client.callTool({ name: 'hold' });
    await small.holding(before + 1);
    const signal = small.held[before]?.context.signal as AbortSignal;
    const cancelled = new Promise((resolve) => signal.addEventListener('abort', resolve));
    await Promise.all([expect(answer).rejects.toThrow(), client.close(), cancelled]);
  });

  it('confirms in two calls, because nobody can be asked in the middle of a POST', async () => {
    const client = await connect();
    await client.listTools();
    const first = await client.callTool({ name: 'drop', arguments: { name: 'orders' } });
    expect(first).toMatchObject({ structuredContent: { state: 'confirmation_required' } });
    expect(small.dropped).toEqual([]);
    const { confirmation } = first.structuredContent as { confirmation: Record<string, string> };
    const { confirm_name, confirm_token } = confirmation;
    const given = { name: 'orders', confirm: true, confirm_name, confirm_token };
    const second = await client.callTool({ name: 'drop', arguments: given });
    expect(second).toMatchObject({ structuredContent: { state: 'done' } });
    const replayed = await client.callTool({ name: 'drop', arguments: given });
    expect(replayed).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'confirmation_invalid' } },
    });
    expect(small.dropped).toEqual(['orders']);
  });
});

describe('two clients with a thousand calls at once', () => {
  it('never see an answer of the other', async () => {
    const pair = [await connect(), await connect()] as const;
    const texts = Array.from({ length: 500 }, (_, index) => index);
    await Promise.all(
      texts.flatMap((index) =>
        pair.map(async (client, which) => {
          const text = `client ${which}, call ${index}`;
          const { structuredContent } = await client.callTool({ name: 'echo', arguments: { text } });
          expect(structuredContent).toEqual({ text, inner: { length: text.length } });
        }),
      ),
    );
  });

  it('nor when both use the same ids and the same progress token', async () => {
    const body = (text: string) =>
      JSON.stringify({
        jsonrpc: '2.0',
        id: 7,
        method: 'tools/call',
        params: { name: 'echo', arguments: { text }, _meta: { progressToken: 7 } },
      });
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const text = `call ${index}`;
        const response = await fetch(url, { method: 'POST', headers, body: body(text) });
        expect(await response.text()).toContain(JSON.stringify({ text, inner: { length: text.length } }));
      }),
    );
  });
});
