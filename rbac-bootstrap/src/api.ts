/** What this program asks of the API server: a few kinds, access reviews, and tokens. */
import type { MissingRight } from '../../server/src/errors.ts';
import { ToolError } from '../../server/src/errors.ts';
import { parseObject } from '../../server/src/kube/client-node/bodies.ts';
import {
  type ClusterConfiguration,
  type ConfigurationOptions,
  readConfiguration,
} from '../../server/src/kube/client-node/configuration.ts';
import { Connection } from '../../server/src/kube/client-node/connection.ts';
import { withDeadline } from '../../server/src/kube/client-node/deadline.ts';
import { type ApiRequest, Requester } from '../../server/src/kube/client-node/requester.ts';
import type { ResourceType } from '../../server/src/kube/resources.ts';
import type { RbacObject } from './objects.ts';
import { version } from './version.ts';

/** Owner of the fields that `apply` writes. */
export const fieldManager = 'cnpg-mcp-rbac';

const rbac = (plural: string, kind: string, namespaced: boolean): ResourceType => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

/** The kinds that are written, in the order in which they are made. */
export const kinds = {
  ServiceAccount: {
    group: '',
    version: 'v1',
    plural: 'serviceaccounts',
    kind: 'ServiceAccount',
    namespaced: true,
  },
  ClusterRole: rbac('clusterroles', 'ClusterRole', false),
  ClusterRoleBinding: rbac('clusterrolebindings', 'ClusterRoleBinding', false),
  Role: rbac('roles', 'Role', true),
  RoleBinding: rbac('rolebindings', 'RoleBinding', true),
} as const satisfies Record<RbacObject['kind'], ResourceType>;

