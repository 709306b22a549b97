/** Resources, prompts, completion and questions: what a surface may have besides tools. */
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';
import { openPipe } from '../../../test/pipe.ts';
import { request, startSmallApp, toolCall } from '../../../test/small-app.ts';
import { createSmallSurface } from '../../../test/small-surface.ts';
import { ToolError } from '../../errors.ts';
import type { McpSurface, SurfaceResult } from '../surface.ts';

const text = (content: string): SurfaceResult => ({
  kind: 'content',
  content: [{ type: 'text', text: content }],
});

/** Listeners of the resource, so that a test can change it. */
const watchers = new Map<string, () => void>();

const question = {
  kind: 'input' as const,
  requests: {
    colour: {
      method: 'elicitation/create',
      params: {
        mode: 'form',
        message: 'Which colour?',
        requestedSchema: { type: 'object', properties: { colour: { type: 'string' } } },
      },
    },
  },
  state: 'sealed',
};

const surface: McpSurface = {
  ...createSmallSurface().surface,
  tools: {
    list: () => [],
    async call(name, _args, context, answers) {
      switch (name) {
        case 'log':
          context.log?.('debug', 'quiet');
          context.log?.('error', { loud: true });
          return text('logged');
        case 'ask':
          return answers ? text(JSON.stringify(answers)) : question;
        case 'sample':
          return { kind: 'input', requests: { a: { method: 'sampling/createMessage', params: {} } } };
        case 'nag':
          return question;
        case 'break':
          throw new TypeError('a secret detail');
        default:
          throw new ToolError('policy_denied', 'Not here.');
      }
    },
  },
  resources: {
    async list(_caller, cursor) {
      if (cursor === 'two') return { items: [{ uri: 'cnpg://b', name: 'b' }] };
      if (cursor !== undefined) throw new ToolError('invalid_arguments', 'This cursor is unknown.');
      return { items: [{ uri: 'cnpg://a', name: 'a' }], nextCursor: 'two' };
    },
    templates: async () => [{ uriTemplate: 'cnpg://{name}', name: 'any' }],
    async read(uri) {
      if (uri !== 'cnpg://a') throw new ToolError('not_found', 'There is no such resource.');
      return [{ uri, text: 'content' }];
    },
    async subscribe(uri, _caller, changed) {
      watchers.set(uri, changed);
      return { end: () => watchers.delete(uri), allows: () => true };
    },
  },
  prompts: {
    list: async () => [{ name: 'tidy', arguments: [{ name: 'what' }] }],
    async get(name, args, _context, answers) {
      if (name !== 'tidy') throw new ToolError('not_found', 'There is no such prompt.');
      if (!answers) return question;
      return {
        messages: [{ role: 'user', content: { type: 'text', text: JSON.stringify([args, answers.state]) } }],
      };
    },
  },
  complete: async (_ref, { value }) => ({
    values: Array.from({ length: 150 }, (_, index) => `${value}${index}`),
  }),
};

async function connect(elicitation = true): Promise<Client> {
  const pipe = await openPipe(surface);
  if (!elicitation) return pipe.connect();
  return pipe.connect({ elicitation: {} }, () => ({ action: 'accept', content: { colour: 'red' } }));
}

describe('resources', () => {
  it('are listed page by page, with templates, and read', async () => {
    const client = await connect();
    const first = await client.listResources();
    expect(first).toEqual({ resources: [{ uri: 'cnpg://a', name: 'a' }], nextCursor: 'two' });
    expect(await client.listResources({ cursor: 'two' })).toEqual({
      resources: [{ uri: 'cnpg://b', name: 'b' }],
    });
    await expect(client.listResources({ cursor: 'x' })).rejects.toMatchObject({ code: -32602 });
    expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(1);
    expect((await client.readResource({ uri: 'cnpg://a' })).contents).toEqual([
      { uri: 'cnpg://a', text: 'content' },
    ]);
    await client.close();
  });

  it('that are unknown have the code that they had until 2025-11-25', async () => {
    const client = await connect();
    await expect(client.readResource({ uri: 'cnpg://x' })).rejects.toMatchObject({
      code: -32002,
      data: { uri: 'cnpg://x' },
    });
    await client.close();
  });

  it('tell their subscribers of a change, until they unsubscribe or go', async () => {
    const client = await connect();
    const updates: string[] = [];
    client.setNotificationHandler(
      ResourceUpdatedNotificationSchema,
      ({ params }) => void updates.push(params.uri),
    );
    await client.subscribeResource({ uri: 'cnpg://a' });
    await client.subscribeResource({ uri: 'cnpg://b' });
    watchers.get('cnpg://a')?.();
    await expect.poll(() => updates).toEqual(['cnpg://a']);
    await client.unsubscribeResource({ uri: 'cnpg://a' });
    expect([...watchers.keys()]).toEqual(['cnpg://b']);
    await client.close();
    await expect.poll(() => watchers.size).toBe(0);
  });

  it('can be watched in bounded number only', async () => {
    const client = await connect();
    for (let index = 0; index < 100; index += 1) await client.subscribeResource({ uri: `cnpg://${index}` });
    await expect(client.subscribeResource({ uri: 'cnpg://more' })).rejects.toMatchObject({
      data: { code: 'too_many_requests' },
    });
    await client.close();
  });

  it('cannot be subscribed to over a single POST, and that is not offered', async () => {
    const { app, post } = await startSmallApp({ surface });
    const handshake = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'c', version: '1' },
    };
    const { result } = (await post(request('initialize', handshake))).json();
    expect(result.capabilities).toEqual({
      tools: {},
      logging: {},
      resources: {},
      prompts: {},
      completions: {},
    });
    const { error } = (await post(request('resources/subscribe', { uri: 'cnpg://a' }))).json();
    expect(error.code).toBe(-32601);
    await app.main.close();
  });
});

