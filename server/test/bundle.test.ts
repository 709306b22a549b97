/** What is delivered: server/dist, alone in a folder without node_modules, as processes. `make build` makes it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../e2e/simulator/index.ts';

const built = fileURLToPath(new URL('../dist', import.meta.url));

let simulator: Simulator;
let folder: string;
let program: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  await stat(join(built, 'main.js')).catch(() => {
    throw new Error('server/dist is not built. Run: make build');
  });
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-bundle-'));
  program = join(folder, 'dist/main.js');
  await cp(built, join(folder, 'dist'), { recursive: true });
  simulator = await startSimulator({ operator: false });
  await writeFile(join(folder, 'kubeconfig'), simulator.kubeconfig);
});
afterEach(() => {
  for (const process of running.splice(0)) process.kill('SIGKILL');
});
afterAll(async () => {
  await simulator.close();
  await rm(folder, { recursive: true });
});

/** Starts the program with nothing of this process's environment but the path. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, KUBECONFIG: join(folder, 'kubeconfig') },
  });
  running.push(child);
  const run = { child, out: '', error: '' };
  child.stdout.on('data', (chunk) => {
    run.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    run.error += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal }));
  return Object.assign(run, { ended });
}

async function finish(...args: string[]) {
  const run = start(...args);
  const { code } = await run.ended;
  return { code, out: run.out, error: run.error };
}

/** The first match in what a process writes to standard error; fails when it ends before. */
async function said(run: ReturnType<typeof start>, pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const match = pattern.exec(run.error);
    if (match) return match;
    if (run.child.exitCode !== null) throw new Error(`It ended with ${run.child.exitCode}: ${run.error}`);
    await Promise.race([once(run.child.stderr, 'data'), run.ended]);
  }
}

const serving = /"url":"(?<url>http:[^"]+)","managementUrl":"(?<management>http:[^"]+)"/;
const anyPort = ['--port=0', '--management-port=0'];

function post(url: string, method: string, params: object = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
}

describe('the bundle', () => {
  it('can be started as a program', async () => {
    expect((await stat(program)).mode & 0o111).toBe(0o111);
    expect(await readFile(program, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect((await finish('--version')).out).toMatch(/^cnpg-mcp \d/);
  });

  it('keeps what is heavy out of what every start loads', async () => {
    const main = await readFile(program, 'utf8');
    const chunks = await readdir(join(folder, 'dist/chunks'));
    const eager = chunks.filter((chunk) => new RegExp(`(from|import)\\s*"\\./chunks/${chunk}"`).test(main));
    const sizes = await Promise.all(
      eager.map(async (chunk) => (await stat(join(folder, 'dist/chunks', chunk))).size),
    );
    expect(eager.length).toBeGreaterThan(0);
    expect(sizes.reduce((sum, size) => sum + size, main.length)).toBeLessThan(20_000);
  });

  it('carries the licence of every package that it holds', async () => {
    const text = await readFile(join(folder, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['@kubernetes/client-node', '@modelcontextprotocol/sdk', 'fastify', 'zod'])
      expect(text).toMatch(new RegExp(`^${name} \\d\\S*: [\\w.-]+\\n\\n.*\\w`, 'm'));
    expect(text).not.toMatch(/^(vitest|rolldown) /m);
  });

  it('calls a tool', async () => {
    const { code, out } = await finish('call', 'list_postgres_clusters', 'all_namespaces=true', '--json');
    expect({ code, answer: JSON.parse(out) }).toMatchObject({ code: 0, answer: { clusters: [] } });
  });

  it('serves HTTP, is ready, and ends with 0 on SIGTERM', async () => {
    const run = start('--transport', 'http', '--host', '127.0.0.1', ...anyPort);
    const { url = '', management = '' } = (await said(run, serving)).groups ?? {};
    const answer = await post(url, 'tools/call', { name: 'list_postgres_clusters', arguments: {} });
    expect(await answer.json()).toMatchObject({ result: { structuredContent: { clusters: [] } } });
    expect((await fetch(`${management}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${management}/metrics`)).text()).toContain('cnpg_mcp_tool_calls_total');
    const port = new URL(url).port;
    expect((await finish('healthcheck', `--port=${port}`)).code).toBe(0);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(JSON.parse(run.out)).toMatchObject({
      type: 'audit',
      tool: 'list_postgres_clusters',
      outcome: 'read',
    });
    expect((await finish('healthcheck', `--port=${port}`)).code).toBe(1);
  });

  it.each([
    ['the client closes its input', (child: ChildProcess) => void child.stdin?.end()],
    ['it is told to', (child: ChildProcess) => void child.kill('SIGTERM')],
  ])(
    'serves stdio with nothing but protocol on standard output, and ends with 0 when %s',
    async (_when, end) => {
      const run = start();
      const clientInfo = { name: 'test', version: '1' };
      const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
      run.child.stdin?.write(
        `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: hello })}\n`,
      );
      run.child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
      const call = { name: 'list_postgres_clusters', arguments: {} };
      run.child.stdin?.write(
        `${JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: call })}\n`,
      );
      await said(run, /"type":"audit"/);
      while (!run.out.includes('"id":2')) await once(run.child.stdout, 'data');
      end(run.child);
      expect(await run.ended).toEqual({ code: 0, signal: null });
      const messages = run.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(messages.map(({ id }) => id)).toEqual([1, 2]);
      expect(messages[1]).toMatchObject({ result: { structuredContent: { clusters: [] } } });
    },
  );

  it('says on stdio, in the log, that there is no cluster when a call has failed for it', async () => {
    const run = start('stdio', '--kubeconfig=/nowhere');
    const call = { name: 'list_postgres_clusters', arguments: {} };
    run.child.stdin?.write(
      `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: call })}\n`,
    );
    await said(run, /"msg":"Not ready: kubernetes: The kubeconfig \/nowhere does not exist\./);
    run.child.stdin?.end();
    expect(await run.ended).toEqual({ code: 0, signal: null });
  });

  it('carries its simulated cluster, and says that it is simulated', async () => {
    const run = start('demo', ...anyPort);
    const { url = '' } = (await said(run, serving)).groups ?? {};
    await said(run, /SIMULATED[\s\S]*claude mcp add --transport http cnpg http:/);
    expect(run.error).toContain(`claude mcp add --transport http cnpg ${url}`);
    const answer = await post(url, 'tools/call', { name: 'list_postgres_clusters', arguments: {} });
    const { result } = (await answer.json()) as {
      result: { structuredContent: { clusters: { name: string }[] } };
    };
    const names = result.structuredContent.clusters.map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(3);
    expect(names).toContain('orders');
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual({ code: 0, signal: null });
  });

  it('starts where there is no cluster, is not ready, and says why', async () => {
    const run = start('serve', ...anyPort, '--kubeconfig=/nowhere');
    const { management = '' } = (await said(run, serving)).groups ?? {};
    const ready = await fetch(`${management}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('/nowhere does not exist');
    await said(
      run,
      /"level":"warn".*"msg":"Not ready: kubernetes: The kubeconfig \/nowhere does not exist\./,
    );
    expect((await fetch(`${management}/healthz`)).status).toBe(200);
  });

  it('says which port is taken', async () => {
    const run = start('serve', ...anyPort);
    const { url = '' } = (await said(run, serving)).groups ?? {};
    const second = await finish('serve', `--port=${new URL(url).port}`, '--management-port=0');
    expect(second.code).toBe(1);
    expect(second.error).toContain(`Another program listens on 127.0.0.1:${new URL(url).port} already.`);
  });
});
