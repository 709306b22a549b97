/** Completes the variables of the cluster template: namespaces and clusters that the caller may see. */
import type { Caller, Complete } from '../surface.ts';
import type { ClusterLister } from './cluster-lister.ts';
import { type ClusterAddress, clusterUriTemplate } from './cluster-uri.ts';

/** How long one caller's clusters are remembered: somebody who types asks for every letter. */
const rememberMilliseconds = 5_000;
/** Callers that are remembered at the same time. */
const rememberedCallers = 200;
/** A completion that takes longer comes too late for the person who types. */
const patienceMilliseconds = 1_000;
/** Clusters that are looked at, and how many are read at once. */
const mostClusters = 2_000;
const pageSize = 500;

/** Makes the completion. Failures and slowness of the cluster are an empty answer, never an error. */
export function clusterCompletion(lister: ClusterLister, now: () => number = Date.now): Complete {
  const remembered = new Map<string, { at: number; clusters: Promise<ClusterAddress[]> }>();

  const clustersOf = (caller: Caller): Promise<ClusterAddress[]> => {
    const key = JSON.stringify([caller.principal.id, caller.principal.grants, caller.principal.impersonate]);
    const known = remembered.get(key);
    if (known && now() - known.at < rememberMilliseconds) return known.clusters;
    const clusters = everyCluster(lister, caller);
    remembered.delete(key);
    remembered.set(key, { at: now(), clusters });
    const [oldest] = remembered.keys();
    if (remembered.size > rememberedCallers && oldest !== undefined) remembered.delete(oldest);
    return clusters;
  };

  return async (ref, { name, value }, given, caller) => {
    if (ref.type !== 'ref/resource' || ref.uri !== clusterUriTemplate) return { values: [] };
    if (name !== 'namespace' && name !== 'cluster') return { values: [] };
    const clusters = await clustersOf(caller);
    const inPlace =
      given.namespace === undefined || name === 'namespace'
        ? clusters
        : clusters.filter(({ namespace }) => namespace === given.namespace);
    const values = [...new Set(inPlace.map((address) => address[name]))]
      .filter((candidate) => candidate.startsWith(value))
      .sort();
    return { values: values.slice(0, 100), total: values.length, hasMore: values.length > 100 };
  };
}

async function everyCluster(lister: ClusterLister, caller: Caller): Promise<ClusterAddress[]> {
  const signal = AbortSignal.timeout(patienceMilliseconds);
  const found: ClusterAddress[] = [];
  try {
    let cursor: string | undefined;
    do {
      const page = await lister.page(caller, { cursor, limit: pageSize, signal });
      found.push(...page.clusters);
      cursor = page.nextCursor;
    } while (cursor !== undefined && found.length < mostClusters);
  } catch {
    // The tool's answer is in the audit log; here is nobody to tell, and half a list still helps.
  }
  return found;
}
