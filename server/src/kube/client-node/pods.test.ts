import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../../../e2e/simulator/index.ts';
import type { KubeGateway } from '../gateway.ts';
import { createGateway } from './index.ts';

let simulator: Simulator;
let gateway: KubeGateway;
const namespace = 'default';
const newest = 'the newest line';

beforeAll(async () => {
  simulator = await startSimulator({ speed: 100 });
  gateway = createGateway({ kubeconfigText: simulator.kubeconfig });
});
afterAll(async () => {
  await gateway.close();
  await simulator.close();
});

describe('a log', () => {
  const key = { namespace, name: 'logging' };
  beforeAll(() => {
    simulator.state.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: key,
      spec: { containers: [{ name: 'postgres' }] },
    });
    const lines = Array.from({ length: 2000 }, (_, index) => `line ${index} ${'ä'.repeat(100)}`);
    simulator.state.log(namespace, key.name, [...lines, newest]);
  });

  it('is its last lines', async () => {
    const log = await gateway.podLog(key, { container: 'postgres', tailLines: 2 });
    expect(log).toBe(`line 1999 ${'ä'.repeat(100)}\n${newest}\n`);
  });

  it('is cut at the front and between lines when it is too long', async () => {
    const log = await gateway.podLog(key, { container: 'postgres', tailLines: 2000, limitBytes: 1000 });
    expect(Buffer.byteLength(log)).toBeLessThanOrEqual(1000);
    const lines = log.trimEnd().split('\n');
    expect(lines.at(-1)).toBe(newest);
    expect(lines[0]).toMatch(/^line 199\d ä{100}$/);
  });

  it('is at most 64 KiB unless more is asked for', async () => {
    const log = await gateway.podLog(key, { container: 'postgres', tailLines: 2000 });
    expect(Buffer.byteLength(log)).toBeLessThanOrEqual(65_536);
    const more = await gateway.podLog(key, { container: 'postgres', tailLines: 2000, limitBytes: 2 ** 20 });
    expect(more).toMatch(/^line 1 /);
  });

  it('keeps the end of a line that alone is too long', async () => {
    simulator.state.log(namespace, key.name, [`${'ä'.repeat(500)}!`]);
    const log = await gateway.podLog(key, { container: 'postgres', tailLines: 1, limitBytes: 100 });
    expect(log).toMatch(/^ä{48,49}!\n$/);
  });

  it.each([
    ['of a container that is not there', { container: 'sidecar', tailLines: 1 }],
    ['of a run before the first', { container: 'postgres', tailLines: 1, previous: true }],
  ])('%s is not found', async (_, options) => {
    await expect(gateway.podLog(key, options)).rejects.toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('container'),
    });
  });
});

describe("the instance manager's pages", () => {
  const key = { namespace, name: 'main-1' };
  beforeAll(async () => {
    await gateway.create('clusters', {
      metadata: { name: 'main', namespace },
      spec: { instances: 1, storage: { size: '1Gi' } },
    });
    const healthy = 'Cluster in healthy state';
    await simulator.state.until(
      'clusters',
      namespace,
      'main',
      (cluster) => cluster?.status?.phase === healthy,
    );
  });

  it('are read through the API server', async () => {
    expect(JSON.parse(await gateway.podProxy(key, 'pg/status'))).toMatchObject({ isPrimary: true });
    expect(await gateway.podProxy(key, 'metrics')).toContain('cnpg_collector_up');
  });

  // The answers are those of a real API server to a pod whose metrics have TLS, and to one whose status has none.
  it.each([
    [
      'metrics',
      ['main-1:9187', 'https:main-1:9187'],
      400,
      'Client sent an HTTP request to an HTTPS server.\n',
    ],
    [
      'pg/status',
      ['https:main-1:8000', 'main-1:8000'],
      503,
      '{"kind":"Status","reason":"ServiceUnavailable","code":503,"message":"error trying to reach service: tls: first record does not look like a TLS handshake"}',
    ],
  ] as const)(
    'are asked for in the other scheme when the pod says so: %s',
    async (page, targets, status, body) => {
      const asked: (string | undefined)[] = [];
      const server = createServer((request, response) => {
        asked.push(request.url?.split('/')[6]);
        if (asked.length === 1) response.writeHead(status).end(body);
        else response.end('the page');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const kubeconfigText = simulator.kubeconfig.replace(simulator.url, `http://127.0.0.1:${port}`);
      const other = createGateway({ kubeconfigText });
      expect(await other.podProxy(key, page)).toBe('the page');
      expect(asked).toEqual(targets);
      await other.close();
      server.close();
    },
  );

  it('of an instance that does not answer are not asked for again', async () => {
    simulator.postgres.behave(namespace, key.name, { reachable: false });
    simulator.clearRequests();
    await expect(gateway.podProxy(key, 'pg/status')).rejects.toMatchObject({
      code: 'cluster_error',
      message: 'The instance manager of Pod "main-1" in namespace "default" does not answer.',
    });
    expect(simulator.requests).toHaveLength(1);
    simulator.postgres.behave(namespace, key.name, {});
  });
});
