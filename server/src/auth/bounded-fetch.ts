/** HTTP to the identity provider: bounded in size and time, never redirected, with the site's certificate authorities. */
import { Agent, fetch as undiciFetch } from 'undici';

const maxBytes = 1024 * 1024;
const timeoutMilliseconds = 5_000;

export type Fetch = (url: string, init?: object) => Promise<Response>;

export interface BoundedFetch {
  fetch: Fetch;
  close(): Promise<void>;
}

/** `ca`: PEM; omitted: the authorities of the operating system and of Node. */
export function createBoundedFetch(ca?: string): BoundedFetch {
  const dispatcher = new Agent({
    connections: 4,
    connect: { ...(ca !== undefined && { ca }), timeout: timeoutMilliseconds },
  });
  return {
    async fetch(url, init = {}) {
      const given = (init as { signal?: AbortSignal }).signal;
      const deadline = AbortSignal.timeout(timeoutMilliseconds);
      const response = await undiciFetch(url, {
        ...init,
        redirect: 'manual',
        signal: given ? AbortSignal.any([given, deadline]) : deadline,
        dispatcher,
      });
      const body = await boundedBody(response.body as AsyncIterable<Uint8Array> | null);
      const headers = Object.fromEntries(response.headers);
      return new Response(response.status === 204 ? null : body, { status: response.status, headers });
    },
    close: () => dispatcher.close(),
  };
}

async function boundedBody(body: AsyncIterable<Uint8Array> | null): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new TypeError('The identity provider answered with too much.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
