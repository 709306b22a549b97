/** MCP on a pair of streams: one message a line. Both generations share them; each request says which one it speaks. */
import { randomUUID } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { localPrincipal } from '../policy/principal.ts';
import type { McpObserver } from './endpoint.ts';
import { isModernMessage } from './era.ts';
import { errorBody, JsonRpcError, jsonRpcCodes, parseMessage, type RequestId } from './json-rpc.ts';
import { LineTransport } from './legacy/line-transport.ts';
import { createDuplexServer } from './legacy/server.ts';
import { Stopwatch } from './legacy/stopwatch.ts';
import { LineReader, longestLine } from './line-reader.ts';
import type { ModernConnection } from './modern/stdio.ts';
import { recordRefusedCall } from './refused-call.ts';
import type { McpSurface } from './surface.ts';

export interface StdioOptions {
  input: Readable;
  /** Only protocol is ever written to it. */
  output: Writable;
  observe: McpObserver;
  /** Told of every error that is a defect of the server. */
  onDefect(error: unknown): void;
  /** How long requests may run on when the client has closed the input, in milliseconds. Default 2000. */
  graceMilliseconds?: number;
}

export interface StdioConnection {
  /** Resolves when the client has closed the input (or no longer reads), and everything is ended. */
  closed: Promise<void>;
  /** Ends the connection at once; running calls are cancelled. */
  close(): Promise<void>;
}

/** Serves whoever started this process, with the rights of this process. */
export async function connectStdio(surface: McpSurface, options: StdioOptions): Promise<StdioConnection> {
  const { input, output, observe, onDefect, graceMilliseconds = 2000 } = options;
  const { promise: closed, resolve: ended } = Promise.withResolvers<void>();
  const write = (json: string): void => void output.write(`${json}\n`);

  const caller = () => ({ principal: localPrincipal, requestId: randomUUID() });
  const { server } = createDuplexServer({ surface, observe, onDefect }, () => ({ caller: caller() }));
  const legacy = new LineTransport(write, new Stopwatch(observe, 'stdio'), (message) =>
    recordRefusedCall(surface, message, caller()),
  );
  /** What cannot be read may have been a call, or several: it leaves one record, too. */
  const refuseUnreadable = (code: number, text: string, id: RequestId | null = null): void => {
    surface.tools.refused?.(undefined, caller());
    write(errorBody(code, text, id));
  };
  await server.connect(legacy);
  // Loaded when the client speaks it: most do not, and it takes 14 MB.
  let loading: Promise<ModernConnection> | undefined;
  const modern = async (): Promise<ModernConnection> => {
    const { ModernConnection } = await import('./modern/stdio.ts');
    return new ModernConnection({
      surface,
      caller: { principal: localPrincipal },
      write,
      observe,
      onDefect,
    });
  };
  const running = new Set<Promise<void>>();
  let speaksModern = false;

  const receive = (line: Buffer): void => {
    try {
      const message = parseMessage(line);
      // Notifications and responses do not say what they are; they belong with the requests before them.
      if ('id' in message && 'method' in message) speaksModern = isModernMessage(message);
      if (!speaksModern) {
        legacy.deliver(message);
        return;
      }
      loading ??= modern();
      const answered = loading.then((connection) => connection.receive(message)).catch(onDefect);
      running.add(answered);
      answered.finally(() => running.delete(answered));
    } catch (error) {
      if (error instanceof JsonRpcError) refuseUnreadable(error.code, error.message, error.id);
      else onDefect(error);
    }
  };

  const close = async (): Promise<void> => {
    input.off('data', reader.push);
    (await loading)?.close();
    await server.close();
    ended();
  };
  const reader = new LineReader(receive, () =>
    refuseUnreadable(jsonRpcCodes.invalidRequest, `A message is at most ${longestLine} bytes.`),
  );
  input.on('data', reader.push);
  input.once('end', async () => {
    reader.end();
    const answered = Promise.all([legacy.idle(), ...running]);
    await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, graceMilliseconds).unref())]);
    await close();
  });
  // A client that no longer reads has gone; there is nobody to tell.
  output.on('error', close);
  return { closed, close };
}
