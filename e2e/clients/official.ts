/** The two official TypeScript clients. */
import { readFile } from 'node:fs/promises';
import {
  Client as Client2,
  StreamableHTTPClientTransport as Http2,
  type VersionNegotiationOptions,
} from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport, type StdioServerParameters } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitRequestSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { type Answer, type ClientKind, type Connection, type Reply, sightingOf } from './connection.ts';

const timeout = 300_000;
const capabilities = { elicitation: { form: {} } };
const info = { name: 'interop', version: '1' };

/** Version 1 of the SDK, over HTTP. */
export const sdk1OverHttp: ClientKind = {
  name: 'TypeScript SDK v1',
  transport: 'HTTP',
  connect: (url) => connect1(new Http1(new URL(url)) as Transport),
};

/** Version 1 of the SDK, starting the server itself. */
export function sdk1OverStdio(server: () => StdioServerParameters): ClientKind {
  let transport: ObservedStdio | undefined;
  return {
    name: 'TypeScript SDK v1',
    transport: 'stdio',
    connect: () => {
      transport = new ObservedStdio(server());
      return connect1(transport);
    },
    seen: () => sightingOf(transport?.sent ?? []),
  };
}

/** Keeps what the client sends, and the revision that it negotiated: on stdio no header repeats it. */
class ObservedStdio extends StdioClientTransport {
  readonly sent: { message: JSONRPCMessage; headerRevision?: string | undefined }[] = [];
  #revision: string | undefined;

  setProtocolVersion(revision: string): void {
    this.#revision = revision;
  }

  override send(message: JSONRPCMessage): Promise<void> {
    this.sent.push({ message, headerRevision: this.#revision });
    return super.send(message);
  }
}

async function connect1(transport: Transport): Promise<Connection> {
  const client = new Client1(info, { capabilities });
  const person = new Person();
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => person.answer(params.message));
  await client.connect(transport);
  return {
    version: await versionOf('@modelcontextprotocol/sdk'),
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args, reply) =>
      person.during(reply, () => client.callTool({ name, arguments: args }, undefined, { timeout })),
    close: () => client.close(),
  };
}

/** Version 2 of the SDK in one of its modes. */
export function sdk2(what: string, mode: NonNullable<VersionNegotiationOptions['mode']>): ClientKind {
  return {
    name: `TypeScript SDK v2, ${what}`,
    transport: 'HTTP',
    async connect(url) {
      const client = new Client2(info, { capabilities, versionNegotiation: { mode } });
      const person = new Person();
      client.setRequestHandler('elicitation/create', async ({ params }) => person.answer(params.message));
      await client.connect(new Http2(new URL(url)));
      return {
        version: await versionOf('@modelcontextprotocol/client'),
        list: async () => (await client.listTools()).tools.map(({ name }) => name),
        call: (name, args, reply) =>
          person.during(reply, () => client.callTool({ name, arguments: args }, { timeout })),
        close: () => client.close(),
      };
    },
  };
}

/** Plays whoever sits in front of the client. */
class Person {
  #reply: Reply = { action: 'decline' };
  #asked: string[] = [];

  answer(question: string): { action: 'accept'; content: { name: string } } | { action: 'decline' } {
    this.#asked.push(question);
    const reply = this.#reply;
    return reply.action === 'accept' ? { action: 'accept', content: { name: reply.name } } : reply;
  }

  async during(reply: Reply = { action: 'decline' }, call: () => Promise<unknown>): Promise<Answer> {
    this.#reply = reply;
    this.#asked = [];
    return answerOf(await call(), this.#asked);
  }
}

/** A result of `tools/call` as it is on the wire. */
export function answerOf(result: unknown, asked: string[] = []): Answer {
  const { content, structuredContent, isError } = result as {
    content: { type: string; text?: string }[];
    structuredContent?: unknown;
    isError?: boolean;
  };
  const text = content.map((block) => block.text ?? '').join('\n');
  return { isError: isError === true, text, structured: structuredContent, asked };
}

/** The installed version of a package that these tests depend on. */
export async function versionOf(name: string): Promise<string> {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}
