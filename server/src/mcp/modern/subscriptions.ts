/** `subscriptions/listen`: requests whose answer stays open and tells of changes until one side ends it. */
import { SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { ToolError } from '../../errors.ts';
import type { Caller, ListKind, McpSurface } from '../surface.ts';
import { parseParams } from './methods.ts';
import { type ResultWriter, responseOf } from './results.ts';
import { RpcError, rpcCode } from './rpc-error.ts';

/** Bounds of what callers can keep open. */
export interface SubscriptionLimits {
  /** Open streams of one principal. */
  perPrincipal: number;
  /** Open streams of all principals. */
  total: number;
  /**
   * Seconds after which a stream is ended as at shutdown: the client opens another one, and with it its rights are checked
   * again.
   */
  lifetimeSeconds: number;
}

/** `total` leaves half of what a server takes on by default (http/limits.ts) to calls. */
const defaultSubscriptionLimits: SubscriptionLimits = {
  perPrincipal: 16,
  total: 128,
  lifetimeSeconds: 3600,
};

/** Most resources in one filter; how many a caller may watch at all is decided by whoever watches. */
const maxResources = 100;

const listenParams = z.looseObject({
  notifications: z.object({
    toolsListChanged: z.boolean().optional(),
    promptsListChanged: z.boolean().optional(),
    resourcesListChanged: z.boolean().optional(),
    resourceSubscriptions: z.array(z.string().max(4096)).max(maxResources).optional(),
  }),
});
type Filter = z.infer<typeof listenParams>['notifications'];

/** Where the messages of one subscription go. */
export interface SubscriptionSink {
  /** One JSON-RPC message. */
  send(json: string): void;
  /** The last one: nothing comes after it. */
  end(json: string): void;
}

/** An open subscription. */
export interface Subscription {
  /** Acknowledges, then sends everything that happened meanwhile and from then on. */
  attach(sink: SubscriptionSink): void;
  /** Ends it with its result. */
  end(): void;
  /** Stops without a word: the client has gone. */
  close(): void;
}

/** All subscriptions of one server. */
export class Subscriptions {
  readonly #surface: McpSurface;
  readonly #write: ResultWriter;
  readonly #limits: SubscriptionLimits;
  readonly #open = new Set<OpenSubscription>();
  readonly #perPrincipal = new Map<string, number>();
  #closed = false;

  constructor(
    surface: McpSurface,
    write: ResultWriter,
    limits: SubscriptionLimits = defaultSubscriptionLimits,
  ) {
    this.#surface = surface;
    this.#write = write;
    this.#limits = limits;
  }

  /**
   * Opens one. What cannot be watched (not there, not allowed, too many) is left out of the acknowledgement, as the protocol
   * says. Throws {@link RpcError} for a bad filter and ToolError `too_many_requests` beyond the limits.
   */
  async open(id: string | number, params: unknown, caller: Caller): Promise<Subscription> {
    const { notifications: wanted } = parseParams(listenParams, params);
    const release = this.#reserve(caller.principal.id);
    const subscription = new OpenSubscription(id, this.#write, () => {
      this.#open.delete(subscription);
      release();
    });
    this.#open.add(subscription);
    try {
      await this.#start(subscription, wanted, caller);
    } catch (thrown) {
      subscription.close();
      throw thrown;
    }
    subscription.endAfter(this.#limits.lifetimeSeconds);
    return subscription;
  }

  /** Ends all of them with their result, and opens no more. */
  close(): void {
    this.#closed = true;
    for (const subscription of [...this.#open]) subscription.end();
  }

  #reserve(principal: string): () => void {
    if (this.#closed) throw new RpcError(rpcCode.refused, 'The server is shutting down.', { status: 503 });
    const own = this.#perPrincipal.get(principal) ?? 0;
    if (own >= this.#limits.perPrincipal || this.#open.size >= this.#limits.total) {
      throw new ToolError('too_many_requests', 'Too many subscriptions are open.', {
        hint: 'Close a subscription, or ask for several resources in one.',
      });
    }
    this.#perPrincipal.set(principal, own + 1);
    return () => {
      const left = (this.#perPrincipal.get(principal) ?? 1) - 1;
      if (left > 0) this.#perPrincipal.set(principal, left);
      else this.#perPrincipal.delete(principal);
    };
  }

  async #start(subscription: OpenSubscription, wanted: Filter, caller: Caller): Promise<void> {
    const { resources, prompts } = this.#surface;
    const lists: ListKind[] = [];
    if (resources?.onListChanged) {
      if (wanted.toolsListChanged) lists.push('tools');
      if (wanted.promptsListChanged && prompts) lists.push('prompts');
      if (wanted.resourcesListChanged) lists.push('resources');
      if (lists.length > 0) {
        const changed = (what: ListKind) => subscription.notify(`notifications/${what}/list_changed`);
        subscription.watch(resources.onListChanged(caller, lists, changed));
      }
    }
    const uris = [...new Set(resources?.subscribe ? (wanted.resourceSubscriptions ?? []) : [])];
    const watched = await Promise.all(
      uris.map(async (uri) => {
        try {
          const changed = () => subscription.notify('notifications/resources/updated', { uri });
          subscription.watch(await resources?.subscribe?.(uri, caller, changed));
          return [uri];
        } catch (thrown) {
          if (thrown instanceof ToolError && thrown.code !== 'internal') return [];
          throw thrown;
        }
      }),
    );
    subscription.honour({
      ...(lists.includes('tools') && { toolsListChanged: true }),
      ...(lists.includes('prompts') && { promptsListChanged: true }),
      ...(lists.includes('resources') && { resourcesListChanged: true }),
      ...(watched.some((uri) => uri.length > 0) && { resourceSubscriptions: watched.flat() }),
    });
  }
}

class OpenSubscription implements Subscription {
  readonly #id: string | number;
  readonly #write: ResultWriter;
  readonly #onClose: () => void;
  readonly #stops: (() => void)[] = [];
  /** What happened before the client was told that it is subscribed; the same notice once. */
  readonly #early = new Set<string>();
  #sink: SubscriptionSink | undefined;
  #honoured: Filter = {};
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(id: string | number, write: ResultWriter, onClose: () => void) {
    this.#id = id;
    this.#write = write;
    this.#onClose = onClose;
  }

  /** Keeps the function that ends a watch; runs it at once when the subscription is closed already. */
  watch(stop: (() => void) | undefined): void {
    if (!stop) return;
    if (this.#closed) stop();
    else this.#stops.push(stop);
  }

  honour(filter: Filter): void {
    this.#honoured = filter;
  }

  endAfter(seconds: number): void {
    if (!this.#closed) this.#timer = setTimeout(() => this.end(), seconds * 1000).unref();
  }

  notify(method: string, params: Record<string, unknown> = {}): void {
    if (this.#closed) return;
    const message = this.#notification(method, params);
    if (this.#sink) this.#sink.send(message);
    else this.#early.add(message);
  }

  attach(sink: SubscriptionSink): void {
    this.#sink = sink;
    const honoured = this.#honoured;
    sink.send(this.#notification('notifications/subscriptions/acknowledged', { notifications: honoured }));
    for (const message of this.#early) sink.send(message);
    this.#early.clear();
    if (this.#closed) sink.end(this.#result());
    // Nothing will ever be told here: the client sees it from the acknowledgement and need not wait.
    else if (Object.keys(honoured).length === 0) this.end();
  }

  end(): void {
    if (this.#closed) return;
    this.close();
    this.#sink?.end(this.#result());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops.splice(0)) stop();
    this.#onClose();
  }

  #notification(method: string, params: Record<string, unknown>): string {
    const _meta = { [SUBSCRIPTION_ID_META_KEY]: this.#id };
    return JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta } });
  }

  #result(): string {
    const meta = this.#write.meta({ [SUBSCRIPTION_ID_META_KEY]: this.#id });
    return responseOf(this.#id, JSON.stringify({ resultType: 'complete', _meta: meta }));
  }
}
