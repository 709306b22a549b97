/** A client at the other end of a stdio connection, in this process. */
import { PassThrough } from 'node:stream';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type ClientCapabilities,
  type ElicitRequest,
  ElicitRequestSchema,
  type ElicitResult,
  type JSONRPCMessage,
} from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import type { McpOperation } from '../src/mcp/endpoint.ts';
import { connectStdio, type StdioConnection } from '../src/mcp/stdio.ts';
import type { McpSurface } from '../src/mcp/surface.ts';

export interface Pipe {
  input: PassThrough;
  connection: StdioConnection;
  operations: McpOperation[];
  defects: unknown[];
  /** Writes messages (objects) or text as it is, each with a line end. */
  say(...lines: unknown[]): void;
  /** Resolves with everything that was answered, once there are so many messages. */
  heard(count: number): Promise<Record<string, unknown>[]>;
  /** The official client of the older generation on this pipe. */
  connect(
    capabilities?: ClientCapabilities,
    answer?: (request: ElicitRequest) => ElicitResult | Promise<ElicitResult>,
  ): Promise<Client>;
}

export async function openPipe(
  surface: McpSurface,
  options: { graceMilliseconds?: number } = {},
): Promise<Pipe> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const operations: McpOperation[] = [];
  const defects: unknown[] = [];
  const messages: Record<string, unknown>[] = [];
  const listeners: ((message: JSONRPCMessage) => void)[] = [];
  let rest = '';
  output.setEncoding('utf8');
  output.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      // Whatever is not protocol breaks the test here.
      const message = JSON.parse(line);
      messages.push(message);
      for (const listener of listeners) listener(message);
    }
  });
  const connection = await connectStdio(surface, {
    input,
    output,
    observe: (operation) => operations.push(operation),
    onDefect: (error) => defects.push(error),
    ...options,
  });
  const say = (...lines: unknown[]): void => {
    for (const line of lines) input.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  };
  return {
    input,
    connection,
    operations,
    defects,
    say,
    async heard(count) {
      await expect.poll(() => messages.length).toBeGreaterThanOrEqual(count);
      return messages;
    },
    async connect(capabilities = {}, answer) {
      const client = new Client({ name: 'test', version: '1' }, { capabilities });
      if (answer) client.setRequestHandler(ElicitRequestSchema, async (asked) => answer(asked));
      const transport: Transport = {
        start: async () => undefined,
        send: async (message) => say(message),
        close: async () => void input.end(),
      };
      listeners.push((message) => transport.onmessage?.(message));
      await client.connect(transport);
      return client;
    },
  };
}
