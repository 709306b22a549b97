import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { request, type SmallApp, startSmallApp, toolCall } from '../../test/small-app.ts';
import { defaultHttpLimits } from './limits.ts';
import { createListener } from './listener.ts';

let small: SmallApp;
let port: number;

beforeEach(async () => {
  small = await startSmallApp();
  port = Number((await small.listen()).port);
});
afterEach(() => small.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 }));

/** A request as it goes over the wire. */
function onTheWire(message: object, headers = ''): string {
  const body = JSON.stringify(message);
  return (
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\n' +
    `${headers}MCP-Protocol-Version: 2025-11-25\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}
const ping = onTheWire(request('ping'));
const hold = onTheWire(toolCall('hold', {}));
const underWay = async () =>
  /^http_server_active_requests (\d+)/m.exec((await small.app.management.inject('/metrics')).body)?.[1];

describe('requests that are sent before the last answer was read', () => {
  it('are answered in their order when they are few', async () => {
    const socket = connect(port, '127.0.0.1');
    let answers = '';
    socket.on('data', (chunk) => {
      answers += chunk;
    });
    socket.write(ping.repeat(10));
    await vi.waitFor(() => expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(10));
    socket.write(ping.repeat(10));
    await vi.waitFor(() => expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(20));
    socket.destroy();
  });

  it('end the connection when they are many, and what they began', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(hold.repeat(40));
    await once(socket, 'close');
    await vi.waitFor(async () => expect(await underWay()).toBe('0'));
    expect(small.held.length).toBeLessThanOrEqual(16);
    expect(small.held.every(({ context }) => context.signal.aborted)).toBe(true);
  });

  it('take no place once they are refused, however long the answer takes to arrive', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(hold + onTheWire(request('ping'), 'X-Cnpg-Mcp-Read-Only: perhaps\r\n').repeat(5));
    const refused = 'cnpg_mcp_refused_total{rule="bad_tightening"} 5';
    await vi.waitFor(async () =>
      expect((await small.app.management.inject('/metrics')).body).toContain(refused),
    );
    expect(await underWay()).toBe('1');
    socket.destroy();
  });

  it('give their places back when the client goes, also those whose turn had not come', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(hold + ping.repeat(5) + hold);
    await small.holding(2);
    socket.destroy();
    await vi.waitFor(async () => expect(await underWay()).toBe('0'));
  });
});

describe('a connection on which nothing moves', () => {
  it('ends a minute after a stream would have said that it lives', () => {
    const limits = { ...defaultHttpLimits, streamAfterSeconds: 7 };
    expect(createListener(() => undefined, limits).timeout).toBe(67_000);
  });
});

describe('what is no request', () => {
  it.each([
    ['no HTTP at all', 'HELO\r\n\r\n', 400, 'This is not a valid HTTP request.'],
    [
      'two lengths',
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'This is not a valid HTTP request.',
    ],
    [
      'too large a header',
      `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'The headers are too large.',
    ],
    ['a request line that never ends', 'POST /mcp HT', 408, 'The request did not arrive in time.'],
  ])(
    '%s is refused with a JSON-RPC body, and its connection closed',
    async (_what, bytes, status, message) => {
      const { app, listen } = await startSmallApp({ limits: { requestSeconds: 1 } });
      const { port } = await listen();
      const socket = connect(Number(port), '127.0.0.1');
      let answer = '';
      socket.on('data', (chunk) => (answer += chunk));
      socket.write(bytes);
      await once(socket, 'close');
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({
        id: null,
        error: { code: -32600, message },
      });
      await app.main.close();
    },
  );
});
