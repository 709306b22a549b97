/**
 * `make bench`: the budgets as ratios in one run, as one table; also written to docs/performance.md.
 * Everything is measured on the built server against a simulated cluster in another process.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { root } from '../scripts/paths.ts';
import { authenticationCost } from './authentication.ts';
import { generations } from './generations.ts';
import { inProcess } from './in-process.ts';
import { type Route, requestsPerSecond, send } from './load.ts';
import { interleaved, median, type Row, residentMegabytes, table } from './measure.ts';
import { type Running, startHelper, startServer, temporaryFolder } from './processes.ts';

const starts = 7;
const calls = 10_000;
const clusters = 2_000;
const page = 50;
const namespace = 'team-0001';
const cluster = 'db-0001';
const rows: Row[] = [];
const running: Running[] = [];

const folder = await temporaryFolder('cnpg-mcp-bench-');
try {
  const kubeconfig = join(folder, 'kubeconfig');
  const simulated = await startHelper('simulated-cluster.ts', kubeconfig, String(clusters));
  running.push(simulated);
  await startTimes(kubeconfig);
  const server = await startServer(kubeconfig);
  running.push(server);
  await memoryAndThroughput(kubeconfig, server);
  await latencies(kubeconfig, server, simulated);
  const cost = await authenticationCost(kubeconfig);
  row(cost.what, cost.measured, cost.against, cost.budget, cost.met);
  for (const one of await generations()) row(one.what, one.measured, one.against, one.budget, one.met);
  await report();
} finally {
  for (const program of running.reverse()) await program.stop();
}

function row(what: string, measured: string, against: string, budget: string, met: boolean): void {
  rows.push({ what, measured, against, budget, met });
  console.error(`  ${what}: ${measured}`);
}

async function startTimes(kubeconfig: string): Promise<void> {
  const times: number[] = [];
  for (let index = 0; index <= starts; index += 1) {
    const server = await startServer(kubeconfig);
    // The first start warms the disk.
    if (index > 0) times.push(server.startMilliseconds);
    await server.stop();
  }
  const measured = median(times);
  row(
    'process start to listening',
    `${measured.toFixed(0)} ms`,
    `median of ${starts}, warm disk`,
    '400 ms',
    measured <= 400,
  );
}

function rpc(method: string, params: object = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
}

function call(server: Running, name: string, args: object): Route {
  return { url: `${server.url}/mcp`, body: rpc('tools/call', { name, arguments: args }) };
}

async function ask(route: Route): Promise<string> {
  const response = await fetch(route.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: route.body,
  });
  return response.text();
}

async function memoryAndThroughput(kubeconfig: string, server: Running): Promise<void> {
  const before = await residentMegabytes(server.pid);
  row(
    'resident memory, listening',
    `${before.toFixed(0)} MB`,
    'before the first call',
    '90 MB',
    before <= 90,
  );

  const list: Route = { url: `${server.url}/mcp`, body: rpc('tools/list') };
  const answer = await ask(list);
  const { tools } = (JSON.parse(answer) as { result: { tools: unknown[] } }).result;
  const bytes = Buffer.byteLength(JSON.stringify(tools));
  row(
    'tools/list',
    `${tools.length} tools, ${(bytes / 1000).toFixed(1)} kB`,
    'default toolsets',
    'at most 1.25 kB a tool, 30 tools, 30 kB',
    tools.length <= 30 && bytes <= 30_000 && bytes / tools.length <= 1250,
  );

  const status = call(server, 'get_cluster_status', { name: cluster, namespace });
  const first = await ask(status);
  if (first.includes('"isError":true')) throw new Error(first);
  const length = Buffer.byteLength(answer);
  const bare = await startHelper('bare-server.ts', String(length));
  running.push(bare);
  const reference: Route = { url: `${bare.url}/${length}`, body: list.body };
  const pairs: [number, number][] = [];
  for (let round = 0; round < 4; round += 1) {
    pairs.push([await requestsPerSecond(list, 3), await requestsPerSecond(reference, 3)]);
  }
  // The first pair warms both up.
  const ratio = median(pairs.slice(1).map(([ours, theirs]) => ours / theirs));
  const speed = median(pairs.slice(1).map(([ours]) => ours));
  row(
    'tools/list throughput',
    `${ratio.toFixed(2)} (${speed.toFixed(0)}/s)`,
    'a bare Fastify route with the same payload',
    'at least 0.5',
    ratio >= 0.5,
  );

  // A server of its own: what the one above has served would count as well.
  const fresh = await startServer(kubeconfig);
  running.push(fresh);
  const own = call(fresh, 'get_cluster_status', { name: cluster, namespace });
  await send(own, calls / 2);
  const half = await residentMegabytes(fresh.pid);
  await send(own, calls / 2);
  const after = await residentMegabytes(fresh.pid);
  const flat = after - half <= 5;
  row(
    `resident memory after ${calls} calls`,
    `${after.toFixed(0)} MB (${half.toFixed(0)} MB at half)`,
    'get_cluster_status, 16 connections',
    '160 MB and flat',
    after <= 160 && flat,
  );
}

async function latencies(kubeconfig: string, server: Running, simulated: Running): Promise<void> {
  const api = new Pool(simulated.url, { connections: 1, pipelining: 1 });
  const mcp = new Pool(server.url, { connections: 1, pipelining: 1 });
  const headers = { authorization: 'Bearer simulated' };
  const get = async (path: string): Promise<void> => {
    const { statusCode, body } = await api.request({ method: 'GET', path, headers });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${path}: ${text}`);
    JSON.parse(text);
  };
  const tool = async (name: string, args: object): Promise<void> => {
    const { statusCode, body } = await mcp.request({
      method: 'POST',
      path: '/mcp',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: rpc('tools/call', { name, arguments: args }),
    });
    const text = await body.text();
    if (statusCode !== 200 || text.includes('"isError":true')) throw new Error(text);
  };
  const base = '/apis/postgresql.cnpg.io/v1';
  const pipeline = await inProcess(kubeconfig);
  const one = await interleaved(1_000, {
    pipeline: () => pipeline.call({ name: cluster, namespace }),
    http: () => tool('get_cluster_status', { name: cluster, namespace }),
    bare: () => get(`${base}/namespaces/${namespace}/clusters/${cluster}`),
  });
  await pipeline.close();
  const bare = `the same GET, bare, one connection (${one.bare.toFixed(2)} ms)`;
  const ratio = one.pipeline / one.bare;
  row(
    'get_cluster_status p50, the server itself',
    `${ratio.toFixed(2)} (${one.pipeline.toFixed(2)} ms)`,
    bare,
    'at most 1.5',
    ratio <= 1.5,
  );
  const overHttp = one.http / one.bare;
  row(
    'the same with a second hop, MCP over HTTP',
    `${overHttp.toFixed(2)} (${one.http.toFixed(2)} ms)`,
    bare,
    'none',
    true,
  );

  const many = await interleaved(40, {
    tool: () => tool('list_postgres_clusters', { all_namespaces: true, limit: page }),
    bare: () => get(`${base}/clusters?limit=${page}`),
  });
  const pages = many.tool / many.bare;
  row(
    `first page of ${clusters} clusters`,
    `${pages.toFixed(2)} (${many.tool.toFixed(1)} ms)`,
    `the bare LIST of ${page} (${many.bare.toFixed(1)} ms)`,
    'at most 2',
    pages <= 2,
  );
  await Promise.all([api.close(), mcp.close()]);
}

async function report(): Promise<void> {
  const [processor] = cpus();
  const result = table(rows);
  console.log(result);
  const file = join(root, 'docs/performance.md');
  const old = await readFile(file, 'utf8').catch(() => '# Performance\n\n<!-- bench -->\n<!-- /bench -->\n');
  const machine = `Measured on ${new Date().toISOString().slice(0, 10)} with \`make bench\`: ${cpus().length} cores (${processor?.model.trim()}), Node ${process.version}, Linux.`;
  const section = `<!-- bench -->\n${machine}\n\n${result}\n<!-- /bench -->`;
  await writeFile(file, old.replace(/<!-- bench -->[\s\S]*<!-- \/bench -->/, section));
  if (rows.some(({ met }) => !met)) process.exitCode = 1;
}
