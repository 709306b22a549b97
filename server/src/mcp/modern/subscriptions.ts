/** `subscriptions/listen`: requests whose answer stays open and tells of changes until one side ends it. */
import { SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { ToolError } from '../../errors.ts';
import type { HeldStreams } from '../held-streams.ts';
import type { Caller, ListKind, McpSurface, Watched } from '../surface.ts';
import { parseParams } from './methods.ts';
import { type ResultWriter, responseOf } from './results.ts';
import { RpcError, rpcCode } from './rpc-error.ts';

/** Bounds of what callers can keep open. */
export interface SubscriptionLimits {
  /** Open streams of one principal. */
  perPrincipal: number;
  /** Open streams of all principals. */
  total: number;
  /** Seconds after which a stream is ended as at shutdown: the client opens another one, perhaps at another replica. */
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

/** What a caller asked for and does not get although the server has it, and why. */
interface NotGranted {
  notification: 'toolsListChanged' | 'resourcesListChanged' | 'promptsListChanged' | 'resourceSubscriptions';
  uri?: string;
  code: string;
  message: string;
}

/**
 * In `_meta` of the acknowledgement: a list of {@link NotGranted}. The protocol has the acknowledgement say what is granted,
 * and no place for the reasons why something is not.
 */
const notGrantedKey = 'cnpg-mcp.io/notGranted';

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
  readonly #held: HeldStreams | undefined;
  readonly #open = new Set<OpenSubscription>();
  readonly #perPrincipal = new Map<string, number>();
  #closed = false;

  constructor(
    surface: McpSurface,
    write: ResultWriter,
    {
      subscriptions: limits = defaultSubscriptionLimits,
      held,
    }: { subscriptions?: SubscriptionLimits; held?: HeldStreams } = {},
  ) {
    this.#surface = surface;
    this.#write = write;
    this.#limits = limits;
    this.#held = held;
  }

  /**
   * Opens one. What cannot be watched (not there, not allowed, too many) is left out of the acknowledgement, as the protocol
   * says, and named beside it with the reason. Throws {@link RpcError} for a bad filter and ToolError `too_many_requests` beyond the limits.
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
    subscription.beHeld(caller, this.#held);
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
    const notGranted: NotGranted[] = [];
    const asked = listKinds.filter((list) => wanted[`${list}ListChanged`] && (list !== 'prompts' || prompts));
    let lists: readonly ListKind[] = [];
    if (resources?.onListChanged && asked.length > 0) {
      const changed = (what: ListKind) => subscription.notify(`notifications/${what}/list_changed`);
      const watched = resources.onListChanged(caller, asked, changed);
      subscription.watch(watched);
      lists = watched.lists;
      for (const list of asked.filter((kind) => !lists.includes(kind))) {
        const message = `${caller.principal.displayName} may see none of these ${list}.`;
        notGranted.push({ notification: `${list}ListChanged`, code: 'policy_denied', message });
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
          if (!(thrown instanceof ToolError) || thrown.code === 'internal') throw thrown;
          const { code, message } = thrown;
          notGranted.push({ notification: 'resourceSubscriptions', uri, code, message });
          return [];
        }
      }),
    );
    subscription.honour(
      {
        ...Object.fromEntries(lists.map((list) => [`${list}ListChanged`, true])),
        ...(watched.some((uri) => uri.length > 0) && { resourceSubscriptions: watched.flat() }),
      },
      notGranted,
    );
  }
}

const listKinds = ['tools', 'prompts', 'resources'] as const;

class OpenSubscription implements Subscription {
  readonly #id: string | number;
  readonly #write: ResultWriter;
  readonly #onClose: () => void;
  readonly #watched: Watched[] = [];
  /** What happened before the client was told that it is subscribed; the same notice once. */
  readonly #early = new Set<string>();
  #sink: SubscriptionSink | undefined;
  #honoured: Filter = {};
  #notGranted: readonly NotGranted[] = [];
  #release: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(id: string | number, write: ResultWriter, onClose: () => void) {
    this.#id = id;
    this.#write = write;
    this.#onClose = onClose;
  }

  /** Keeps a watch until the end; ends it at once when the subscription is closed already. */
  watch(watched: Watched | undefined): void {
    if (!watched) return;
    if (this.#closed) watched.end();
    else this.#watched.push(watched);
  }

  honour(filter: Filter, notGranted: readonly NotGranted[]): void {
    this.#honoured = filter;
    this.#notGranted = notGranted;
  }

  /** From now on it lasts no longer than the credential of its caller, and what that allows. */
  beHeld(caller: Caller, held: HeldStreams | undefined): void {
    if (this.#closed) return;
    this.#release = held?.hold({
      caller,
      method: 'subscriptions/listen',
      allows: (now) => this.#watched.every((watched) => watched.allows(now)),
      end: () => this.end(),
    });
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
    sink.send(
      this.#notification(
        'notifications/subscriptions/acknowledged',
        { notifications: honoured },
        this.#notGranted.length > 0 ? { [notGrantedKey]: this.#notGranted } : {},
      ),
    );
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
    this.#release?.();
    for (const watched of this.#watched.splice(0)) watched.end();
    this.#onClose();
  }

  #notification(method: string, params: Record<string, unknown>, more: Record<string, unknown> = {}): string {
    const _meta = { [SUBSCRIPTION_ID_META_KEY]: this.#id, ...more };
    return JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta } });
  }

  #result(): string {
    const meta = this.#write.meta({ [SUBSCRIPTION_ID_META_KEY]: this.#id });
    return responseOf(this.#id, JSON.stringify({ resultType: 'complete', _meta: meta }));
  }
}
