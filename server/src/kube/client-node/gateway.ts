/** The port's methods as requests to the API server. */
import { ToolError } from '../../errors.ts';
import type {
  AccessAnswer,
  AccessQuestion,
  CallOptions,
  Capabilities,
  CapabilityOptions,
  DefaultNamespace,
  Impersonation,
  KubeGateway,
  KubeObject,
  ListOptions,
  ObjectKey,
  Page,
  Patch,
  RemoveOptions,
  WatchDecision,
  WatchOptions,
  WhoAmI,
  WriteOptions,
  WriteResult,
} from '../gateway.ts';
import { apiVersionOf, type ResourceName, type ResourceType, resources } from '../resources.ts';
import { nameOf, type Subject } from './api-errors.ts';
import { parseObject } from './bodies.ts';
import type { ClusterConfiguration } from './configuration.ts';
import type { Connection } from './connection.ts';
import { type Deadline, withDeadline } from './deadline.ts';
import type { Discovery } from './discovery.ts';
import { checkedImpersonation } from './impersonation.ts';
import { listPage, listPages } from './listing.ts';
import { received, warningsOf } from './objects.ts';
import { pathOf } from './paths.ts';
import { readPodLog, readPodPage } from './pods.ts';
import type { ApiAnswer, ApiRequest, Requester } from './requester.ts';
import { reviewAccess, reviewIdentity } from './reviews.ts';
import { watchUntil } from './watch.ts';
import { watchSource } from './watch-source.ts';

/** Owner of the fields that this server writes, in `managedFields`. */
const fieldManager = 'cnpg-mcp';

const contentTypes: Record<Patch['type'], string> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  // JSON is YAML; the API server knows server-side apply by this name only.
  apply: 'application/apply-patch+yaml',
};

/** What all gateways of one cluster share, whoever they act as. */
export interface SharedParts {
  connection: Connection;
  discovery: Discovery;
  /** The configuration as it is now; throws `cluster_not_configured`. */
  configuration(): ClusterConfiguration;
  /** Namespace that the configuration of this server names. */
  defaultNamespace: string | undefined;
}

/** See {@link KubeGateway}. */
export class ClientNodeGateway implements KubeGateway {
  readonly #shared: SharedParts;
  readonly #requester: Requester;

  constructor(shared: SharedParts, requester: Requester) {
    this.#shared = shared;
    this.#requester = requester;
  }

  async list<T extends KubeObject>(resource: ResourceName, options: ListOptions): Promise<Page<T>> {
    const type: ResourceType = resources[resource];
    const subject: Subject = { verb: 'list', type, namespace: options.namespace };
    return within(subject, options, (deadline) =>
      options.limit === undefined && options.continue === undefined
        ? listPages<T>(this.#requester, type, options, deadline)
        : listPage<T>(this.#requester, type, options, deadline),
    );
  }

  async get<T extends KubeObject>(
    resource: ResourceName,
    key: ObjectKey,
    options: CallOptions = {},
  ): Promise<T> {
    const type: ResourceType = resources[resource];
    const subject: Subject = { verb: 'get', type, ...key };
    return within(subject, options, async (deadline) => {
      const request: ApiRequest = {
        subject,
        method: 'GET',
        path: pathOf({ type, ...key }),
        idempotent: true,
      };
      return objectOf<T>(type, await this.#requester.send(request, deadline));
    });
  }

  async create<T extends KubeObject>(
    resource: ResourceName,
    object: KubeObject,
    options: WriteOptions = {},
  ): Promise<WriteResult<T>> {
    const type: ResourceType = resources[resource];
    const { name, namespace } = object.metadata;
    const target = { type, namespace: inNamespace(type, namespace) };
    const subject: Subject = { verb: 'create', type, name, namespace };
    return within(subject, options, async (deadline) => {
      const answer = await this.#requester.send(
        {
          subject,
          method: 'POST',
          path: pathOf(target, { fieldManager, fieldValidation: 'Strict', ...dryRun(options) }),
          body: { ...object, apiVersion: apiVersionOf(type), kind: type.kind },
          idempotent: false,
        },
        deadline,
      );
      return { object: objectOf<T>(type, answer), warnings: warningsOf(answer.headers) };
    });
  }

  async patch<T extends KubeObject>(
    resource: ResourceName,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions & { subresource?: 'status' } = {},
  ): Promise<WriteResult<T>> {
    const type: ResourceType = resources[resource];
    const { subresource } = options;
    const guarded = patch.type === 'json' && patch.body.some(({ op }) => op === 'test');
    const subject: Subject = { verb: 'patch', type, ...key, subresource, guarded };
    return within(subject, options, async (deadline) => {
      const query = { fieldManager, fieldValidation: 'Strict', ...dryRun(options) };
      const answer = await this.#requester.send(
        {
          subject,
          method: 'PATCH',
          path: pathOf({ type, ...key, subresource }, query),
          body: patch.body,
          contentType: contentTypes[patch.type],
          idempotent: false,
        },
        deadline,
      );
      return { object: objectOf<T>(type, answer), warnings: warningsOf(answer.headers) };
    });
  }

  async remove(resource: ResourceName, key: ObjectKey, options: RemoveOptions = {}): Promise<void> {
    const type: ResourceType = resources[resource];
    const { uid, resourceVersion, propagation = 'Background' } = options;
    const subject: Subject = { verb: 'delete', type, ...key };
    const preconditions = {
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    };
    await within(subject, options, (deadline) =>
      this.#requester.send(
        {
          subject,
          method: 'DELETE',
          path: pathOf({ type, ...key }),
          body: {
            apiVersion: 'v1',
            kind: 'DeleteOptions',
            propagationPolicy: propagation,
            ...(options.dryRun && { dryRun: ['All'] }),
            ...(Object.keys(preconditions).length > 0 && { preconditions }),
          },
          // With its uid it is this very object: a second deletion cannot hit one of the same name made in between.
          idempotent: uid !== undefined,
        },
        deadline,
      ),
    );
  }

