/** PostgreSQL clusters as MCP resources: list, read, complete, and be told of changes. The same for both generations. */
import { ToolError } from '../../errors.ts';
import type { KubeGateway } from '../../kube/gateway.ts';
import type { Caller, Complete, ListKind, ResourceSurface } from '../surface.ts';
import { CapabilityPoll } from './capability-poll.ts';
import { ClusterLister, type ListerParts } from './cluster-lister.ts';
import { clusterUri, clusterUriTemplate, parseClusterUri } from './cluster-uri.ts';
import { clusterCompletion } from './completion.ts';
import { ClusterWatches, type WatchTimes } from './watches.ts';

/** Bounds of what callers can watch. */
interface WatchLimits {
  /** Subscribed resources of one principal. */
  perPrincipal: number;
  /** Subscribed resources of all principals. */
  total: number;
}

const defaultWatchLimits: WatchLimits = { perPrincipal: 32, total: 2000 };

export interface ClusterResourceParts extends ListerParts {
  kube: KubeGateway;
  limits?: WatchLimits;
  times?: WatchTimes;
  /** Milliseconds between two looks at the kinds that the cluster serves. */
  pollMilliseconds?: number;
}

export interface ClusterResources {
  resources: ResourceSurface;
  complete: Complete;
  /** Ends every watch. */
  close(): void;
}

/** Clusters on one page of the list. */
const pageSize = 100;
/** Seconds that a list or a check of rights may take. */
const patienceSeconds = 30;

/** Makes the resources out of the tools. Nothing is asked of the cluster before somebody asks. */
export function clusterResources(parts: ClusterResourceParts): ClusterResources {
  const { kube, limits = defaultWatchLimits } = parts;
  const lister = new ClusterLister(parts);
  const watches = new ClusterWatches(kube, parts.times);
  const poll = new CapabilityPoll(kube, parts.pollMilliseconds);
  const subscribed = new Subscribed(limits);

  const resources: ResourceSurface = {
    async list(caller, cursor) {
      const signal = AbortSignal.timeout(patienceSeconds * 1000);
      const { clusters, nextCursor } = await lister.page(caller, { cursor, limit: pageSize, signal });
      const items = clusters.map((address) => ({
        uri: clusterUri(address),
        name: `${address.namespace}/${address.cluster}`,
        title: `PostgreSQL cluster ${address.cluster} in ${address.namespace}`,
      }));
      return { items, ...(nextCursor !== undefined && { nextCursor }) };
    },

    async templates() {
      return [
        {
          uriTemplate: clusterUriTemplate,
          name: 'cluster',
          title: 'PostgreSQL cluster',
          description: 'The status of one cluster, as text and as JSON: what get_cluster_status answers.',
        },
      ];
    },

    async read(uri, context) {
      const { text, structured } = await lister.status(parseClusterUri(uri), context, context.signal);
      return [
        { uri, mimeType: 'text/plain', text },
        { uri, mimeType: 'application/json', text: JSON.stringify(structured ?? {}) },
      ];
    },

    async subscribe(uri, caller, changed) {
      const address = parseClusterUri(uri);
      const release = subscribed.enter(caller.principal.id);
      try {
        // Whoever may not read a cluster may not be told of it either.
        await lister.status(address, caller, AbortSignal.timeout(patienceSeconds * 1000));
      } catch (thrown) {
        release();
        throw thrown;
      }
      const { impersonate } = caller.principal;
      const stop = watches.subscribe({ impersonate, ...address }, changed);
      return {
        end: once(() => {
          stop();
          release();
        }),
        allows: (now) => lister.mayRead(address, now),
      };
    },

    onListChanged(caller, wanted, changed) {
      const scopes = lister.namespacesOf(caller);
      const mayWatch: Record<ListKind, (now: Asking) => boolean> = {
        tools: (now) => parts.registry.list(now.principal, now.tightening).length > 0,
        resources: (now) => covers(lister.namespacesOf(now), scopes),
        prompts: () => false,
      };
      const lists = wanted.filter((list) => mayWatch[list](caller));
      const stops: (() => void)[] = [];
      if (lists.length > 0) stops.push(poll.subscribe(() => lists.forEach(changed)));
      if (lists.includes('resources')) {
        const told = (): void => changed('resources');
        for (const target of targetsOf(scopes, caller)) stops.push(watches.subscribe(target, told));
      }
      return {
        lists,
        end: once(() => {
          for (const stop of stops) stop();
        }),
        allows: (now) => lists.every((list) => mayWatch[list](now)),
      };
    },
  };

  return {
    resources,
    complete: clusterCompletion(lister),
    close() {
      watches.close();
      poll.close();
    },
  };
}

type Asking = Pick<Caller, 'principal' | 'tightening'>;
type Namespaces = ReturnType<ClusterLister['namespacesOf']>;

/** Whether somebody may look at all of these namespaces, of which there must be any. */
function covers(may: Namespaces, wanted: Namespaces): boolean {
  if (may === 'everywhere') return true;
  return wanted !== 'everywhere' && wanted.length > 0 && wanted.every((namespace) => may.includes(namespace));
}

/** Where the set of clusters is watched for a caller. */
function targetsOf(namespaces: Namespaces, { principal: { impersonate } }: Asking) {
  if (namespaces === 'everywhere') return [{ impersonate }];
  return namespaces.map((namespace) => ({ impersonate, namespace }));
}

/** Counts who is subscribed to how much. */
class Subscribed {
  readonly #limits: WatchLimits;
  readonly #perPrincipal = new Map<string, number>();
  #total = 0;

  constructor(limits: WatchLimits) {
    this.#limits = limits;
  }

  enter(principal: string): () => void {
    const own = this.#perPrincipal.get(principal) ?? 0;
    if (own >= this.#limits.perPrincipal || this.#total >= this.#limits.total) {
      throw new ToolError('too_many_requests', 'Too many clusters are watched already.', {
        hint: `End a subscription first; one caller can watch ${this.#limits.perPrincipal} clusters.`,
      });
    }
    this.#perPrincipal.set(principal, own + 1);
    this.#total += 1;
    return once(() => {
      const left = (this.#perPrincipal.get(principal) ?? 1) - 1;
      if (left > 0) this.#perPrincipal.set(principal, left);
      else this.#perPrincipal.delete(principal);
      this.#total -= 1;
    });
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
