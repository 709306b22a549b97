/** The built server as its users start it, over both transports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { inject } from 'vitest';
import { serverProgram } from '../../scripts/paths.ts';
import { formatImages } from '../../scripts/test-cluster.ts';
import { until } from './kubernetes.ts';

export const transports = ['http', 'stdio'] as const;
export type TransportKind = (typeof transports)[number];

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by assertions
type Structured = any;

export interface Answer {
  isError: boolean;
  text: string;
  structured: Structured;
}

export interface RunningServer {
  client: Client;
  /** Base URL; only over HTTP. */
  url?: string;
  call(
    tool: string,
    args?: Record<string, unknown>,
    options?: { timeoutMs?: number; signal?: AbortSignal; onprogress?: (message: string) => void },
  ): Promise<Answer>;
  /** The first call, then the second with the confirmation that it asked for. */
  confirmed(tool: string, args: Record<string, unknown>): Promise<Answer>;
  /** Everything that the process wrote to its standard error. */
  log(): string;
  stop(): Promise<void>;
  /** Ends the process at once, as a crash would. */
  kill(): Promise<void>;
}

export interface ServerOptions {
  /** Default: the suite's cluster. */
  kubeconfig?: string;
  env?: Record<string, string>;
  args?: string[];
  /** Bearer token of the client that is connected; only over HTTP. */
  token?: string;
}

/** What the server is told about the cluster under test. */
export function serverEnv({ kubeconfig, env }: ServerOptions = {}): Record<string, string> {
  const cluster = inject('cluster');
  return {
    ...(process.env as Record<string, string>),
    KUBECONFIG: kubeconfig ?? cluster.kubeconfig,
    CNPG_MCP_POSTGRES_IMAGES: formatImages(cluster.postgresImages),
    ...env,
  };
}

/** Starts the server and connects the official client. */
export async function startServer(
  transport: TransportKind,
  options: ServerOptions = {},
): Promise<RunningServer> {
  return transport === 'http' ? overHttp(options) : overStdio(options);
}

async function overHttp(options: ServerOptions): Promise<RunningServer> {
  const args = [serverProgram, 'serve', '--port', '0', '--management-port', '0', ...(options.args ?? [])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: serverEnv(options) });
  const log = collect(child);
  const url = await until('the server prints its address', 30, async () => {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}: ${log()}`);
    return /http:\/\/127\.0\.0\.1:\d+(?=\/mcp)/.exec(log())?.[0];
  });
  const client = new Client({ name: 'e2e', version: '1' });
  const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } });
  await client.connect(transport as Parameters<Client['connect']>[0]);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    await client.close();
    await end(child, signal);
  };
  return running(client, log, stop, url);
}

async function overStdio(options: ServerOptions): Promise<RunningServer> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [serverProgram, 'stdio', ...(options.args ?? [])],
    env: serverEnv(options),
    stderr: 'pipe',
  });
  let text = '';
  transport.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const client = new Client({ name: 'e2e', version: '1' });
  await client.connect(transport);
  const stop = async (signal?: NodeJS.Signals): Promise<void> => {
    if (signal === 'SIGKILL' && transport.pid !== null) process.kill(transport.pid, signal);
    await client.close();
  };
  return running(client, () => text, stop);
}

function running(
  client: Client,
  log: () => string,
  stop: (signal?: NodeJS.Signals) => Promise<void>,
  url?: string,
): RunningServer {
  const call: RunningServer['call'] = async (
    tool,
    args = {},
    { timeoutMs = 600_000, signal, onprogress } = {},
  ) => {
    const result = (await client.callTool({ name: tool, arguments: args }, undefined, {
      timeout: timeoutMs,
      ...(signal && { signal }),
      ...(onprogress && { onprogress: ({ message }) => onprogress(message ?? '') }),
    })) as CallToolResult;
    const text = result.content.map((block) => (block.type === 'text' ? block.text : '')).join('\n');
    return { isError: result.isError === true, text, structured: result.structuredContent };
  };
  return {
    client,
    ...(url !== undefined && { url }),
    call,
    confirmed: (tool, args) => confirmed(call, tool, args),
    log,
    stop: () => stop(),
    kill: () => stop('SIGKILL'),
  };
}

/** Calls a tool a first time, and again with the confirmation that it asked for. */
export async function confirmed(
  call: (tool: string, args: Record<string, unknown>) => Promise<Answer>,
  tool: string,
  args: Record<string, unknown>,
): Promise<Answer> {
  const first = await call(tool, args);
  const given = first.structured?.confirmation;
  if (!given) throw new Error(`${tool} did not ask for a confirmation: ${first.text}`);
  const flag = tool === 'delete_postgres_cluster' ? 'confirm_deletion' : 'confirm';
  return call(tool, {
    ...args,
    [flag]: true,
    confirm_name: given.confirm_name,
    confirm_token: given.confirm_token,
  });
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
  }
  return () => text;
}

/** Ends a process that this suite started and waits for it. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  child.kill(signal);
  return exited;
}
