/**
 * The clusters that a caller may see, page by page. Everything is read by calling the tools, so that policy, audit and
 * permission guards apply to resources exactly as they do to calls.
 */
import { z } from 'zod';
import { ToolError } from '../../errors.ts';
import { decide, type Policy } from '../../policy/decide.ts';
import type { ToolCallResult } from '../../tools/call.ts';
import type { ToolRegistry } from '../../tools/registry.ts';
import type { Caller } from '../surface.ts';
import type { ClusterAddress } from './cluster-uri.ts';

const listTool = 'list_postgres_clusters';
const statusTool = 'get_cluster_status';

/** What this server reads of the list tool's output. */
const listOutput = z.object({
  clusters: z.array(z.object({ name: z.string(), namespace: z.string() })),
  next_cursor: z.string().optional(),
});

type Asking = Pick<Caller, 'principal' | 'tightening'>;

/** One place to look for clusters: a namespace, all of them, or the default one of the gateway. */
type Scope = { all_namespaces: true } | { namespace: string } | Record<string, never>;

/** Where a list goes on: at which scope, and with which cursor of the tool. */
const position = z.tuple([z.int().min(0).max(10_000), z.string().max(2048).nullable()]);

export interface ListerParts {
  registry: ToolRegistry;
  policy: Policy;
}

export class ClusterLister {
  readonly #registry: ToolRegistry;
  readonly #policy: Policy;

  constructor({ registry, policy }: ListerParts) {
    this.#registry = registry;
    this.#policy = policy;
  }

  /**
   * The namespaces that a caller may look into: `everywhere`, or the ones that the server and its grants name. An empty list:
   * none at all.
   */
  namespacesOf(caller: Asking): 'everywhere' | readonly string[] {
    const { principal } = caller;
    const mayList = (namespace: string): boolean => this.#may(listTool, { namespace }, caller);
    if (mayList('*')) return 'everywhere';
    const named = [
      ...(this.#policy.namespaces ?? []),
      ...principal.grants.flatMap((grant) => grant.namespaces ?? []),
    ];
    return [...new Set(named)].filter(mayList).sort();
  }

  /** Whether the policy lets a caller see the status of a cluster. What Kubernetes says is another matter. */
  mayRead({ namespace, cluster }: ClusterAddress, caller: Asking): boolean {
    return this.#may(statusTool, { namespace, cluster }, caller);
  }

  #may(tool: string, place: { namespace: string; cluster?: string }, asking: Asking): boolean {
    const found = this.#registry.find(tool);
    if (!found) return false;
    const { name, toolset, effect } = found;
    const question = { tool: name, toolset, effect, ...place };
    return decide(question, asking.principal, this.#policy, asking.tightening).allowed;
  }

  /** One page of clusters. Throws `invalid_arguments` for a cursor that was not given out, and what the tool answers. */
  async page(
    caller: Caller,
    options: { cursor?: string | undefined; limit: number; signal: AbortSignal },
  ): Promise<{ clusters: ClusterAddress[]; nextCursor?: string }> {
    const namespaces = this.namespacesOf(caller);
    const scopes: Scope[] =
      namespaces === 'everywhere'
        ? [{ all_namespaces: true }]
        : namespaces.map((namespace) => ({ namespace }));
    const [index, cursor] = options.cursor === undefined ? [0, null] : readCursor(options.cursor);
    const scope = scopes[index];
    if (!scope) return { clusters: [] };
    const { clusters, next_cursor: next } = await this.#list(scope, cursor, caller, options);
    const following =
      next !== undefined ? [index, next] : index + 1 < scopes.length ? [index + 1, null] : undefined;
    return {
      clusters: clusters.map(({ name, namespace }) => ({ namespace, cluster: name })),
      ...(following && { nextCursor: Buffer.from(JSON.stringify(following)).toString('base64url') }),
    };
  }

  /**
   * The status of one cluster, as its tool answers it. Throws what the tool answers; whether the cluster or its namespace is
   * missing, the resource is `not_found`.
   */
  async status({ namespace, cluster }: ClusterAddress, caller: Caller, signal: AbortSignal): Promise<Answer> {
    const nameArgument = this.#registry.find(statusTool)?.clusterArgument ?? 'name';
    const args = { [nameArgument]: cluster, namespace, detail_level: 'detailed' };
    try {
      return await this.#call(statusTool, args, caller, signal);
    } catch (thrown) {
      if (!(thrown instanceof ToolError) || thrown.code !== 'namespace_not_found') throw thrown;
      throw new ToolError('not_found', thrown.message, { hint: thrown.hint, cause: thrown });
    }
  }

  async #list(
    scope: Scope,
    cursor: string | null,
    caller: Caller,
    { limit, signal }: { limit: number; signal: AbortSignal },
  ): Promise<z.infer<typeof listOutput>> {
    const args = { ...scope, limit, ...(cursor !== null && { cursor }) };
    try {
      return listOutput.parse((await this.#call(listTool, args, caller, signal)).structured);
    } catch (thrown) {
      // A service account that may read its own namespace only: what it can see is still worth a list.
      if (!(thrown instanceof ToolError) || thrown.code !== 'forbidden' || !('all_namespaces' in scope))
        throw thrown;
      const own = { limit, ...(cursor !== null && { cursor }) };
      return listOutput.parse((await this.#call(listTool, own, caller, signal)).structured);
    }
  }

  async #call(
    tool: string,
    args: Record<string, unknown>,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { principal, tightening, requestId, traceparent } = caller;
    const result = await this.#registry.call({
      tool,
      arguments: args,
      principal,
      requestId,
      signal,
      canAsk: false,
      ...(tightening && { tightening }),
      ...(traceparent !== undefined && { traceparent }),
    });
    if (result.kind !== 'answer')
      throw new ToolError('internal', `${tool} asked a question although it only reads.`);
    if (result.isError) throw result.error ?? new ToolError('internal', `${tool} failed without an error.`);
    return result;
  }
}

type Answer = Extract<ToolCallResult, { kind: 'answer' }>;

function readCursor(cursor: string): z.infer<typeof position> {
  try {
    return position.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new ToolError('invalid_arguments', 'The cursor was not made by this server.', {
      hint: 'Use nextCursor of the page before, or start without a cursor.',
    });
  }
}
