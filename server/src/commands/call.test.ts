import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Simulator, startSimulator } from '../../../e2e/simulator/index.ts';
import { putCluster } from '../../test/clusters.ts';
import { runOnTerminal } from '../../test/terminal.ts';
import type { Tool } from '../tools/define-tool.ts';
import { readArguments } from './call.ts';

let simulator: Simulator;
let folder: string;
let kubeconfig: string;
beforeAll(async () => {
  simulator = await startSimulator({ operator: false });
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-call-'));
  kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, simulator.kubeconfig);
});
afterAll(async () => {
  await simulator.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => void putCluster(simulator, 'orders', 'default', 1));

const call = (args: string[], options?: Parameters<typeof runOnTerminal>[1]) =>
  runOnTerminal(['call', ...args, '--kubeconfig', kubeconfig], options);
const exists = () => simulator.state.get('clusters', 'default', 'orders') !== undefined;

describe('cnpg-mcp call', () => {
  it('prints the answer as text, or as JSON', async () => {
    const text = await call(['list_postgres_clusters']);
    expect(text).toMatchObject({ status: 0, error: '' });
    expect(text.out).toContain('orders');
    const json = await call(['list_postgres_clusters', '--json', 'all_namespaces=yes', 'limit=1']);
    expect(JSON.parse(json.out)).toMatchObject({ count: 1, clusters: [{ name: 'orders' }] });
  });

  it('ends with 1 when the tool answers an error', async () => {
    const { status, out } = await call(['get_cluster_status', 'name=missing']);
    expect(status).toBe(1);
    expect(out).toContain('not_found');
  });

  it.each([
    [['list_postgres_clusers'], 'did you mean list_postgres_clusters?'],
    [['get_cluster_status', 'name'], '"name" is not an argument: write key=value.'],
    [['create_postgres_cluster', 'name=x', 'parameters={'], 'parameters is not JSON.'],
    [['get_cluster_status', 'nme=orders'], 'did you mean name?'],
    [['scale_postgres_cluster', 'name=orders', 'instances=many'], 'instances: expected number'],
  ])('ends %j with 2: %s', async (args, message) => {
    const { status, out, error } = await call(args);
    expect(status).toBe(2);
    expect(out + error).toContain(message);
  });

  it('keeps to the policy', async () => {
    const { status, out } = await call([
      'scale_postgres_cluster',
      'name=orders',
      'instances=2',
      '--read-only',
    ]);
    expect(status).toBe(1);
    expect(out).toContain('policy_denied');
  });
});

describe('what destroys, on a terminal', () => {
  const deletion = ['delete_postgres_cluster', 'name=orders'];

  it('is done when the person types the name that is asked for', async () => {
    const { status, questions } = await call(deletion, { answer: 'orders' });
    expect(status).toBe(0);
    expect(questions).toHaveLength(1);
    expect(questions[0]).toMatch(/Delete.*default\/orders.*Type "orders" to go ahead: $/s);
    expect(exists()).toBe(false);
  });

  it.each(['', 'yes', 'order'])('is not done when the person types %j', async (answer) => {
    expect((await call(deletion, { answer })).status).toBe(1);
    expect(exists()).toBe(true);
  });

  it('is not done without a person, and the way for scripts is named', async () => {
    const { status, out, error } = await call([...deletion, 'confirm_deletion=true']);
    expect(status).toBe(1);
    expect(out).toContain('confirm_token');
    expect(error).toContain('--confirmation=argument');
    expect(exists()).toBe(true);
  });

  it('is done in two calls when both have the same key', async () => {
    const environment = { CNPG_MCP_CONFIRMATION_KEY: 'k'.repeat(32) };
    const first = await call([...deletion, '--json'], { environment });
    expect(first).toMatchObject({ status: 1, error: '' });
    const { confirm_name, confirm_token } = JSON.parse(first.out).confirmation;
    const given = [`confirm_name=${confirm_name}`, `confirm_token=${confirm_token}`, 'confirm_deletion=true'];
    expect((await call([...deletion, ...given], { environment })).status).toBe(0);
    expect(exists()).toBe(false);
  });

  it('is not done without the flag where that alone is enough, and the flag is named', async () => {
    const { status, error } = await call([...deletion, '--confirmation=argument']);
    expect({ status, error }).toEqual({
      status: 1,
      error: 'With --confirmation=argument it is done with confirm_deletion=true.\n',
    });
    expect(exists()).toBe(true);
  });

  it('is done at once where the flag alone is enough', async () => {
    const given = ['confirm_deletion=true', '--confirmation=argument'];
    expect((await call([...deletion, ...given])).status).toBe(0);
    expect(exists()).toBe(false);
  });
});

describe('arguments as text', () => {
  const tool = {
    input: z.strictObject({
      count: z.int().optional(),
      on: z.boolean().default(false),
      names: z.array(z.string()).optional(),
      map: z.record(z.string(), z.string()).optional(),
      text: z.string(),
    }),
  } as unknown as Tool;

  it('are read as the schema expects them', () => {
    const pairs = ['count=3', 'on=yes', 'names=a,b', 'map={"a":"b=c"}', 'text=1=2', 'unknown=4'];
    expect(readArguments(tool, pairs)).toEqual({
      count: 3,
      on: true,
      names: ['a', 'b'],
      map: { a: 'b=c' },
      text: '1=2',
      unknown: '4',
    });
    expect(readArguments(tool, ['names=["a,b"]'])).toEqual({ names: ['a,b'] });
  });

  it('stay text when they are named like what every object has', () => {
    const given = readArguments(tool, ['constructor=1', '__proto__=2']);
    expect(Object.entries(given)).toEqual([
      ['constructor', '1'],
      ['__proto__', '2'],
    ]);
  });
});
