/** Lines that people paste into MCP clients: what they say, and whether the server that they name is there. */
import { parseArgs } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import * as z from 'zod';
import { wordsOf } from './shell.ts';

/** A server as a client's configuration names it. */
const serverEntry = z.union([
  z.strictObject({
    type: z.literal('http').optional(),
    url: z.url(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
  z.strictObject({
    type: z.literal('stdio').optional(),
    command: z.string().min(1),
    args: z.array(z.string()),
  }),
]);
type ServerEntry = z.infer<typeof serverEntry>;

/** Files of clients: Claude Desktop, Cursor and Windsurf; and VS Code, which wants to be told the type. */
const clientFile = z.union([
  z
    .strictObject({ mcpServers: z.strictObject({ cnpg: serverEntry }) })
    .transform((file) => file.mcpServers.cnpg),
  z.strictObject({ servers: z.strictObject({ cnpg: serverEntry }) }).transform((file) => file.servers.cnpg),
]);

/** Whether a line of a page or of a program's output is one to paste into a client. */
export function isForClient(line: string): boolean {
  return /^(claude mcp add |code --add-mcp |\{"(mcpServers|servers)")/.test(line);
}

/** What a line names. `variables`: what the shell of the person has. Throws when the client would not understand it. */
export async function serverOf(line: string, variables: Record<string, string> = {}): Promise<ServerEntry> {
  if (line.startsWith('{')) return clientFile.parse(JSON.parse(line));
  const [program, ...words] = await wordsOf(line, variables);
  if (program === 'code') {
    const { name: _, ...entry } = z
      .looseObject({ name: z.literal('cnpg') })
      .parse(JSON.parse(words[1] ?? ''));
    return serverEntry.parse(entry);
  }
  const end = words.indexOf('--');
  const { values, positionals } = parseArgs({
    args: end < 0 ? words : words.slice(0, end),
    allowPositionals: true,
    options: { transport: { type: 'string', default: 'stdio' }, header: { type: 'string', multiple: true } },
  });
  const [, , , url] = positionals;
  if (values.transport === 'stdio') {
    const [command, ...args] = end < 0 ? [] : words.slice(end + 1);
    return serverEntry.parse({ command, args });
  }
  const headers = (values.header ?? []).map((header) => header.split(/: (.*)/s).slice(0, 2));
  return serverEntry.parse({ type: values.transport, url, headers: Object.fromEntries(headers) });
}

/** Connects as the client would, and returns the names of the tools. */
export async function listTools(entry: ServerEntry, env: Record<string, string> = {}): Promise<string[]> {
  const client = new Client({ name: 'documentation', version: '1' });
  const transport =
    'url' in entry
      ? new StreamableHTTPClientTransport(new URL(entry.url), {
          requestInit: { headers: entry.headers ?? {} },
        })
      : new StdioClientTransport({ command: entry.command, args: entry.args, env, stderr: 'ignore' });
  try {
    await client.connect(transport as Transport);
    return (await client.listTools()).tools.map(({ name }) => name);
  } finally {
    await client.close();
  }
}
