/**
 * The port through which everything else talks to Kubernetes. About a dozen methods; one adapter in `client-node/`.
 *
 * Every method throws {@link ToolError} and nothing else: `not_found`, `namespace_not_found`, `already_exists`, `conflict`,
 * `invalid_object`, `invalid_arguments` (a name that cannot be one; nothing was sent), `forbidden` (with the missing right),
 * `not_authenticated`, `too_many_requests`, `cluster_unreachable`, `cluster_not_configured`, `operator_missing`,
 * `not_supported`, `cluster_error`, `timeout`, `cancelled`.
 */
import type { ResourceName } from './resources.ts';

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** A Kubernetes object as JSON. Concrete kinds narrow it; see `cnpg/types.ts`. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** Limits of one call. A call without them gets the gateway's default deadline and cannot be cancelled. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Deadline of this call, in seconds. */
  timeoutSeconds?: number;
}

export interface ListOptions extends CallOptions {
  /** Omitted: all namespaces. */
  namespace?: string | undefined;
  /** Items per page; omitted: everything, fetched page by page by the adapter. */
  limit?: number;
  /** Continuation token of the page before. An expired one is a `conflict` error. */
  continue?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface Page<T> {
  items: T[];
  /** Token for the next page; absent on the last. */
  continue?: string;
  /** How many items follow this page, when the API server knows it. */
  remaining?: number;
  resourceVersion?: string;
}

export interface ObjectKey {
  name: string;
  /** Omitted for cluster-scoped kinds. */
  namespace?: string;
}

export interface WriteOptions extends CallOptions {
  /** Sends `dryRun=All`: admission runs, nothing is stored. */
  dryRun?: boolean;
}

/** A change of one object. `json` operations can carry `test` steps as preconditions (a failing one is a `conflict`). */
export type Patch =
  | { type: 'merge'; body: Record<string, unknown> }
  | { type: 'json'; body: JsonPatchStep[] }
  | { type: 'apply'; body: KubeObject };

export type JsonPatchStep =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string };

export interface RemoveOptions extends WriteOptions {
  /** Precondition: only this very object. */
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  /** Default `Background`. */
  propagation?: 'Background' | 'Foreground' | 'Orphan';
}

export interface WatchOptions extends CallOptions {
  namespace?: string | undefined;
  /** One object; omitted: every object that matches. */
  name?: string;
  labelSelector?: string;
  /**
   * The one object as a write has returned it: the watch begins there, so that no change since the write is missed. Without
   * it the watch begins with what is there when it is asked.
   */
  after?: KubeObject | undefined;
}

/** What a watcher sees: the object as it is now (`undefined`: it is not there). */
export type WatchDecision<R> = { done: R } | 'continue';

/** A right to ask about. */
export interface AccessQuestion {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string | undefined;
  name?: string;
}

export interface AccessAnswer extends AccessQuestion {
  allowed: boolean;
  reason?: string;
}

/** Who this gateway is for the API server. */
export interface WhoAmI {
  username: string;
  groups: string[];
}

/** The namespace that is used when a caller names none, and where it came from. */
export interface DefaultNamespace {
  name: string;
  source: 'service account' | 'kubeconfig context' | 'configuration' | 'built-in default';
}

/** What the cluster offers; found by discovery and kept for a short time. */
export interface Capabilities {
  kubernetesVersion: string;
  /** Plural names of the CNPG kinds that are served. Empty: the operator is not installed. */
  cnpgKinds: ReadonlySet<string>;
  /** From the operator's annotation on objects or its CRDs; absent when it cannot be told. */
  operatorVersion?: string;
  /** True when DatabaseRole is served (operator 1.30 and later). */
  databaseRoles: boolean;
}

export interface CapabilityOptions extends CallOptions {
  /** Ask the API server now, whatever is remembered. */
  fresh?: boolean;
  /** Look for the operator's version too: that lists pods of all namespaces, where the server may. */
  operatorVersion?: boolean;
}

/** Impersonated identity (`Impersonate-User`, `Impersonate-Group`); several groups travel as separate headers. */
export interface Impersonation {
  user: string;
  groups: readonly string[];
}

export interface KubeGateway {
  list<T extends KubeObject>(resource: ResourceName, options: ListOptions): Promise<Page<T>>;
  get<T extends KubeObject>(resource: ResourceName, key: ObjectKey, options?: CallOptions): Promise<T>;
  create<T extends KubeObject>(
    resource: ResourceName,
    object: KubeObject,
    options?: WriteOptions,
  ): Promise<WriteResult<T>>;
  patch<T extends KubeObject>(
    resource: ResourceName,
    key: ObjectKey,
    patch: Patch,
    options?: WriteOptions & { subresource?: 'status' },
  ): Promise<WriteResult<T>>;
  remove(resource: ResourceName, key: ObjectKey, options?: RemoveOptions): Promise<void>;
  /**
   * Watches until `decide` returns `{ done }`. `decide` is called at once with what is there, then after every change, with
   * all objects that match (one or none when `name` is given). Survives dropped connections and expired versions; rejects
   * with `timeout` at the deadline and with `cancelled` when the signal fires. Falls back to polling when watching is
   * forbidden but reading is not.
   */
  watchUntil<T extends KubeObject, R>(
    resource: ResourceName,
    options: WatchOptions,
    decide: (objects: readonly T[]) => WatchDecision<R>,
  ): Promise<R>;
  /** The last lines of a container's log, at most `limitBytes` (default 64 KiB). */
  podLog(
    key: ObjectKey,
    options: CallOptions & { container: string; tailLines: number; limitBytes?: number; previous?: boolean },
  ): Promise<string>;
  /** GET of one of the two fixed instance-manager pages through the API server's pod proxy. */
  podProxy(key: ObjectKey, page: 'pg/status' | 'metrics', options?: CallOptions): Promise<string>;
  /** Access reviews for several rights at once, in the order asked. */
  mayI(questions: readonly AccessQuestion[], options?: CallOptions): Promise<AccessAnswer[]>;
  whoAmI(options?: CallOptions): Promise<WhoAmI>;
  capabilities(options?: CapabilityOptions): Promise<Capabilities>;
  /** Answers without asking the cluster. */
  defaultNamespace(): DefaultNamespace;
  /** Where the API server is and which context or service account is used, for messages. Never holds credentials. */
  describe(): { server: string; source: string };
  /** The same cluster and connections, acting as somebody else. */
  as(identity: Impersonation): KubeGateway;
  /** Closes the connection pool. */
  close(): Promise<void>;
}

export interface WriteResult<T> {
  object: T;
  /** Admission warnings (`Warning` headers), as text written by the cluster. */
  warnings: string[];
}