  async watchUntil<T extends KubeObject, R>(
    resource: ResourceName,
    options: WatchOptions,
    decide: (objects: readonly T[]) => WatchDecision<R>,
  ): Promise<R> {
    const type: ResourceType = resources[resource];
    const { namespace, name } = options;
    const subject: Subject = { verb: 'watch', type, namespace, name };
    return within(subject, options, (deadline) =>
      watchUntil(watchSource<T>(this.#requester, type, options, deadline), deadline, decide),
    );
  }

  async podLog(
    key: ObjectKey,
    options: CallOptions & { container: string; tailLines: number; limitBytes?: number; previous?: boolean },
  ): Promise<string> {
    const subject: Subject = { verb: 'get', type: resources.pods, subresource: 'log', ...key };
    return within(subject, options, (deadline) =>
      readPodLog(this.#requester, subject, key, options, deadline),
    );
  }

  async podProxy(key: ObjectKey, page: 'pg/status' | 'metrics', options: CallOptions = {}): Promise<string> {
    const subject: Subject = { verb: 'get', type: resources.pods, subresource: 'proxy', ...key };
    return within(subject, options, (deadline) => readPodPage(this.#requester, subject, key, page, deadline));
  }

  async mayI(questions: readonly AccessQuestion[], options: CallOptions = {}): Promise<AccessAnswer[]> {
    return withDeadline(options, 'Asking for rights', (deadline) =>
      reviewAccess(this.#requester, questions, deadline),
    );
  }

  async whoAmI(options: CallOptions = {}): Promise<WhoAmI> {
    return withDeadline(options, 'Asking for the identity', (deadline) =>
      reviewIdentity(this.#requester, deadline),
    );
  }

  async capabilities(options: CapabilityOptions = {}): Promise<Capabilities> {
    return withDeadline(options, 'Asking what the cluster offers', (deadline) =>
      this.#shared.discovery.capabilities(deadline, options),
    );
  }

  defaultNamespace(): DefaultNamespace {
    if (this.#shared.defaultNamespace !== undefined) {
      return { name: this.#shared.defaultNamespace, source: 'configuration' };
    }
    const found = this.#configuration()?.namespace;
    return found ?? { name: 'default', source: 'built-in default' };
  }

  describe(): { server: string; source: string } {
    const configuration = this.#configuration();
    if (!configuration) return { server: 'none', source: 'not configured' };
    return { server: configuration.server.origin, source: configuration.source };
  }

  as(identity: Impersonation): KubeGateway {
    return new ClientNodeGateway(this.#shared, this.#requester.as(checkedImpersonation(identity)));
  }

  async close(): Promise<void> {
    await this.#shared.connection.close();
  }

  #configuration(): ClusterConfiguration | undefined {
    try {
      return this.#shared.configuration();
    } catch (thrown) {
      if (thrown instanceof ToolError && thrown.code === 'cluster_not_configured') return undefined;
      throw thrown;
    }
  }
}

async function within<T>(
  subject: Subject,
  options: CallOptions,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  return withDeadline(options, `To ${subject.verb} ${nameOf(subject)}`, work);
}

function objectOf<T extends KubeObject>(type: ResourceType, answer: ApiAnswer): T {
  return received(type, parseObject(answer.text));
}

function dryRun(options: WriteOptions): { dryRun?: 'All' } {
  return options.dryRun ? { dryRun: 'All' } : {};
}

function inNamespace(type: ResourceType, namespace: string | undefined): string | undefined {
  if (type.namespaced && namespace === undefined) {
    throw new ToolError('internal', `A ${type.kind} was to be made without a namespace.`);
  }
  return namespace;
}
