/** One address in front of several servers, without affinity: every request goes to the next one. It sees what passes. */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A message that a client posted. */
export interface Passing {
  /** Index of the server that it went to. */
  to: number;
  headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: whatever a client sends, looked into by assertions
  message: any;
}

export interface Front {
  /** Of the MCP endpoint behind this address. */
  url: string;
  /** Everything that was posted, oldest first. */
  passed: Passing[];
  close(): Promise<void>;
}

/** Listens on loopback. `upstreams` are base URLs. An answer is passed on as it comes, so streams stay streams. */
export async function startFront(upstreams: readonly string[]): Promise<Front> {
  const passed: Passing[] = [];
  let next = 0;
  const pass = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const to = next % upstreams.length;
    next += 1;
    const body = await buffer(incoming);
    const { headers, method } = incoming;
    if (body.length > 0) passed.push({ to, headers, message: JSON.parse(body.toString('utf8')) });
    const target = new URL(incoming.url ?? '/', upstreams[to]);
    const outgoing = request(target, { method, headers: { ...headers, host: target.host } }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
      reply.on('error', () => answer.destroy());
    });
    outgoing.on('error', () => answer.destroy());
    answer.on('close', () => outgoing.destroy());
    outgoing.end(body);
  };
  const server = createServer((incoming, answer) => {
    pass(incoming, answer).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    passed,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
