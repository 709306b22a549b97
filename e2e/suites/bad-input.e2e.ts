/** Bad input over both transports: a clear error each, nothing breaks, nothing reaches the cluster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteNamespace, kubectl, makeNamespace, servedKinds } from './support/kubernetes.ts';
import { type RunningServer, startServer, transports } from './support/server.ts';

interface Property {
  type?: string;
  enum?: unknown[];
  maxLength?: number;
  maximum?: number;
  minimum?: number;
}

/** Text that is no name of anything, and what it tries. */
const tricks: Record<string, string> = {
  'parent folder': '../x',
  path: 'a/b',
  'encoded dot': '%2e%2e',
  'encoded slash': 'a%2fb',
  'null byte': 'a\u0000b',
  'line break': 'a\nb',
  'carriage return and header': 'a\r\nx-evil: 1',
  'zero-width space': 'a\u200bb',
  'right-to-left override': 'a\u202eb',
  'full-width letters': 'ａｂｃ',
  'Cyrillic look-alike': 'оrders',
  'lone surrogate': 'a\ud800',
  shell: '$(reboot)',
  SQL: "x'; drop table t; --",
  'double quote': 'a"b',
  template: '{{7*7}}',
  query: 'x?watch=true',
  fragment: 'x#y',
  blank: ' ',
  nothing: '',
};

describe.each(transports)('bad arguments over %s', (transport) => {
  let server: RunningServer;
  let namespace: string;
  let tools: { name: string; inputSchema: { properties?: Record<string, Property>; required?: string[] } }[];

  beforeAll(async () => {
    namespace = await makeNamespace(`e2e-bad-${transport}`);
    server = await startServer(transport);
    tools = (await server.client.listTools()).tools as unknown as typeof tools;
  });
  afterAll(async () => {
    await server?.stop();
    if (namespace) await deleteNamespace(namespace);
  });

  /** Arguments that would be good enough to get past the schema. */
  function sensible(tool: (typeof tools)[number]): Record<string, unknown> {
    const values: Record<string, unknown> = {
      name: 'orders',
      cluster_name: 'orders',
      role_name: 'app',
      database_name: 'shop',
      owner: 'app',
      instances: 2,
    };
    const given = Object.fromEntries((tool.inputSchema.required ?? []).map((key) => [key, values[key]]));
    return { ...given, namespace };
  }

  async function refused(tool: string, args: Record<string, unknown>, why: string): Promise<void> {
    const answer = await server.call(tool, args);
    expect(answer.isError, `${tool}: ${why}: ${answer.text}`).toBe(true);
    expect(answer.structured?.error?.code, `${tool}: ${why}`).toBe('invalid_arguments');
    expect(answer.text).not.toMatch(/\n\s+at |node_modules/);
  }

  it('lists all twelve tools', () => {
    expect(tools.map(({ name }) => name).sort()).toEqual([
      'create_postgres_cluster',
      'create_postgres_database',
      'create_postgres_role',
      'delete_postgres_cluster',
      'delete_postgres_database',
      'delete_postgres_role',
      'get_cluster_status',
      'list_postgres_clusters',
      'list_postgres_databases',
      'list_postgres_roles',
      'scale_postgres_cluster',
      'update_postgres_role',
    ]);
  });

  it('every tool refuses what is missing, unknown or of another type, and changes nothing', async () => {
    const before = await everything(namespace);
    for (const tool of tools) {
      const good = sensible(tool);
      for (const key of tool.inputSchema.required ?? []) {
        const { [key]: _left, ...rest } = good;
        await refused(tool.name, rest, `without ${key}`);
      }
      await refused(tool.name, { ...good, surprise: 1 }, 'an unknown argument');
      await refused(tool.name, { ...good, namspace: 'x' }, 'a misspelt argument');
      for (const [key, { type }] of Object.entries(tool.inputSchema.properties ?? {})) {
        for (const value of [{}, [], null, ...(type === 'string' ? [7, true] : ['text', { a: 1 }])]) {
          if (
            (type === 'object' && JSON.stringify(value) === '{}') ||
            (type === 'array' && Array.isArray(value))
          )
            continue;
          await refused(tool.name, { ...good, [key]: value }, `${key} = ${JSON.stringify(value)}`);
        }
      }
    }
    expect(await everything(namespace)).toBe(before);
  });

  it('every tool refuses numbers out of bounds and texts that are too long', async () => {
    for (const tool of tools) {
      const good = sensible(tool);
      for (const [key, { type, maximum, minimum }] of Object.entries(tool.inputSchema.properties ?? {})) {
        if (type === 'string')
          await refused(tool.name, { ...good, [key]: 'x'.repeat(100_000) }, `${key}, 100 kB`);
        if (type !== 'integer' && type !== 'number') continue;
        expect(maximum, `${tool.name}.${key} has a maximum`).toBeLessThan(1_000_000);
        for (const value of [(maximum ?? 0) + 1, (minimum ?? 0) - 1, 1.5, 1e308]) {
          await refused(tool.name, { ...good, [key]: value }, `${key} = ${value}`);
        }
      }
    }
  });

  it.each(Object.entries(tricks))('every name refuses a trick: %s', async (_what, text) => {
    for (const tool of tools) {
      const good = sensible(tool);
      for (const key of ['name', 'cluster_name', 'namespace']) {
        if (key in (tool.inputSchema.properties ?? {}))
          await refused(tool.name, { ...good, [key]: text }, key);
      }
    }
  });

  it('an unknown tool is an error of the protocol', async () => {
    for (const name of [
      'no_such_tool',
      'constructor',
      '__proto__',
      '',
      '../list_postgres_clusters',
      'LIST_POSTGRES_CLUSTERS',
    ]) {
      await expect(server.call(name), name).rejects.toMatchObject({ code: -32602 });
    }
  });
});

