import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { request, startSmallApp, toolCall } from '../test/small-app.ts';
import type { Authentication, Authenticator } from './http/authenticator.ts';
import { ReadinessProbe } from './http/health.ts';
import type { RefusalRecord } from './observability/audit.ts';
import { localPrincipal } from './policy/principal.ts';

describe('authentication', () => {
  it('comes before the body is read, and its refusal keeps status, headers and sentence', async () => {
    const authenticator: Authenticator = {
      authenticate: async ({ headers }) =>
        headers.authorization === 'Bearer good'
          ? { accepted: true, principal: { ...localPrincipal, id: 'issuer|ada', kind: 'oidc' } }
          : {
              accepted: false,
              status: 401,
              rule: 'no_token',
              headers: { 'www-authenticate': 'Bearer resource_metadata="https://x"' },
              message: 'Sign in first.',
            },
    };
    const { app, post, audits } = await startSmallApp({ authenticator });
    const refused = await post('this is not even JSON');
    expect(refused.statusCode).toBe(401);
    expect(refused.headers['www-authenticate']).toBe('Bearer resource_metadata="https://x"');
    expect(refused.json()).toMatchObject({ id: null, error: { message: 'Sign in first.' } });

    await post(toolCall('echo', { text: 'a' }), { authorization: 'Bearer good' });
    expect(audits.map(({ principal }) => principal)).toEqual(['issuer|ada']);
    await app.main.close();
  });

  it('leaves it to the request to give up the right to change anything, and to no misspelling', async () => {
    const { app, post } = await startSmallApp();
    const list = (value: string) => post(request('tools/list'), { 'x-cnpg-mcp-read-only': value });
    const names = async (value: string) =>
      (await list(value)).json().result.tools.map(({ name }: { name: string }) => name);
    expect(await names('TRUE')).toEqual(['echo', 'fail', 'hold']);
    expect(await names('false')).toContain('drop');
    expect((await list('yes please')).statusCode).toBe(400);
    const call = await post(toolCall('drop', { name: 'a' }), { 'x-cnpg-mcp-read-only': 'true' });
    expect(call.json().result.structuredContent.error.code).toBe('policy_denied');
    await app.main.close();
  });
});

describe('a process that is busier than it can be', () => {
  it('turns calls away with Retry-After, tells its probes that it lives, and recovers', async () => {
    const { app, post } = await startSmallApp({ limits: { eventLoopDelayMilliseconds: 30 } });
    const block = (milliseconds: number) => {
      const end = performance.now() + milliseconds;
      while (performance.now() < end);
    };
    const busy = setInterval(() => block(120), 1);
    await vi.waitFor(async () => expect((await post(request('ping'))).statusCode).toBe(503), {
      timeout: 10_000,
    });
    const refused = await post(request('ping'));
    expect(refused.headers['retry-after']).toBe('2');
    expect((await app.main.inject('/healthz')).statusCode).toBe(200);
    clearInterval(busy);
    await vi.waitFor(async () => expect((await post(request('ping'))).statusCode).toBe(200), {
      timeout: 10_000,
    });
    expect((await app.management.inject('/metrics')).body).toContain('rule="overload"');
    await app.main.close();
  });
});

