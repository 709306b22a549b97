/** Clients of both generations that work on many calls at once and keep everything that they are sent. */
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttp,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Answer } from '../../clients/connection.ts';
import { answerOf } from '../../clients/official.ts';
import type { Revision } from './wire.ts';

/** A notice that a watched resource has changed, and when it came (`performance.now()`). */
export interface Notice {
  uri: string;
  at: number;
}

export interface Caller {
  name: string;
  revision: Revision;
  /** Everything that the server asked the person behind this client, who always declines. */
  questions: string[];
  notices: Notice[];
  /** `progress`: told of everything that the server reports for this call. */
  call(tool: string, args: Record<string, unknown>, progress?: (message: string) => void): Promise<Answer>;
  /** Resolves once the server has confirmed the subscription. Only in 2026-07-28. */
  watch(uri: string): Promise<void>;
  close(): Promise<void>;
}

const timeout = 120_000;

/** As both client libraries take it: with it a call asks for progress. */
function listener(progress: ((message: string) => void) | undefined) {
  return (
    progress && { onprogress: ({ message }: { message?: string | undefined }) => progress(message ?? '') }
  );
}

/** `token`: who it is, where the server asks that. */
export async function connectCaller(
  revision: Revision,
  url: string,
  name: string,
  token?: string,
): Promise<Caller> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const questions: string[] = [];
  const notices: Notice[] = [];
  const info = { name, version: '1' };
  const seen = { name, revision, questions, notices };
  if (revision === '2025-11-25') {
    const client = new LegacyClient(info);
    await client.connect(new LegacyHttp(new URL(url), { requestInit: { headers } }) as Transport);
    return {
      ...seen,
      async call(tool, args, progress) {
        const options = { timeout, ...listener(progress) };
        return answerOf(await client.callTool({ name: tool, arguments: args }, undefined, options));
      },
      watch: () => Promise.reject(new Error('Without a session nothing can be watched in this revision.')),
      close: () => client.close(),
    };
  }
  const client = new ModernClient(info, {
    capabilities: { elicitation: { form: {} } },
    versionNegotiation: { mode: { pin: revision } },
  });
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    questions.push(params.message);
    return { action: 'decline' };
  });
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    notices.push({ uri: params.uri, at: performance.now() });
  });
  await client.connect(new ModernHttp(new URL(url), { requestInit: { headers } }));
  return {
    ...seen,
    async call(tool, args, progress) {
      const options = { timeout, ...listener(progress) };
      return answerOf(await client.callTool({ name: tool, arguments: args }, options));
    },
    async watch(uri) {
      await client.listen({ resourceSubscriptions: [uri] });
    },
    close: () => client.close(),
  };
}