describe('bad requests over HTTP', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer('http');
  });
  afterAll(() => server?.stop());

  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const list = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });

  it.each<[string, RequestInit]>([
    ['JSON that is cut off', { body: list.slice(0, -5) }],
    ['no body', { body: '' }],
    ['a body that is a list', { body: `[${list}]` }],
    ['a body that is a number', { body: '7' }],
    ['a body that is null', { body: 'null' }],
    ['bytes that are no UTF-8', { body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]) }],
    ['10 MB', { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x'.repeat(10_000_000) }) }],
    ['100,000 levels', { body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` }],
    ['a prototype', { body: '{"jsonrpc":"2.0","id":1,"method":"tools/list","__proto__":{"x":1}}' }],
    ['another content type', { headers: { ...headers, 'content-type': 'text/plain' }, body: list }],
    ['no content type', { headers: { accept: headers.accept }, body: new Blob([list]) }],
    ['an Accept without JSON', { headers: { ...headers, accept: 'text/html' }, body: list }],
    [
      'another protocol version',
      { headers: { ...headers, 'mcp-protocol-version': '1999-01-01' }, body: list },
    ],
    ['an unknown method', { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'no/such' }) }],
    ['another JSON-RPC version', { body: JSON.stringify({ jsonrpc: '1.0', id: 1, method: 'tools/list' }) }],
    ['an id that is an object', { body: JSON.stringify({ jsonrpc: '2.0', id: {}, method: 'tools/list' }) }],
    [
      'parameters that are a list',
      { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: [] }) },
    ],
    ['no tool name', { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: {} }) }],
    [
      'arguments that are a text',
      {
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'list_postgres_clusters', arguments: 'x' },
        }),
      },
    ],
    ['a foreign Origin', { headers: { ...headers, origin: 'https://evil.example.com' }, body: list }],
    ['the Origin null', { headers: { ...headers, origin: 'null' }, body: list }],
  ])('%s is answered with an error of JSON-RPC, and never with 5xx', async (_what, init) => {
    const response = await fetch(`${server.url}/mcp`, { method: 'POST', headers, ...init });
    expect(response.status).toBeLessThan(500);
    const body = (await response.json()) as { error?: { code: number; message: string }; jsonrpc: string };
    expect(body.jsonrpc).toBe('2.0');
    expect(body.error?.code).toBeLessThan(0);
    expect(body.error?.message).not.toMatch(/\n\s+at |node_modules|FST_/);
  });

  it.each(['GET', 'DELETE', 'PUT', 'PATCH'])('%s is not allowed and says what is', async (method) => {
    const response = await fetch(`${server.url}/mcp`, { method, headers: { accept: 'text/event-stream' } });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('POST');
  });

  it('a request that names another host is refused', async () => {
    const { request } = await import('undici');
    const { statusCode, body } = await request(`${server.url}/mcp`, {
      method: 'POST',
      headers: { ...headers, host: 'evil.example.com' },
      body: list,
    });
    expect(statusCode).toBe(403);
    await body.dump();
  });

  it('is as good as new after all that', async () => {
    expect((await server.call('list_postgres_clusters', { namespace: 'default' })).isError).toBe(false);
  });
});

/** Everything in the namespace that a tool could have touched, with versions. */
async function everything(namespace: string): Promise<string> {
  const kinds = `${await servedKinds('clusters', 'databases', 'databaseroles')},secrets,pvc`;
  return kubectl(
    'get',
    kinds,
    '-n',
    namespace,
    '-o',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name}@{.metadata.resourceVersion} {end}',
  );
}
