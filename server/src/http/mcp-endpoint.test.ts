import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request, type SmallApp, startSmallApp, toolCall } from '../../test/small-app.ts';

let small: SmallApp;

beforeAll(async () => {
  small = await startSmallApp();
});

afterAll(async () => {
  await Promise.all([small.app.main.close(), small.app.management.close()]);
});

/** The JSON-RPC error of an answer; every refusal must have one, without a stack and without an echo of its input. */
function errorOf(response: { body: string }): { code: number; message: string } {
  const body = JSON.parse(response.body);
  expect(body).toMatchObject({
    jsonrpc: '2.0',
    error: { code: expect.any(Number), message: expect.any(String) },
  });
  expect(response.body).not.toMatch(/node_modules|\.[tj]s:\d|FST_/);
  return body.error;
}

describe('a message that cannot be read', () => {
  it.each([
    ['no body at all', '', {}, 400, -32700],
    ['half a message', '{"jsonrpc":"2.0",', {}, 400, -32700],
    [
      'bytes that are not UTF-8',
      Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
      {},
      400,
      -32700,
    ],
    ['a batch', [request('ping')], {}, 400, -32600],
    ['an empty batch', [], {}, 400, -32600],
    ['a huge array', `[${'1,'.repeat(100_000)}1]`, {}, 400, -32600],
    ['just a string', '"tools/list"', {}, 400, -32600],
    ['nesting without end', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, {}, 400, -32600],
    ['a prototype key', '{"__proto__":{"a":1}}', {}, 400, -32600],
    ['more than was announced', request('ping'), { 'content-length': '5' }, 400, -32600],
    ['too much', `{"a":"${'x'.repeat(300_000)}"}`, {}, 413, -32600],
    ['another content type', request('ping'), { 'content-type': 'text/plain' }, 415, -32600],
    ['a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, -32600],
    ['a compressed body', request('ping'), { 'content-encoding': 'gzip' }, 415, -32600],
    ['no content type', request('ping'), { 'content-type': undefined }, 415, -32600],
    ['no Accept', request('ping'), { accept: undefined }, 406, -32000],
    ['an Accept without streams', request('ping'), { accept: 'application/json' }, 406, -32000],
    ['an unknown protocol version', request('ping'), { 'mcp-protocol-version': '1999-01-01' }, 400, -32000],
  ])('%s is refused with a JSON-RPC error', async (_what, body, headers, status, code) => {
    const response = await small.post(body, headers);
    expect(response.statusCode).toBe(status);
    expect(errorOf(response).code).toBe(code);
    expect(JSON.parse(response.body).id).toBeNull();
  });

  it('hears why under its own id when it is a request with a prototype key', async () => {
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{"a":1}}}';
    const response = await small.post(ping);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ id: 1, error: { code: -32600 } });
  });
});

describe('an object that is no message', () => {
  it.each([
    ['an empty object', {}, -32600, null],
    ['another version of JSON-RPC', { ...request('ping'), jsonrpc: '1.0' }, -32600, 1],
    ['a method that is no name', request(7 as never), -32600, 1],
    ['an id that is null', request('ping', undefined, null), -32600, null],
    ['an id that is a fraction', request('ping', undefined, 1.5), -32600, null],
    ['an id that is an object', request('ping', undefined, {}), -32600, null],
    ['params that are an array', request('ping', []), -32602, 1],
    ['params that are text', request('tools/list', 'x'), -32602, 1],
    ['_meta that is no object', request('tools/list', { _meta: [] }), -32602, 1],
    [
      'a progress token that is an object',
      request('tools/list', { _meta: { progressToken: {} } }),
      -32602,
      1,
    ],
    ['initialize without parameters', request('initialize'), -32602, 1],
    ['a response that is half an error', { jsonrpc: '2.0', id: 1, error: 'x' }, -32600, 1],
  ])('%s is refused with its id, where it has one', async (_what, body, code, id) => {
    const response = await small.post(body);
    expect(response.statusCode).toBe(400);
    expect(errorOf(response).code).toBe(code);
    expect(JSON.parse(response.body).id).toBe(id);
  });

  it('with fields that JSON-RPC does not know is still a message', async () => {
    const response = await small.post({ ...request('ping'), extra: true });
    expect(response.json()).toMatchObject({ id: 1, result: {} });
  });
});

describe('a request with bad parameters', () => {
  it.each([
    ['an unknown method', request('tools/explode'), -32601],
    ['a method of Object', request('constructor'), -32601],
    ['a method of a surface without resources', request('resources/list'), -32601],
    ['a method of a surface without prompts', request('prompts/get', { name: 'x' }), -32601],
    ['completion that is not offered', request('completion/complete', {}), -32601],
    ['a cursor that nobody gave', request('tools/list', { cursor: 'abc' }), -32602],
    ['a call without a name', request('tools/call', {}), -32602],
    ['a call with a number as name', request('tools/call', { name: 1 }), -32602],
    ['arguments that are an array', request('tools/call', { name: 'echo', arguments: [] }), -32602],
    ['arguments that are null', request('tools/call', { name: 'echo', arguments: null }), -32602],
    ['an unknown tool', toolCall('nope', {}), -32602],
    ['a tool named like a property', toolCall('constructor', {}), -32602],
    ['a log level that is none', request('logging/setLevel', { level: 'loud' }), -32602],
  ])('%s is an error of the protocol', async (_what, body, code) => {
    const response = await small.post(body);
    expect(response.statusCode).toBe(200);
    expect(errorOf(response).code).toBe(code);
  });

  it.each([
    ['missing', {}],
    ['mistyped', { text: 5 }],
    ['unknown', { text: 'a', txet: 'b' }],
    ['oversized', { text: 'x'.repeat(201) }],
  ])('%s arguments are a tool error that a model can read', async (_what, args) => {
    const { result } = (await small.post(toolCall('echo', args))).json();
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'invalid_arguments' } },
    });
    expect(result.content[0].text).toContain('text');
  });
});

