import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { putHealthyCluster } from '../scenes.ts';
import { core, send, simulate } from '../test-client.ts';
import type { SimulatorOptions } from '../types.ts';

const pods = `${core('default')}/pods`;

async function withCluster(options: SimulatorOptions = {}) {
  const simulator = await simulate(options);
  putHealthyCluster(simulator, { name: 'a', instances: 2 });
  return simulator;
}

describe('pods/log', () => {
  const log = async (simulator: Simulator, query = '', pod = 'a-1') =>
    (await send(simulator, 'GET', `${pods}/${pod}/log?${query}`)).body;

  it('answers lines from the end, limited in bytes, with timestamps', async () => {
    const at = new Date('2026-11-24T10:00:00Z');
    const simulator = await withCluster({ now: () => at });
    simulator.state.log('default', 'a-2', ['one', 'two', 'three']);
    expect((await log(simulator, 'tailLines=2', 'a-2')).text).toBe('two\nthree\n');
    expect((await log(simulator, 'tailLines=2&limitBytes=5', 'a-2')).text).toBe('two\nt');
    expect((await log(simulator, 'tailLines=1&timestamps=true', 'a-2')).text).toBe(
      '2026-11-24T10:00:00.000000000Z three\n',
    );
  });

  it('leaves out what is older than asked for', async () => {
    let at = new Date('2026-11-24T10:00:00Z');
    const simulator = await withCluster({ now: () => at });
    simulator.state.log('default', 'a-1', ['old']);
    at = new Date('2026-11-24T10:10:00Z');
    simulator.state.log('default', 'a-1', ['new']);
    expect((await log(simulator, 'sinceSeconds=60')).text).toBe('new\n');
    expect((await log(simulator, 'sinceTime=2026-11-24T10:05:00Z')).text).toBe('new\n');
  });

  it.each([
    ['a pod that is not there', 'a-9', '', 404, 'pods "a-9" not found'],
    [
      'a container that is not there',
      'a-1',
      'container=x',
      400,
      'container x is not valid for pod a-1 in namespace default',
    ],
    [
      'a run before the first',
      'a-1',
      'previous=true',
      400,
      'previous terminated container "postgres" in pod "a-1" not found',
    ],
  ])('knows nothing of %s', async (_, pod, query, code, message) => {
    const simulator = await withCluster();
    expect(await log(simulator, query, pod)).toMatchObject({ code, message });
  });

  it('follows', async () => {
    const simulator = await withCluster();
    const response = await fetch(`${simulator.url}${pods}/a-1/log?follow=true&tailLines=0`, {
      headers: { authorization: 'Bearer simulated' },
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const read = reader?.read();
    simulator.state.log('default', 'a-1', ['now']);
    expect((await read)?.value).toBe('now\n');
    await reader?.cancel();
  });

  it('says why a container has none', async () => {
    const simulator = await withCluster();
    const pod = simulator.state.get('pods', 'default', 'a-1');
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' };
    const status = { ...pod?.status, containerStatuses: [{ name: 'postgres', state: { waiting } }] };
    simulator.state.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'b', namespace: 'default' },
      spec: pod?.spec ?? {},
      status,
    });
    expect(await log(simulator, '', 'b')).toMatchObject({
      code: 400,
      message: 'container "postgres" in pod "b" is waiting to start: trying and failing to pull image',
    });
  });
});

describe('pods/proxy', () => {
  const get = (simulator: Simulator, target: string, path: string) =>
    send(simulator, 'GET', `${pods}/${target}/proxy${path}`);

  it('gives the status of a primary and of a replica', async () => {
    const simulator = await withCluster();
    const primary = (await get(simulator, 'https:a-1:8000', '/pg/status')).body;
    expect(primary).toMatchObject({
      isPrimary: true,
      timeLineID: 1,
      instanceManagerVersion: '1.30.0',
      isArchivingWAL: true,
    });
    expect(primary.replicationInfo).toMatchObject([
      { applicationName: 'a-2', state: 'streaming', syncState: 'async' },
    ]);
    expect(primary.replicationSlotsInfo).toMatchObject([{ slotName: '_cnpg_a_2', active: true }]);
    const replica = (await get(simulator, 'https:a-2:8000', '/pg/status')).body;
    expect(replica).toMatchObject({
      isPrimary: false,
      isWalReceiverActive: true,
      systemID: primary.systemID,
    });
    expect(replica.replicationInfo).toBeUndefined();
  });

  it('gives metrics', async () => {
    const simulator = await withCluster();
    const { status, body } = await get(simulator, 'a-2:9187', '/metrics');
    expect(status).toBe(200);
    expect(body.text).toContain('cnpg_pg_replication_in_recovery 1\n');
    expect(body.text).toContain('cnpg_collector_up{cluster="a"} 1\n');
  });

  it('shows an instance that misbehaves', async () => {
    const simulator = await withCluster();
    simulator.postgres.behave('default', 'a-2', {
      status: { isWalReceiverActive: false, replayPaused: true },
    });
    expect((await get(simulator, 'https:a-2:8000', '/pg/status')).body).toMatchObject({
      isWalReceiverActive: false,
      replayPaused: true,
    });
    expect((await get(simulator, 'https:a-1:8000', '/pg/status')).body).toMatchObject({
      replicationInfo: [],
      replicationSlotsInfo: [{ active: false }],
    });
  });

  it.each([
    ['https:a-9:8000', '/pg/status', 404, 'pods "a-9" not found'],
    [
      'a-1:1234',
      '/',
      503,
      /^error trying to reach service: dial tcp [0-9.]+:1234: connect: connection refused$/,
    ],
    [
      'https:a-1:9187',
      '/metrics',
      503,
      'error trying to reach service: tls: first record does not look like a TLS handshake',
    ],
  ])('cannot reach %s%s', async (target, path, code, message) => {
    const simulator = await withCluster();
    const { body } = await get(simulator, target, path);
    expect(body.code).toBe(code);
    expect(body.message).toMatch(message);
  });

  it('finds the port closed when the instance is not reachable', async () => {
    const simulator = await withCluster();
    simulator.postgres.behave('default', 'a-1', { reachable: false });
    expect((await get(simulator, 'https:a-1:8000', '/pg/status')).status).toBe(503);
  });

  it('answers plain HTTP to the TLS port as Go does', async () => {
    const simulator = await withCluster();
    const { status, body } = await get(simulator, 'a-1:8000', '/pg/status');
    expect([status, body.text]).toEqual([400, 'Client sent an HTTP request to an HTTPS server.\n']);
  });
});
