/** Repetition, deadlines, cancellation and the end of connections, as a caller of the gateway sees them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../../../e2e/simulator/index.ts';
import { ToolError } from '../../errors.ts';
import type { KubeGateway } from '../gateway.ts';
import { createGateway, type RequestReport } from './index.ts';

let simulator: Simulator;
let gateway: KubeGateway;
const reports: RequestReport[] = [];

beforeAll(async () => {
  simulator = await startSimulator({ operator: false });
  gateway = createGateway({
    kubeconfigText: simulator.kubeconfig,
    onRequest: (report) => reports.push(report),
  });
  simulator.state.put(database('app'));
  await gateway.whoAmI();
  simulator.clearRequests();
});
afterEach(() => {
  simulator.faults.clear();
  simulator.clearRequests();
  reports.length = 0;
});
afterAll(async () => {
  await gateway.close();
  await simulator.close();
});

const namespace = 'default';
const key = { namespace, name: 'app' };

function database(name: string) {
  return {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name, namespace },
    spec: { name, owner: 'app', cluster: { name: 'main' } },
  };
}

async function errorOf(call: Promise<unknown>): Promise<ToolError> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof ToolError) return thrown;
  throw new Error('The call did not end with a ToolError.', { cause: thrown });
}

const statuses = (): number[] => simulator.requests.map(({ status }) => status);

describe('a request that the API server cannot serve now', () => {
  it.each([429, 500, 503, 504])('is repeated after %i when it only reads', async (status) => {
    simulator.faults.add({ match: { resource: 'databases' }, status, times: 2 });
    await gateway.get('databases', key);
    expect(statuses()).toEqual([status, status, 200]);
  });

  it('is given up after four attempts', async () => {
    simulator.faults.add({ match: { resource: 'databases' }, status: 503 });
    const error = await errorOf(gateway.get('databases', key));
    expect(error).toMatchObject({
      code: 'cluster_error',
      api: { status: 503, reason: 'ServiceUnavailable' },
    });
    expect(statuses()).toEqual([503, 503, 503, 503]);
  });

  it('is repeated no sooner than the API server asked for', async () => {
    simulator.faults.add({ match: { resource: 'databases' }, status: 429, retryAfter: 1, times: 1 });
    const started = performance.now();
    await gateway.get('databases', key);
    expect(performance.now() - started).toBeGreaterThanOrEqual(1000);
  });

  it('is not waited for beyond the deadline: the caller learns when to come back', async () => {
    simulator.faults.add({ match: { resource: 'databases' }, status: 429, retryAfter: 60 });
    const error = await errorOf(gateway.get('databases', key, { timeoutSeconds: 5 }));
    expect(error).toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 60 });
    expect(statuses()).toEqual([429]);
  });

  it('is never repeated when it writes', async () => {
    const writes = [
      () => gateway.create('databases', database('new')),
      () => gateway.patch('databases', key, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } }),
      () => gateway.remove('databases', key),
    ];
    for (const write of writes) {
      simulator.clearRequests();
      simulator.faults.add({ match: { resource: 'databases' }, status: 503, times: 1 });
      expect((await errorOf(write())).code).toBe('cluster_error');
      expect(statuses()).toEqual([503]);
    }
    expect(simulator.state.get('databases', namespace, 'app')?.metadata.labels).toBeUndefined();
  });

  it('is repeated when it removes this very object', async () => {
    const { metadata } = simulator.state.put(database('to-go'));
    simulator.faults.add({ match: { resource: 'databases' }, status: 503, times: 1 });
    await gateway.remove('databases', { namespace, name: 'to-go' }, { uid: metadata.uid });
    expect(simulator.state.get('databases', namespace, 'to-go')).toBeUndefined();
  });
});

describe('a connection that breaks', () => {
  it('is made again for a request that only reads', async () => {
    simulator.faults.add({ match: { resource: 'databases' }, drop: true, times: 1 });
    await gateway.get('databases', key);
    simulator.faults.add({ match: { resource: 'databases' }, truncate: true, times: 1 });
    expect((await gateway.get('databases', key)).metadata.name).toBe('app');
  });

  it('leaves a write in doubt, which the error says', async () => {
    simulator.faults.add({ match: { verb: 'create' }, truncate: true, times: 1 });
    const error = await errorOf(gateway.create('databases', database('in-doubt')));
    expect(error).toMatchObject({
      code: 'cluster_unreachable',
      details: { host: new URL(simulator.url).host, cause: 'UND_ERR_SOCKET' },
    });
    expect(simulator.requests).toHaveLength(1);
    expect(simulator.state.get('databases', namespace, 'in-doubt')).toBeDefined();
  });

  it('does not make a deletion fail whose first attempt was carried out', async () => {
    const { metadata } = simulator.state.put(database('gone'));
    simulator.faults.add({ match: { verb: 'delete' }, truncate: true, times: 1 });
    await gateway.remove('databases', { namespace, name: 'gone' }, { uid: metadata.uid });
    expect(simulator.requests).toHaveLength(2);
  });

  it('for good is told at once, and forgotten as soon as the API server is back', async () => {
    await simulator.faults.down();
    const error = await errorOf(gateway.get('databases', key));
    const { host } = new URL(simulator.url);
    expect(error).toMatchObject({
      code: 'cluster_unreachable',
      message: `The API server at ${host} cannot be reached: ECONNREFUSED.`,
      details: { host, cause: 'ECONNREFUSED' },
    });
    await simulator.faults.up();
    expect((await gateway.get('databases', key)).metadata.name).toBe('app');
  });
});

describe('a call', () => {
  it('ends at its deadline', async () => {
    simulator.faults.add({ match: { resource: 'databases' }, delayMs: 10_000 });
    const error = await errorOf(gateway.get('databases', key, { timeoutSeconds: 0.1 }));
    expect(error).toMatchObject({
      code: 'timeout',
      message: 'To get Database "app" in namespace "default" took longer than 0.1 s.',
    });
  });

  it('ends when it is cancelled, also between two attempts', async () => {
    simulator.faults.add({ match: { resource: 'databases' }, status: 429, retryAfter: 10 });
    const cancel = new AbortController();
    const call = gateway.get('databases', key, { signal: cancel.signal });
    while (statuses()[0] !== 429) await new Promise(setImmediate);
    cancel.abort();
    expect((await errorOf(call)).code).toBe('cancelled');
    expect(statuses()).toEqual([429]);
  });

  it('that was cancelled before sends nothing', async () => {
    const call = gateway.create('databases', database('never'), { signal: AbortSignal.abort() });
    expect((await errorOf(call)).code).toBe('cancelled');
    expect(simulator.requests).toEqual([]);
  });

  it('reads more than a page in several requests', async () => {
    for (let index = 0; index < 1100; index += 1) simulator.state.put(secret(`s${index}`));
    const { items, continue: token } = await gateway.list('secrets', { namespace });
    expect([items.length, token]).toEqual([1100, undefined]);
    expect(simulator.requests).toHaveLength(3);
  });

  it('begins again when the list expires while it is read', async () => {
    simulator.faults.add({ match: { path: /continue=/ }, status: 410, times: 1 });
    const { items } = await gateway.list('secrets', { namespace });
    expect(items).toHaveLength(1100);
    expect(statuses()).toEqual([200, 410, 200, 200, 200]);
  });

  it('is reported for metrics, every attempt of it', async () => {
    simulator.faults.add({ match: { resource: 'databases' }, status: 503, times: 1 });
    await gateway.get('databases', key);
    await errorOf(gateway.podLog({ namespace, name: 'none' }, { container: 'postgres', tailLines: 1 }));
    expect(reports).toEqual([
      { verb: 'get', resource: 'databases', status: 503, durationSeconds: expect.any(Number) },
      { verb: 'get', resource: 'databases', status: 200, durationSeconds: expect.any(Number) },
      { verb: 'get', resource: 'pods/log', status: 404, durationSeconds: expect.any(Number) },
    ]);
  });

  it('shares its connections with others and says who it is', async () => {
    await Promise.all(Array.from({ length: 20 }, () => gateway.get('databases', key)));
    expect(simulator.requests.map(({ user }) => user)).toEqual(Array(20).fill('simulated'));
  });
});

describe('a write', () => {
  it('names the owner of the fields, and wants unknown fields refused', async () => {
    await gateway.create('databases', database('owned'), { dryRun: true });
    const [request] = simulator.requests;
    expect(request).toMatchObject({ dryRun: true, contentType: 'application/json' });
    const query = new URL(request?.path ?? '', simulator.url).searchParams;
    expect(Object.fromEntries(query)).toEqual({
      dryRun: 'All',
      fieldManager: 'cnpg-mcp',
      fieldValidation: 'Strict',
    });
  });
});

describe('an error', () => {
  it('never holds the credentials', async () => {
    const hush = 'hush-hush-token';
    const kubeconfigText = simulator.kubeconfig.replace('token: simulated', `token: ${hush}`);
    const other = createGateway({ kubeconfigText });
    const errors = [await errorOf(other.get('databases', key))];
    simulator.faults.add({ match: {}, drop: true });
    errors.push(await errorOf(other.create('databases', database('new'))));
    await simulator.faults.down();
    errors.push(await errorOf(other.get('databases', key)));
    await simulator.faults.up();
    await other.close();
    expect(errors.map(({ code }) => code)).toEqual([
      'not_authenticated',
      'cluster_unreachable',
      'cluster_unreachable',
    ]);
    for (const error of errors) {
      expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain(hush);
    }
  });
});

function secret(name: string) {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque' };
}