describe('the end', () => {
  it('is not held up by a connection that somebody opened and never used', async () => {
    const { app, listen } = await startSmallApp();
    const { port } = await listen();
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    const started = performance.now();
    await app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 });
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

describe('a body that is far too large', () => {
  it('is refused with an answer that the client gets to see, every time', async () => {
    const { app, listen } = await startSmallApp();
    const { port } = await listen();
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x'.repeat(20_000_000) });
    for (let round = 0; round < 5; round += 1) {
      const answer = await fetch(`http://127.0.0.1:${port}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body,
      });
      expect(answer.status).toBe(413);
      expect(await answer.json()).toMatchObject({ error: { code: -32600 } });
    }
    await app.main.close();
  });
});

describe('a body where none is taken', () => {
  it.each([
    ['POST /nothing', 'main', 404],
    ['PUT /healthz', 'main', 404],
    ['OPTIONS /.well-known/oauth-protected-resource', 'main', 415],
    ['POST /metrics', 'management', 404],
  ] as const)('%s on the %s port is answered before it has arrived', async (line, port, status) => {
    const { app } = await startSmallApp({
      protectedResource: {
        resource: new URL('https://mcp.example.com/mcp'),
        authorizationServers: [],
        scopes: [],
      },
    });
    await app[port].listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((app[port].server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(
      `${line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    socket.destroy();
    await Promise.all([app.main.close(), app.management.close()]);
  });
});

describe('a caller who leaves before being refused', () => {
  it('is counted and in the audit log all the same', async () => {
    const refusals: RefusalRecord[] = [];
    const asked = Promise.withResolvers<void>();
    const decided = Promise.withResolvers<Authentication>();
    const { app, listen } = await startSmallApp({
      auditRefusal: (record) => refusals.push(record),
      authenticator: {
        authenticate() {
          asked.resolve();
          return decided.promise;
        },
      },
    });
    const { port } = await listen();
    const connected = once(app.main.server, 'connection');
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
    const [connection] = (await connected) as [Socket];
    const closed = once(connection, 'close');
    await asked.promise;
    socket.end();
    socket.destroy();
    await closed;
    decided.resolve({ accepted: false, status: 401, rule: 'invalid_token', headers: {}, message: 'No.' });
    await vi.waitFor(() => expect(refusals).toMatchObject([{ rule: 'invalid_token', status: 401 }]));
    expect((await app.management.inject('/metrics')).body).toContain('refused_total{rule="invalid_token"} 1');
    await app.main.close();
  });
});

describe('a request for an absolute address', () => {
  it.each([
    ['http://evil.example/mcp', 'localhost', 403],
    ['http://localhost@evil.example/mcp', 'localhost', 403],
    ['http://localhost/mcp', 'localhost', 415],
  ])('%s is for the host in it, whatever the header says', async (target, host, status) => {
    const { app, listen } = await startSmallApp();
    const { port } = await listen();
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    await app.main.close();
  });
});

describe('a request with two Host headers', () => {
  it('is refused, whichever of the two would be allowed', async () => {
    const { app, listen } = await startSmallApp();
    const { port } = await listen();
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    await app.main.close();
  });
});

describe('a request whose body never comes', () => {
  it('is ended when its time is over, not later', async () => {
    const { app } = await startSmallApp({ limits: { requestSeconds: 1 } });
    await app.main.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.main.server.address() as { port: number };
    const started = performance.now();
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
        'Accept: application/json, text/event-stream\r\nContent-Length: 10\r\n\r\n{',
    );
    socket.resume();
    await once(socket, 'close');
    expect(performance.now() - started).toBeLessThan(8_000);
    await app.main.close();
  });
});

describe('too many requests at once', () => {
  it('are turned away with 503 and Retry-After until one of the others has ended', async () => {
    const { app, post, holding, held } = await startSmallApp({ limits: { inFlight: 2 } });
    const running = [post(toolCall('hold', {})), post(toolCall('hold', {}))];
    await holding(2);
    const refused = await post(request('ping'));
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toMatchObject({ error: { code: -32000 } });
    expect((await app.main.inject('/healthz')).statusCode).toBe(200);
    for (const { release } of held) release();
    await Promise.all(running);
    expect((await post(request('ping'))).statusCode).toBe(200);
    const metrics = (await app.management.inject('/metrics')).body;
    expect(metrics).toMatch(/^cnpg_mcp_overloaded_total 1$/m);
    expect(metrics).toMatch(/^http_server_active_requests 0$/m);
    await Promise.all([app.main.close(), app.management.close()]);
  });
});

describe('a client that goes away', () => {
  it('cancels its call, frees its place and is counted, with a stream or before there was an answer', async () => {
    const { app, listen, holding, held } = await startSmallApp();
    const url = await listen();
    for (const meta of [undefined, { progressToken: 1 }]) {
      const gone = new AbortController();
      const before = held.length;
      const answer = fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify(toolCall('hold', {}, meta)),
        signal: gone.signal,
      }).then((response) => response.text());
      await holding(before + 1);
      const signal = held[before]?.context.signal as AbortSignal;
      const cancelled = new Promise((resolve) => signal.addEventListener('abort', resolve));
      gone.abort();
      await expect(answer).rejects.toThrow();
      await cancelled;
    }
    await expect
      .poll(async () => (await app.management.inject('/metrics')).body)
      .toMatch(/^http_server_active_requests 0$/m);
    const { body } = await app.management.inject('/metrics');
    const counted = (status: number) =>
      `duration_seconds_count{http_request_method="POST",http_route="/mcp",http_response_status_code="${status}"} 1`;
    expect(body).toContain(counted(499));
    expect(body).toContain(counted(200));
    await Promise.all([app.main.close(), app.management.close()]);
  });
});

describe('draining', () => {
  it('turns readiness off, serves what still comes, and lets running calls end', async () => {
    const { app, post, holding, held } = await startSmallApp();
    const running = post(toolCall('hold', {}));
    await holding(1);
    const drained = app.drain({ propagationMilliseconds: 50, graceMilliseconds: 10_000 });
    expect((await app.main.inject('/readyz')).statusCode).toBe(503);
    expect((await post(toolCall('echo', { text: 'late' }))).statusCode).toBe(200);
    held[0]?.release();
    expect((await running).json().result.structuredContent).toEqual({ ended: true });
    await drained;
  });

  it('asks clients to leave their connections, and not before', async () => {
    const { app, listen } = await startSmallApp();
    const url = await listen();
    const connection = async (): Promise<string | null> =>
      (await fetch(new URL('/healthz', url))).headers.get('connection');
    expect(await connection()).toBe('keep-alive');
    const drained = app.drain({ propagationMilliseconds: 200, graceMilliseconds: 0 });
    expect(await connection()).toBe('close');
    await drained;
  });

  it('waits for a call that still takes a moment', async () => {
    const { app, post, holding, held } = await startSmallApp();
    const running = post(toolCall('hold', {}));
    await holding(1);
    const drained = app.drain({ propagationMilliseconds: 0, graceMilliseconds: 10_000 });
    setTimeout(() => held[0]?.release(), 50);
    expect((await running).statusCode).toBe(200);
    await drained;
  });

  it('breaks off what does not end in time, with an answer', async () => {
    const { app, listen, holding } = await startSmallApp();
    const url = await listen();
    const post = (meta?: Record<string, unknown>) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify(toolCall('hold', {}, meta)),
      });
    const json = post();
    const stream = post({ progressToken: 1 });
    await holding(2);
    await app.drain({ propagationMilliseconds: 0, graceMilliseconds: 20 });
    expect((await json).status).toBe(503);
    await expect((await stream).text()).resolves.toContain('The request was broken off.');
  });
});