describe('prompts', () => {
  it('are listed, ask what they need, and are filled in', async () => {
    const client = await connect();
    expect((await client.listPrompts()).prompts).toHaveLength(1);
    const { messages } = await client.getPrompt({ name: 'tidy', arguments: { what: 'up' } });
    expect(messages[0]?.content).toEqual({ type: 'text', text: '[{"what":"up"},"sealed"]' });
    await expect(client.getPrompt({ name: 'nope' })).rejects.toMatchObject({ code: -32602 });
    await client.close();
  });

  it.each([
    ['a name that is a number', { name: 1 }],
    ['arguments that are no texts', { name: 'tidy', arguments: { what: 1 } }],
    ['arguments that are no object', { name: 'tidy', arguments: 'up' }],
  ])('refuse %s', async (_what, params) => {
    const { app, post } = await startSmallApp({ surface });
    expect((await post(request('prompts/get', params))).json().error.code).toBe(-32602);
    await app.main.close();
  });
});

describe('completion', () => {
  it('gives at most a hundred values and says that there are more', async () => {
    const client = await connect();
    const { completion } = await client.complete({
      ref: { type: 'ref/resource', uri: 'cnpg://{name}' },
      argument: { name: 'name', value: 'x' },
    });
    expect(completion.values).toHaveLength(100);
    expect(completion.hasMore).toBe(true);
    await client.close();
  });

  it.each([
    ['nothing', {}],
    ['an unknown kind of reference', { ref: { type: 'ref/x' }, argument: { name: 'a', value: '' } }],
    [
      'a value that is no text',
      { ref: { type: 'ref/prompt', name: 'tidy' }, argument: { name: 'a', value: 1 } },
    ],
  ])('refuses %s', async (_what, params) => {
    const { app, post } = await startSmallApp({ surface });
    expect((await post(request('completion/complete', params))).json().error.code).toBe(-32602);
    await app.main.close();
  });
});

describe('a tool with a question', () => {
  it('is called again with the answer and with its own state', async () => {
    const client = await connect();
    const { content } = await client.callTool({ name: 'ask' });
    const [{ text: answers }] = content as [{ text: string }];
    expect(JSON.parse(answers)).toMatchObject({
      responses: { colour: { action: 'accept', content: { colour: 'red' } } },
      state: 'sealed',
    });
    await client.close();
  });

  it.each([
    ['when the client has no forms', 'ask', false],
    ['when the client cannot do this kind of question', 'sample', true],
  ])('says so %s, as an answer for the model', async (_when, name, elicitation) => {
    const client = await connect(elicitation);
    expect(await client.callTool({ name })).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'not_supported' } },
    });
    await client.close();
  });

  it('says so over a single POST', async () => {
    const { app, post } = await startSmallApp({ surface });
    const { result } = (await post(toolCall('ask', {}))).json();
    expect(result).toMatchObject({ isError: true, structuredContent: { error: { code: 'not_supported' } } });
    await app.main.close();
  });

  it('that never ends is a defect', async () => {
    const client = await connect();
    await expect(client.callTool({ name: 'nag' })).rejects.toMatchObject({ code: -32603 });
    await client.close();
  });
});

describe('what a tool throws', () => {
  it('is an answer when it is an error of the catalogue', async () => {
    const client = await connect();
    expect(await client.callTool({ name: 'other' })).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'policy_denied' } },
    });
    await client.close();
  });

  it('is a plain internal error when it is a defect, and the log learns what it was', async () => {
    const { app, post, log } = await startSmallApp({ surface });
    const response = await post(toolCall('break', {}));
    expect(response.json().error.code).toBe(-32603);
    expect(response.body).not.toContain('secret');
    expect(log.join()).toContain('a secret detail');
    await app.main.close();
  });
});

describe('log messages', () => {
  it('come along with a call, at the level that the client wants', async () => {
    const client = await connect();
    const levels: string[] = [];
    client.setNotificationHandler(
      LoggingMessageNotificationSchema,
      ({ params }) => void levels.push(params.level),
    );
    await client.callTool({ name: 'log' });
    expect(levels).toEqual(['error']);
    await client.setLoggingLevel('debug');
    await client.callTool({ name: 'log' });
    expect(levels).toEqual(['error', 'debug', 'error']);
    await client.setLoggingLevel('critical');
    await client.callTool({ name: 'log' });
    expect(levels).toHaveLength(3);
    await client.close();
  });

  it('turn the answer to a POST into a stream', async () => {
    const { app, post } = await startSmallApp({ surface });
    const response = await post(toolCall('log', {}));
    expect(response.headers['content-type']).toBe('text/event-stream');
    expect(response.body).toMatch(/notifications\/message[\s\S]*"result"/);
    await app.main.close();
  });
});
