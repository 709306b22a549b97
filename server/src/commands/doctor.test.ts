import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../../e2e/simulator/index.ts';
import type { SimulatorOptions } from '../../../e2e/simulator/types.ts';
import { runOnTerminal } from '../../test/terminal.ts';
import { catalogue } from '../tools/catalog/index.ts';
import { type Check, compareVersions } from './doctor-checks.ts';

let simulator: Simulator | undefined;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-doctor-'));
});
afterEach(async () => {
  await simulator?.close();
  simulator = undefined;
  await rm(folder, { recursive: true });
});

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  simulator = await startSimulator({ operator: false, ...options });
  await writeFile(join(folder, 'kubeconfig'), simulator.kubeconfig);
  return simulator;
}

const doctor = (...args: string[]) =>
  runOnTerminal(['doctor', '--kubeconfig', join(folder, 'kubeconfig'), ...args]);

async function checks(...args: string[]): Promise<{ status: number; check(id: string): Check | undefined }> {
  const { status, out } = await doctor('--output=json', ...args);
  const report = JSON.parse(out) as { ok: boolean; checks: Check[] };
  expect(report.ok).toBe(status === 0);
  return { status, check: (id) => report.checks.find((check) => check.id === id) };
}

describe('cnpg-mcp doctor', () => {
  it('finds nothing wrong where everything is in place, and says so in one line a check', async () => {
    await start();
    const { status, out } = await doctor();
    expect(status).toBe(0);
    expect(out).toMatch(
      /^ {2}ok {4}cluster-configured: http:\/\/127\.0\.0\.1:\d+, from context "simulated" of /m,
    );
    expect(out).toMatch(/^ {2}ok {4}identity: simulated /m);
    expect(out).toMatch(/^ {2}ok {4}operator-version: Operator 1\.30\.0, with DatabaseRole\.$/m);
    for (const { name } of catalogue) expect(out).toMatch(new RegExp(`^ {2}ok {4}rights-${name}: `, 'm'));
    expect(out).toMatch(/^\d+ checks: 0 failed, 0 with a warning\.$/m);
  });

  it('changes nothing', async () => {
    const { requests } = await start();
    await doctor();
    const writes = requests.filter(({ method, path }) => method !== 'GET' && !/reviews(\?|$)/.test(path));
    expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  it('says that there is no kubeconfig, and what to do', async () => {
    const { status, check } = await checks();
    expect(status).toBe(1);
    expect(check('cluster-configured')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('KUBECONFIG'),
    });
    expect(check('api-reachable')?.status).toBe('skipped');
  });

  it('says that the API server cannot be reached', async () => {
    const { faults } = await start();
    await faults.down();
    const { status, check } = await checks();
    expect(status).toBe(1);
    expect(check('cluster-configured')?.status).toBe('ok');
    expect(check('api-reachable')?.status).toBe('failed');
  });

  it('says that the credentials are not accepted', async () => {
    const { faults } = await start();
    faults.expireToken();
    const { status, check } = await checks();
    expect(status).toBe(1);
    expect(check('api-reachable')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('Renew'),
    });
  });

  it('says that the operator is not installed', async () => {
    await start({ crds: false });
    const { status, check } = await checks();
    expect(status).toBe(1);
    expect(check('operator-installed')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('Install'),
    });
  });

  it('names the missing right, and who lacks it: a warning for a tool that changes something', async () => {
    const { deny } = await start();
    deny({ verb: 'delete', resource: 'clusters' });
    const { status, check } = await checks();
    expect(status).toBe(0);
    expect(check('rights-delete_postgres_cluster')).toMatchObject({
      status: 'warning',
      message: 'simulated lacks delete clusters.postgresql.cnpg.io.',
      remedy: expect.stringContaining('readOnly'),
    });
    expect(check('rights-list_postgres_clusters')?.status).toBe('ok');
  });

  it('fails when a tool that only looks lacks a right', async () => {
    const { deny } = await start();
    deny({ verb: 'list', resource: 'clusters' });
    const { status, check } = await checks();
    expect(status).toBe(1);
    expect(check('rights-list_postgres_clusters')?.status).toBe('failed');
  });

  it('does not mind the lack of an optional right, and says what it is for', async () => {
    const { deny } = await start();
    deny({ resource: 'pods' });
    const { status, check } = await checks();
    expect(status).toBe(0);
    expect(check('rights-get_cluster_status')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('list pods'),
    });
  });

  it('looks at the tools that are offered, in the namespaces that are configured', async () => {
    await start();
    const { out } = await doctor('--read-only', '--namespaces=default,nowhere');
    expect(out).not.toContain('rights-delete_postgres_cluster');
    expect(out).toContain('Rights in namespace nowhere');
    expect(out).toMatch(/^ {2}warn {2}namespace-nowhere: Does not exist\./m);
  });

  it('refuses an output that it does not know', async () => {
    expect(await doctor('--output=xml')).toMatchObject({
      status: 2,
      error: expect.stringContaining('text or json'),
    });
  });
});

describe('versions', () => {
  it.each([
    ['1.28.0', '1.28.0', 0],
    ['1.9.5', '1.28.0', -1],
    ['1.30.0', '1.28.9', 1],
    ['2.0', '1.28.9', 1],
    ['1.28.1-rc1', '1.28.0', 1],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });
});