describe('the log', () => {
  it('has one line a request: never a query, a header or a body', async () => {
    const { app, log } = await startSmallApp();
    await app.main.inject({
      method: 'POST',
      url: '/mcp?access_token=in-the-query',
      headers: {
        host: 'localhost',
        'content-type': 'application/json',
        accept: '*/*',
        authorization: 'Bearer in-the-header',
        'x-request-id': 'from-the-caller',
      },
      payload: toolCall('echo', { text: 'in-the-body' }),
    });
    expect(log).toHaveLength(1);
    expect(JSON.parse(log[0] ?? '')).toMatchObject({
      level: 'debug',
      requestId: 'from-the-caller',
      method: 'POST',
      route: '/mcp',
      status: 200,
    });
    expect(log.join()).not.toMatch(/in-the-/);
    await app.main.close();
  });

  it('takes no request id that would not fit on a line', async () => {
    const { app, log, post } = await startSmallApp();
    for (const id of ['has space', 'x'.repeat(65), 'new\\nline', '<script>']) {
      await post(request('ping'), { 'x-request-id': id });
    }
    for (const line of log) expect(JSON.parse(line).requestId).toMatch(/^[0-9a-f-]{36}$/);
    await app.main.close();
  });
});

describe('the metrics', () => {
  it('count by method, tool and outcome, and give no series to what a caller invents', async () => {
    const { app, post } = await startSmallApp();
    await post(toolCall('echo', { text: 'a' }));
    await post(toolCall('fail', { how: 'not_found' }));
    await post(toolCall('made-up-tool', {}));
    await post(request('made/up'));
    await app.main.inject({ url: '/made-up-path', headers: { host: 'localhost' } });
    const { body, headers } = await app.management.inject('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    const count = (labels: string) =>
      body.match(new RegExp(`duration_seconds_count\\{.*${labels}.*\\} (\\d+)`))?.[1];
    expect(count('gen_ai_tool_name="echo".*error_type=""')).toBe('1');
    expect(count('gen_ai_tool_name="fail".*error_type="not_found"')).toBe('1');
    expect(count('gen_ai_tool_name="_OTHER".*error_type="-32602"')).toBe('1');
    expect(count('mcp_method_name="_OTHER".*error_type="-32601"')).toBe('1');
    expect(body).toContain('cnpg_mcp_build_info{version="0.0.0-test"');
    expect(body).toContain('process_resident_memory_bytes');
    expect(body).not.toContain('made');
    await Promise.all([app.main.close(), app.management.close()]);
  });

  it('say what /readyz says at that moment, whoever asks first', async () => {
    let ok = false;
    const readiness = new ReadinessProbe(
      async () => [],
      async () => [{ name: 'provider', ok }],
    );
    const { app } = await startSmallApp({ readiness });
    const ready = async () =>
      /^cnpg_mcp_ready (.*)$/m.exec((await app.management.inject('/metrics')).body)?.[1];
    expect(await ready()).toBe('0');
    ok = true;
    expect(await ready()).toBe('1');
    readiness.drain();
    expect(await ready()).toBe('0');
    await Promise.all([app.main.close(), app.management.close()]);
  });
});

describe('the headers', () => {
  it('forbid a browser to render, frame or guess', async () => {
    const { app, post } = await startSmallApp();
    const { headers } = await post(request('ping'));
    expect(headers['content-security-policy']).toBe("default-src 'none';frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-powered-by']).toBeUndefined();
    await app.main.close();
  });
});