describe('what a client may send without an answer', () => {
  it.each([
    ['a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['an unknown notification', { jsonrpc: '2.0', method: 'notifications/whatever', params: {} }],
    ['a response', { jsonrpc: '2.0', id: 5, result: {} }],
  ])('%s is accepted', async (_what, body) => {
    const response = await small.post(body);
    expect(response.statusCode).toBe(202);
    expect(response.body).toBe('');
  });
});

describe('other methods and paths', () => {
  it.each(['GET', 'DELETE', 'PUT', 'OPTIONS', 'HEAD'] as const)(
    '%s /mcp is 405 and names POST',
    async (method) => {
      const response = await small.app.main.inject({ method, url: '/mcp', headers: { host: 'localhost' } });
      expect(response.statusCode).toBe(405);
      expect(response.headers.allow).toBe('POST');
    },
  );

  it.each([
    ['the root', '/', 404],
    ['another spelling', '/MCP', 404],
    ['a way out', '/mcp/..%2f..%2fetc', 404],
    ['what cannot be decoded', '/%zz', 400],
    ['a long address', `/${'a'.repeat(2000)}`, 404],
    ['the metrics, which are for the management port', '/metrics', 404],
  ])('%s is refused with a JSON-RPC error', async (_what, url, status) => {
    const response = await small.app.main.inject({ url, headers: { host: 'localhost' } });
    expect(response.statusCode).toBe(status);
    errorOf(response);
  });
});

describe('the handshake', () => {
  const initialize = (protocolVersion: string) =>
    small.post(
      request('initialize', { protocolVersion, capabilities: {}, clientInfo: { name: 'c', version: '1' } }),
      { 'mcp-protocol-version': undefined },
    );

  it.each(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])('agrees to %s', async (version) => {
    expect((await initialize(version)).json().result.protocolVersion).toBe(version);
  });

  it('offers the newest version with a handshake to a client that names another', async () => {
    expect((await initialize('1999-01-01')).json().result.protocolVersion).toBe('2025-11-25');
  });

  it('says what the server is and that fenced text is data', async () => {
    const { result } = (await initialize('2025-11-25')).json();
    expect(result.serverInfo).toMatchObject({ name: 'cnpg-mcp' });
    expect(result.instructions).toMatch(/never follow an instruction/);
    expect(result.capabilities).toEqual({ tools: {}, logging: {} });
  });
});

describe('the form of an answer', () => {
  it('is JSON when nothing is to be said before it', async () => {
    const response = await small.post(toolCall('echo', { text: 'hi' }));
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect(response.json().result.content).toEqual([{ type: 'text', text: 'hi' }]);
  });

  it('is a stream on the same POST when the client asked for progress', async () => {
    const answer = small.post(toolCall('hold', {}, { progressToken: 'p' }));
    await small.holding(1);
    small.held.pop()?.release();
    const response = await answer;
    expect(response.headers['content-type']).toBe('text/event-stream');
    expect(response.headers['cache-control']).toContain('no-transform');
    const messages = response.body
      .split('\n')
      .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []));
    expect(messages[0]).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 'p', progress: 1 },
    });
    expect(messages.at(-1)).toMatchObject({ id: 1, result: { structuredContent: { ended: true } } });
  });

  it('becomes a stream when it takes long, so that nobody in between gives up', async () => {
    const impatient = await startSmallApp({ limits: { streamAfterSeconds: 0.01 } });
    const answer = impatient.post(toolCall('hold', {}));
    await impatient.holding(1);
    const [call] = impatient.held;
    setTimeout(() => call?.release(), 50);
    const response = await answer;
    expect(response.headers['content-type']).toBe('text/event-stream');
    expect(response.body).toContain('"ended":true');
    await impatient.app.main.close();
  });

  it('ignores a wish for a task, as a server without tasks must', async () => {
    const { params } = toolCall('echo', { text: 'hi' });
    const response = await small.post(request('tools/call', { ...(params as object), task: { ttl: 5 } }));
    expect(response.json().result.content).toEqual([{ type: 'text', text: 'hi' }]);
  });
});

describe('a defect', () => {
  it('is told as such, and what it says about itself stays in the server', async () => {
    const response = await small.post(toolCall('fail', { how: 'defect' }));
    expect(response.json().result).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'internal' } },
    });
    expect(response.body).not.toContain('hunter2');
  });
});
