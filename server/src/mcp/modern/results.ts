/** How results look on the wire: what they are, who answered, and how long they may be kept. */
import { type ClientCapabilities, SERVER_INFO_META_KEY } from '@modelcontextprotocol/server';
import type { InputNeeded } from '../call-result.ts';
import type { McpSurface } from '../surface.ts';
import { missingCapability } from './envelope.ts';
import { RpcError, rpcCode } from './rpc-error.ts';

/** How long a client may keep a result, and whether it may share it between users (2026-07-28, Caching). */
export interface CacheHint {
  ttlMs: number;
  /** `private` wherever the answer depends on who asks. */
  cacheScope: 'public' | 'private';
}

/**
 * Kept short where something outside changes the answer: changes are announced to listeners, others ask again.
 * Only what is the same for everybody is public.
 */
export const cacheHints = {
  discover: { ttlMs: 300_000, cacheScope: 'public' },
  tools: { ttlMs: 60_000, cacheScope: 'private' },
  prompts: { ttlMs: 60_000, cacheScope: 'private' },
  templates: { ttlMs: 300_000, cacheScope: 'private' },
  resources: { ttlMs: 5_000, cacheScope: 'private' },
  /** The status of a database cluster: old as soon as it is read. */
  read: { ttlMs: 0, cacheScope: 'private' },
} as const satisfies Record<string, CacheHint>;

/** Serialises results with what every one of them carries. One per server: the identity is the same everywhere. */
export class ResultWriter {
  readonly #identity: { name: string; title: string; version: string };
  /** The end of every finished result. */
  readonly #end: string;

  constructor({ name, title, version }: McpSurface['info']) {
    this.#identity = { name, title, version };
    this.#end = `"_meta":${JSON.stringify(this.meta())}}`;
  }

  /** A finished result, as JSON. `fields` has none of those that are added here. */
  complete(fields: Record<string, unknown>, cache?: CacheHint): string {
    const json = JSON.stringify(cache ? { ...fields, ...cache } : fields);
    // Written around the fields: copying them into another object first costs more than all else that is said here.
    return json === '{}'
      ? `{"resultType":"complete",${this.#end}`
      : `{"resultType":"complete",${json.slice(1, -1)},${this.#end}`;
  }

  /**
   * Questions for the user. A question that the client has not declared to be able to answer is never sent; when there is
   * no other, the request is refused with the capabilities that it needs.
   */
  inputRequired(input: InputNeeded, capabilities: ClientCapabilities): string {
    const sent: InputNeeded['requests'] = {};
    let missing: Record<string, unknown> = {};
    for (const [key, question] of Object.entries(input.requests)) {
      const lacks = missingCapability(question, capabilities);
      if (lacks) missing = { ...missing, ...lacks };
      else sent[key] = question;
    }
    if (Object.keys(missing).length > 0 && Object.keys(sent).length === 0) {
      throw new RpcError(
        rpcCode.missingCapability,
        'This needs something of the client that it did not declare.',
        {
          status: 400,
          data: { requiredCapabilities: missing },
        },
      );
    }
    return JSON.stringify({
      resultType: 'input_required',
      ...(Object.keys(sent).length > 0 && { inputRequests: sent }),
      ...(input.state !== undefined && { requestState: input.state }),
      _meta: this.meta(),
    });
  }

  /** `_meta` of a result, with anything that belongs there besides. */
  meta(more: Record<string, unknown> = {}): Record<string, unknown> {
    return { ...more, [SERVER_INFO_META_KEY]: this.#identity };
  }
}

/** A JSON-RPC response around a serialised result. */
export function responseOf(id: string | number, result: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
}

/** A JSON-RPC error response. */
export function errorResponseOf(id: string | number | null, { code, message, data }: RpcError): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } });
}