/** An object as the API server has it. */
export type LiveObject = RbacObject & {
  metadata: {
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
};

/** A right to ask about: one verb on one resource, perhaps of one name. */
export interface Right {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  name?: string;
  /** Omitted: in the whole cluster. */
  namespace?: string;
}

/** A right on a path of the API server that is no resource: `get /metrics`. */
export interface PathRight {
  verb: string;
  path: string;
}

/** Whose rights are asked for, when they are not the caller's own. */
export interface Subject {
  user: string;
  groups: readonly string[];
}

const review = (kind: string, group: string): ResourceType => ({
  group,
  version: 'v1',
  plural: `${kind.toLowerCase()}s`,
  kind,
  namespaced: false,
});
const selfAccessReview = review('SelfSubjectAccessReview', 'authorization.k8s.io');
const accessReview = review('SubjectAccessReview', 'authorization.k8s.io');
const selfReview = review('SelfSubjectReview', 'authentication.k8s.io');

/** Reviews under way at once. */
const parallelReviews = 8;
const timeoutSeconds = 15;

export class Api {
  readonly #connection: Connection;
  readonly #requester: Requester;
  readonly #options: ConfigurationOptions;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
    this.#connection = new Connection(() => readConfiguration(options));
    this.#requester = new Requester(this.#connection, {
      userAgent: `${fieldManager}/${version}`,
      servedKinds: async () => undefined,
    });
  }

  /** The cluster and the context that are used. Holds credentials. */
  configuration(): ClusterConfiguration {
    return readConfiguration(this.#options);
  }

  /** The object, or `undefined` when there is none. */
  async get(kind: RbacObject['kind'], name: string, namespace?: string): Promise<LiveObject | undefined> {
    const type = kinds[kind];
    try {
      return (await this.#send('get', type, 'GET', { namespace, name })) as LiveObject;
    } catch (thrown) {
      if (thrown instanceof ToolError && thrown.api?.status === 404) return undefined;
      throw thrown;
    }
  }

  /** Objects with these labels in one namespace, or in all. */
  async list(kind: RbacObject['kind'], labelSelector: string, namespace?: string): Promise<LiveObject[]> {
    const type = kinds[kind];
    const query = new URLSearchParams({ labelSelector });
    const found = (await this.#send('list', type, 'GET', { namespace, query })) as { items?: LiveObject[] };
    // A list leaves out what is the same for all of its items.
    const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
    return (found.items ?? []).map((item) => ({ ...item, apiVersion, kind }) as LiveObject);
  }

  /** Server-side apply; with `dryRun` nothing is stored. Returns the object as it is then. */
  async apply(object: RbacObject, dryRun: boolean): Promise<LiveObject> {
    const type = kinds[object.kind];
    const { name, namespace } = object.metadata;
    const query = new URLSearchParams({ fieldManager, force: 'true', ...(dryRun && { dryRun: 'All' }) });
    const place = { namespace, name, query };
    return (await this.#send('patch', type, 'PATCH', place, {
      body: object,
      contentType: 'application/apply-patch+yaml',
    })) as LiveObject;
  }

  /** Deletes this very object, and not one that has taken its name; with `dryRun` nothing is deleted. */
  async remove({ kind, metadata: { name, namespace, uid } }: LiveObject, dryRun = false): Promise<void> {
    const options = { preconditions: { uid }, ...(dryRun && { dryRun: ['All'] }) };
    await this.#send(
      'delete',
      kinds[kind],
      'DELETE',
      { namespace, name },
      { body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options } },
    );
  }

  /** Whether each right is held, in the order asked: by the caller, or by somebody else, which takes a right of its own. */
  async holds(rights: readonly (Right | PathRight)[], subject?: Subject): Promise<boolean[]> {
    const answers: boolean[] = [];
    const waiting = rights.entries();
    const work = async (): Promise<void> => {
      for (const [index, right] of waiting) answers[index] = await this.#review(right, subject);
    };
    await Promise.all(Array.from({ length: Math.min(parallelReviews, rights.length) }, work));
    return answers;
  }

  async #review(right: Right | PathRight, subject: Subject | undefined): Promise<boolean> {
    const spec = {
      ...('path' in right ? { nonResourceAttributes: right } : { resourceAttributes: right }),
      ...(subject && { user: subject.user, groups: subject.groups }),
    };
    const { status } = (await this.#post(subject ? accessReview : selfAccessReview, { spec })) as {
      status?: { allowed?: boolean };
    };
    return status?.allowed === true;
  }

  /** Who the API server takes the caller for. */
  async whoAmI(): Promise<string> {
    const { status } = (await this.#post(selfReview, {})) as {
      status?: { userInfo?: { username?: string } };
    };
    return status?.userInfo?.username ?? 'unknown';
  }

  /** A token of a service account. The API server may give it a shorter life than was asked for. */
  async token(
    account: { name: string; namespace: string },
    seconds: number,
  ): Promise<{ token: string; expires: string }> {
    const { status } = (await this.#send('create', kinds.ServiceAccount, 'POST', account, {
      subresource: 'token',
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: seconds },
      },
    })) as { status?: { token?: string; expirationTimestamp?: string } };
    return { token: status?.token ?? '', expires: status?.expirationTimestamp ?? '' };
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #post(type: ResourceType, content: object): Promise<unknown> {
    const body = { apiVersion: `${type.group}/${type.version}`, kind: type.kind, ...content };
    return this.#send('create', type, 'POST', {}, { body });
  }

  async #send(
    verb: Verb,
    type: ResourceType,
    method: ApiRequest['method'],
    { namespace, name, query }: Place,
    more: { body?: object; contentType?: string; subresource?: string } = {},
  ): Promise<object> {
    const { subresource, ...rest } = more;
    const subject = { verb, type, namespace, name, subresource };
    const path = `${objectPath(type, namespace, name)}${subresource ? `/${subresource}` : ''}${query ? `?${query}` : ''}`;
    return withDeadline({ timeoutSeconds }, `${verb} ${type.plural}`, async (deadline) => {
      // Everything here may be repeated: reviews store nothing, and applying or deleting twice is the same as once.
      const request: ApiRequest = { subject, method, path, idempotent: true, ...rest };
      const { text } = await this.#requester.send(request, deadline);
      return parseObject(text);
    });
  }
}

type Verb = ApiRequest['subject']['verb'];

interface Place {
  namespace?: string | undefined;
  name?: string | undefined;
  query?: URLSearchParams;
}

/** What was asked for, or `undefined` where the caller may not have it. */
export async function ifAllowed<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === 'forbidden') return undefined;
    throw thrown;
  }
}

function objectPath(
  { group, version: apiVersion, plural }: ResourceType,
  namespace?: string,
  name?: string,
): string {
  const root = group === '' ? `/api/${apiVersion}` : `/apis/${group}/${apiVersion}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** `patch clusters.postgresql.cnpg.io in namespace shop`. */
export function describeRight(right: Right | PathRight | MissingRight): string {
  if ('path' in right) return `${right.verb} ${right.path} of the API server`;
  const { verb, group, resource, subresource, name, namespace } = right;
  const target = `${resource}${subresource ? `/${subresource}` : ''}${group === '' ? '' : `.${group}`}`;
  const where = namespace === undefined ? 'in the whole cluster' : `in namespace ${namespace}`;
  return `${verb} ${target}${name === undefined ? '' : ` named ${name}`} ${where}`;
}
