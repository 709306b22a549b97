import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asksUser, modernHeaders, modernRequest, postModern } from '../../../test/modern-client.ts';
import { type SmallApp, startSmallApp } from '../../../test/small-app.ts';
import { ToolError } from '../../errors.ts';
import type { McpSurface } from '../surface.ts';
import { createModernEndpoint } from './endpoint.ts';

let app: SmallApp;
beforeAll(async () => {
  app = await startSmallApp();
});
afterAll(() => app.app.main.close());

const send = async (...args: Parameters<typeof modernRequest>) => {
  const response = await postModern(app, modernRequest(...args));
  return { status: response.statusCode, body: response.json() };
};
const withHeaders = async (
  request: ReturnType<typeof modernRequest>,
  headers: Record<string, string | undefined>,
) => {
  const response = await postModern(app, request, headers);
  return { status: response.statusCode, body: response.json() };
};
const echo = (id?: string | number) =>
  modernRequest('tools/call', { name: 'echo', arguments: { text: 'hello' } }, id === undefined ? {} : { id });

describe('discovery', () => {
  it('names revisions, what is offered, and who answers, and may be shared', async () => {
    const { body } = await send('server/discover');
    expect(body.result).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: { listChanged: false } },
      cacheScope: 'public',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'cnpg-mcp', version: '0.0.0-test' } },
    });
    expect(body.result.instructions).toContain('CloudNativePG');
    expect(body.result.capabilities).not.toHaveProperty('prompts');
    expect(body.result.capabilities).not.toHaveProperty('resources');
  });
});

describe('lists', () => {
  it('come in the same order every time, for this caller only, with a time to keep them', async () => {
    const [first, second] = [await send('tools/list'), await send('tools/list')];
    expect(first.body.result.tools.map(({ name }: { name: string }) => name)).toEqual([
      'drop',
      'echo',
      'fail',
      'hold',
    ]);
    expect(second.body.result).toEqual(first.body.result);
    expect(first.body.result).toMatchObject({ resultType: 'complete', cacheScope: 'private' });
    expect(first.body.result.ttlMs).toBeGreaterThan(0);
  });

  it('have one page', async () => {
    const { status, body } = await send('tools/list', { cursor: 'x' });
    expect([status, body.error.code]).toEqual([200, -32602]);
  });
});

