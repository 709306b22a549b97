import { beforeEach, describe, expect, it, vi } from 'vitest';
import { asksUser, modernRequest } from '../../../test/modern-client.ts';
import { createSmallSurface, type SmallSurface } from '../../../test/small-surface.ts';
import { localPrincipal } from '../../policy/principal.ts';
import type { ModernServerOptions } from './server.ts';
import { ModernConnection } from './stdio.ts';

let small: SmallSurface;
let written: Record<string, unknown>[];
let tell: () => void;

function connect(options: ModernServerOptions = {}): ModernConnection {
  const { surface } = small;
  return new ModernConnection({
    ...options,
    surface: {
      ...surface,
      resources: {
        list: async () => ({ items: [] }),
        templates: async () => [],
        read: async () => [],
        async subscribe(_uri, _caller, changed) {
          tell = changed;
          return {
            end: () => {
              tell = () => undefined;
            },
            allows: () => true,
          };
        },
      },
    },
    caller: { principal: localPrincipal },
    write: (json) => written.push(JSON.parse(json)),
  });
}

beforeEach(() => {
  small = createSmallSurface();
  written = [];
});

const message = (...args: Parameters<typeof modernRequest>) => ({ ...modernRequest(...args) });
const cancelled = (requestId: unknown) => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId },
});
const hold = (id: string) => message('tools/call', { name: 'hold', arguments: {} }, { id });

describe('a modern connection over stdio', () => {
  it('answers without headers, and each request on its own', async () => {
    const connection = connect();
    const slow = connection.receive(hold('slow'));
    await small.holding(1);
    await connection.receive(
      message('tools/call', { name: 'echo', arguments: { text: 'x' } }, { id: 'fast' }),
    );
    small.held[0]?.release();
    await slow;
    expect(written.map(({ id }) => id)).toEqual(['fast', 'slow']);
  });

  it('asks for a confirmation as over HTTP', async () => {
    const connection = connect();
    const call = { name: 'drop', arguments: { name: 'orders' } };
    await connection.receive(message('tools/call', call, { capabilities: asksUser }));
    const [asked] = written as { result: { requestState: string } }[];
    const requestState = asked?.result.requestState;
    const inputResponses = { confirmation: { action: 'accept', content: { name: 'orders' } } };
    await connection.receive(
      message('tools/call', { ...call, inputResponses, requestState }, { capabilities: asksUser }),
    );
    expect(small.dropped).toEqual(['orders']);
  });

  it('reports no progress after the answer, neither what still waited nor the last note again', async () => {
    vi.useFakeTimers();
    try {
      const connection = connect();
      const call = { name: 'hold', arguments: {} };
      const answered = connection.receive(message('tools/call', call, { meta: { progressToken: 'p' } }));
      await small.holding(1);
      small.held[0]?.release();
      await answered;
      await vi.advanceTimersByTimeAsync(60_000);
      expect(written.at(-1)).toHaveProperty('result');
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('says nothing more of a cancelled request', async () => {
    const connection = connect();
    const running = connection.receive(hold('a'));
    await small.holding(1);
    await connection.receive(cancelled('a'));
    await running;
    expect(small.held[0]?.context.signal.aborted).toBe(true);
    expect(small.audits.at(-1)?.outcome).toBe('cancelled');
    expect(written).toEqual([]);
  });

  it('can cancel the request with the id 0', async () => {
    const connection = connect();
    const running = connection.receive(message('tools/call', { name: 'hold', arguments: {} }, { id: 0 }));
    await small.holding(1);
    await connection.receive(cancelled(0));
    await running;
    expect(small.held[0]?.context.signal.aborted).toBe(true);
  });

  it('ignores a cancellation of something else', async () => {
    const connection = connect();
    for (const id of ['b', 7, undefined, {}]) await connection.receive(cancelled(id));
    const running = connection.receive(hold('a'));
    await small.holding(1);
    await connection.receive(cancelled('b'));
    small.held[0]?.release();
    await running;
    expect(written).toHaveLength(1);
  });

  it('refuses an id that is in use', async () => {
    const connection = connect();
    const running = connection.receive(hold('a'));
    await small.holding(1);
    await connection.receive(hold('a'));
    expect(written).toMatchObject([{ id: 'a', error: { code: -32600 } }]);
    small.held[0]?.release();
    await running;
  });

  it('answers a request of the older generation with what it misses', async () => {
    await connect().receive({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
    expect(written).toMatchObject([{ id: 1, error: { code: -32602 } }]);
  });

  describe('with a subscription', () => {
    const listen = () =>
      message(
        'subscriptions/listen',
        { notifications: { resourceSubscriptions: ['cnpg://demo/main'] } },
        { id: 'sub' },
      );

    it('tells of changes until the client cancels it', async () => {
      const connection = connect();
      await connection.receive(listen());
      tell();
      await connection.receive(cancelled('sub'));
      tell();
      expect(written.map(({ method }) => method)).toEqual([
        'notifications/subscriptions/acknowledged',
        'notifications/resources/updated',
      ]);
    });

    it('ends it with an empty result when it closes', async () => {
      const connection = connect();
      await connection.receive(listen());
      connection.close();
      expect(written.at(-1)).toMatchObject({ id: 'sub', result: { resultType: 'complete' } });
      tell();
      expect(written).toHaveLength(2);
    });

    it('ends it after its lifetime, so that rights are checked again', async () => {
      vi.useFakeTimers();
      const connection = connect({ subscriptions: { perPrincipal: 1, total: 1, lifetimeSeconds: 60 } });
      await connection.receive(listen());
      vi.advanceTimersByTime(59_000);
      expect(written).toHaveLength(1);
      vi.advanceTimersByTime(2_000);
      expect(written.at(-1)).toMatchObject({ id: 'sub', result: { resultType: 'complete' } });
      vi.useRealTimers();
      // Its place is free again.
      await connection.receive(listen());
      expect(written.at(-1)).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
    });
  });

  it('tells its observer of every request, with names that nobody can make up', async () => {
    const observe = vi.fn();
    const connection = connect({ observe });
    await connection.receive(message('tools/call', { name: 'fail', arguments: { how: 'not_found' } }));
    await connection.receive(message('made/up'));
    expect(observe.mock.calls.map(([{ durationSeconds: _duration, ...operation }]) => operation)).toEqual([
      {
        method: 'tools/call',
        tool: 'fail',
        protocolVersion: '2026-07-28',
        transport: 'stdio',
        errorType: 'not_found',
      },
      { method: 'unknown', protocolVersion: '2026-07-28', transport: 'stdio', errorType: '-32601' },
    ]);
  });
});
