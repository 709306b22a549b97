import { describe, expect, it } from 'vitest';
import { cluster, cnpg, core, send, simulate } from '../test-client.ts';

const clusters = `${cnpg('default')}/clusters`;

describe('a fault with a status', () => {
  it.each([
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [503, 'ServiceUnavailable'],
  ])('answers %s with a Status', async (status, reason) => {
    const simulator = await simulate();
    simulator.faults.add({ match: {}, status });
    expect((await send(simulator, 'GET', clusters)).body).toMatchObject({
      kind: 'Status',
      code: status,
      reason,
    });
    expect(simulator.requests[0]?.status).toBe(status);
  });

  it('says when to come back', async () => {
    const simulator = await simulate();
    simulator.faults.add({ match: {}, status: 429, retryAfter: 3 });
    const { body, headers } = await send(simulator, 'GET', clusters);
    expect(headers.get('retry-after')).toBe('3');
    expect(body.details).toEqual({ retryAfterSeconds: 3 });
  });

  it('changes nothing in the store', async () => {
    const simulator = await simulate();
    simulator.faults.add({ match: { verb: 'create' }, status: 500 });
    await send(simulator, 'POST', clusters, cluster('a'));
    expect(simulator.state.list('clusters')).toEqual([]);
  });

  it('is over after as many times as asked, or when it is removed', async () => {
    const simulator = await simulate();
    const statuses = async () => [
      (await send(simulator, 'GET', clusters)).status,
      (await send(simulator, 'GET', clusters)).status,
    ];
    simulator.faults.add({ match: {}, status: 500, times: 1 });
    expect(await statuses()).toEqual([500, 200]);
    const remove = simulator.faults.add({ match: {}, status: 503 });
    expect(await statuses()).toEqual([503, 503]);
    remove();
    expect(await statuses()).toEqual([200, 200]);
  });

  it('hits only the verb, resource and path it names', async () => {
    const simulator = await simulate();
    simulator.faults.add({ match: { verb: 'list', resource: 'clusters', path: /limit=1/ }, status: 500 });
    expect((await send(simulator, 'GET', clusters)).status).toBe(200);
    expect((await send(simulator, 'GET', `${clusters}/a?limit=1`)).status).toBe(404);
    expect((await send(simulator, 'GET', `${core('default')}/pods?limit=1`)).status).toBe(200);
    expect((await send(simulator, 'GET', `${clusters}?limit=1`)).status).toBe(500);
  });
});

describe('the connection', () => {
  it('can be slow', async () => {
    const simulator = await simulate();
    simulator.faults.add({ match: {}, delayMs: 60 });
    const before = performance.now();
    expect((await send(simulator, 'GET', clusters)).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
  });

  it('can be dropped without an answer', async () => {
    const simulator = await simulate();
    simulator.faults.add({ match: {}, drop: true, times: 1 });
    await expect(send(simulator, 'GET', clusters)).rejects.toThrow('fetch failed');
    expect(simulator.requests[0]?.status).toBe(0);
  });

  it('can be cut in the middle of an answer', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    simulator.faults.add({ match: {}, truncate: true, times: 1 });
    await expect(send(simulator, 'GET', `${clusters}/a`)).rejects.toThrow('terminated');
    expect((await send(simulator, 'GET', `${clusters}/a`)).status).toBe(200);
  });

  it('is refused while the server is down, and comes back on the same port', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    await simulator.faults.down();
    await expect(send(simulator, 'GET', clusters)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await simulator.faults.up();
    expect((await send(simulator, 'GET', `${clusters}/a`)).status).toBe(200);
  });
});

describe('the token', () => {
  it('expires and is renewed', async () => {
    const simulator = await simulate();
    simulator.faults.expireToken();
    expect((await send(simulator, 'GET', clusters)).body).toMatchObject({
      code: 401,
      reason: 'Unauthorized',
    });
    simulator.faults.renewToken();
    expect((await send(simulator, 'GET', clusters)).status).toBe(200);
  });
});

describe('clear', () => {
  it('ends all faults and renews the token', async () => {
    const simulator = await simulate();
    simulator.faults.add({ match: {}, status: 500 });
    simulator.faults.expireToken();
    simulator.faults.clear();
    expect((await send(simulator, 'GET', clusters)).status).toBe(200);
  });
});