describe('a call', () => {
  it('answers with text and with structured content that holds what the tool promises and nothing else', async () => {
    const { status, body } = await send('tools/call', { name: 'echo', arguments: { text: 'hello' } });
    expect(status).toBe(200);
    expect(body.result).toEqual({
      resultType: 'complete',
      content: [{ type: 'text', text: 'hello' }],
      structuredContent: { text: 'hello', inner: { length: 5 } },
      _meta: { 'io.modelcontextprotocol/serverInfo': expect.anything() },
    });
  });

  it('that fails is a result with the error, not an error of the protocol', async () => {
    const { status, body } = await send('tools/call', { name: 'fail', arguments: { how: 'not_found' } });
    expect(status).toBe(200);
    expect(body.result).toMatchObject({ isError: true, structuredContent: { error: { code: 'not_found' } } });
  });

  it('hides what went wrong inside the server', async () => {
    const { body } = await send('tools/call', { name: 'fail', arguments: { how: 'defect' } });
    expect(body.result.structuredContent.error.code).toBe('internal');
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  it('of a tool that is not there is an error about the parameters', async () => {
    const { status, body } = await send('tools/call', { name: 'drop_everything', arguments: {} });
    expect([status, body.error.code, body.error.data.code]).toEqual([200, -32602, 'unknown_tool']);
  });

  it.each([
    ['no name', {}],
    ['a name that is no text', { name: 5 }],
    ['arguments that are a list', { name: 'echo', arguments: [] }],
    ['answers that are null', { name: 'echo', inputResponses: null }],
    ['answers that are numbers', { name: 'echo', inputResponses: { confirmation: 5 } }],
    ['state that is no text', { name: 'echo', requestState: 5 }],
  ])('with %s names the parameter that is wrong', async (_what, params) => {
    const { status, body } = await send('tools/call', params);
    expect([status, body.error.code]).toEqual([200, -32602]);
    expect(body.error.message).toMatch(/params\.(name|arguments|inputResponses|requestState)/);
  });
});

describe('the envelope', () => {
  const without = (key: string) => {
    const request = echo();
    delete request.params._meta[key];
    return request;
  };

  it.each([
    ['its version', 'io.modelcontextprotocol/protocolVersion'],
    ['its capabilities', 'io.modelcontextprotocol/clientCapabilities'],
  ])('must carry %s', async (_what, key) => {
    const { status, body } = await withHeaders(without(key), {});
    expect([status, body.error.code]).toEqual([400, -32602]);
    expect(body.error.message).toContain(key);
  });

  it('need not say who the client is', async () => {
    const { status } = await withHeaders(without('io.modelcontextprotocol/clientInfo'), {});
    expect(status).toBe(200);
  });

  it('must be well formed', async () => {
    const request = echo();
    request.params._meta['io.modelcontextprotocol/clientCapabilities'] = 'all';
    const { status, body } = await withHeaders(request, {});
    expect([status, body.error.code]).toEqual([400, -32602]);
  });

  it.each(['1.5', '9007199254740993', '1e400', 'null', '{}'])(
    'is answered without an id when its own is %s',
    async (id) => {
      const body = JSON.stringify(echo('an id')).replace('"an id"', id);
      const answer = await app.post(body, modernHeaders(echo()));
      expect([answer.statusCode, answer.json().id]).toEqual([400, null]);
    },
  );

  it('with a revision that is not served is answered with those that are', async () => {
    const request = echo();
    request.params._meta['io.modelcontextprotocol/protocolVersion'] = '2027-01-01';
    const { status, body } = await withHeaders(request, { 'mcp-protocol-version': '2027-01-01' });
    expect([status, body.error.code]).toEqual([400, -32022]);
    expect(body.error.data).toEqual({ supported: ['2026-07-28'], requested: '2027-01-01' });
  });
});

describe('the headers', () => {
  it.each([
    ['no version', { 'mcp-protocol-version': undefined }],
    ['another version', { 'mcp-protocol-version': '2025-11-25' }],
    ['no method', { 'mcp-method': undefined }],
    ['another method', { 'mcp-method': 'tools/list' }],
    ['the method in capitals', { 'mcp-method': 'TOOLS/CALL' }],
    ['no name', { 'mcp-name': undefined }],
    ['another name', { 'mcp-name': 'drop' }],
    ['damaged Base64 as name', { 'mcp-name': '=?base64?ZWNobw=?=' }],
    ['Base64 that is not UTF-8 as name', { 'mcp-name': '=?base64?/w==?=' }],
    ['the name of another tool in Base64', { 'mcp-name': '=?base64?ZHJvcA==?=' }],
  ])('with %s are refused before anything happens', async (_what, headers) => {
    const before = app.audits.length;
    const { status, body } = await withHeaders(echo('an id'), headers);
    expect([status, body.error.code, body.id]).toEqual([400, -32020, 'an id']);
    expect(app.audits.slice(before)).toMatchObject([{ outcome: 'malformed_call', changed: false }]);
  });

  it.each([
    ['in white space', { 'mcp-name': '  echo\t' }],
    ['in Base64', { 'mcp-name': '=?base64?ZWNobw==?=' }],
  ])('may carry the name %s', async (_what, headers) => {
    expect((await withHeaders(echo(), headers)).status).toBe(200);
  });

  it('must repeat the URI of a resource', async () => {
    const request = modernRequest('resources/read', { uri: 'cnpg://demo/main' });
    expect((await withHeaders(request, { 'mcp-name': 'cnpg://demo/other' })).body.error.code).toBe(-32020);
  });
});

describe('a method', () => {
  it.each([
    'initialize',
    'ping',
    'logging/setLevel',
    'resources/subscribe',
    'resources/list',
    'prompts/get',
    'completion/complete',
    'constructor',
    'unknown/method',
  ])('%s that is not served is not found', async (method) => {
    const { status, body } = await send(method, {}, { id: 'mine' });
    expect([status, body.error.code, body.id]).toEqual([404, -32601, 'mine']);
  });
});

describe('a notification', () => {
  it('is accepted without an answer', async () => {
    const { id: _id, ...notification } = modernRequest('notifications/cancelled', { requestId: 1 });
    const response = await app.post(notification, { 'mcp-protocol-version': '2026-07-28' });
    expect([response.statusCode, response.body]).toEqual([202, '']);
  });
});

describe('the trace of a caller', () => {
  const trace = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
  const traceOf = async (meta: Record<string, unknown>, header?: string) => {
    await postModern(app, modernRequest('tools/call', { name: 'echo', arguments: { text: 'x' } }, { meta }), {
      traceparent: header,
    });
    return app.audits.at(-1)?.traceparent;
  };

  it('is taken from the message, else from the header, and reaches the audit log', async () => {
    expect(await traceOf({ traceparent: trace('a') }, trace('b'))).toBe(trace('a'));
    expect(await traceOf({}, trace('b'))).toBe(trace('b'));
    expect(await traceOf({})).toBeUndefined();
  });

  it.each([
    ['text', 'not a trace\nforged line'],
    ['zeros', trace('0')],
    ['a version that is reserved', `ff${trace('a').slice(2)}`],
    ['a number', 5],
  ])('is ignored when it is %s', async (_what, traceparent) => {
    expect(await traceOf({ traceparent })).toBeUndefined();
  });
});

describe('errors of the surface', () => {
  const thrown = async (error: unknown) => {
    const defects: unknown[] = [];
    const surface = {
      info: { name: 'x', title: 'x', version: '1' },
      instructions: '',
      tools: { list: () => [], call: () => Promise.reject(error) },
      resources: {
        list: () => Promise.reject(error),
        templates: async () => [],
        read: () => Promise.reject(error),
      },
    } as unknown as McpSurface;
    const endpoint = createModernEndpoint({ surface, onDefect: (defect) => defects.push(defect) });
    const request = modernRequest('resources/read', { uri: 'cnpg://demo/main' }, { capabilities: asksUser });
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'resources/read',
      'mcp-name': 'cnpg://demo/main',
    };
    const caller = {
      principal: { id: 'x', displayName: 'x', kind: 'local' as const, grants: [] },
      requestId: 'r',
    };
    const signal = new AbortController().signal;
    const answer = await endpoint.handle({ message: { ...request }, headers, caller, signal });
    return { status: answer.status, error: JSON.parse(answer.body as string).error, defects };
  };

  it('say which resource is not there', async () => {
    const { status, error } = await thrown(new ToolError('not_found', 'There is no cluster main.'));
    expect([status, error.code]).toEqual([200, -32602]);
    expect(error.data).toMatchObject({ uri: 'cnpg://demo/main', code: 'not_found' });
  });

  it('say why something is refused, with a code outside of those that MCP reserves', async () => {
    const { error, defects } = await thrown(new ToolError('policy_denied', 'Not in this namespace.'));
    expect(error).toMatchObject({
      code: -31000,
      message: 'Not in this namespace.',
      data: { code: 'policy_denied' },
    });
    expect(defects).toEqual([]);
  });

  it('hide a defect from the client and tell the server of it', async () => {
    const defect = new Error('postgres://user:hunter2@host/db');
    const { error, defects } = await thrown(defect);
    expect(error.code).toBe(-32603);
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(defects).toEqual([defect]);
  });
});
