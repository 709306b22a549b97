/** The shapes that the simulator's parts and its users share. */

/** JSON of a Kubernetes object as a client reads it: its fields are whatever the object's kind says. */
// biome-ignore lint/suspicious/noExplicitAny: an open JSON document, read by tests as plain JSON
export type Fields = Record<string, any>;

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** One entry of `metadata.managedFields`. */
export interface ManagedFields {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  time: string;
  fieldsType: 'FieldsV1';
  fieldsV1: Fields;
  subresource?: string;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
}

export interface KubeObject extends Fields {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: Fields;
  status?: Fields;
}

/** The verb of a request as the API server's authorizer names it. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** One request that reached the simulator, whatever became of it. */
export interface RecordedRequest {
  verb: Verb;
  /** API group; '' for the core group and for paths that are no resource. */
  group: string;
  /** Plural name of the resource; '' for paths that are no resource, like /version. */
  resource: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  dryRun: boolean;
  /** Who the request acts as: the impersonated user, if there is one. '' when not authenticated. */
  user: string;
  groups: string[];
  method: string;
  /** Path and query as sent. */
  path: string;
  /** HTTP status answered; 0 while there is none yet, and when the connection was cut. */
  status: number;
  contentType?: string;
}

export interface SimulatorOptions {
  /** TCP port on 127.0.0.1; 0 (the default) takes a free one. */
  port?: number;
  /** Version of the simulated operator, '1.30.0' unless told. Before 1.30 there is neither DatabaseRole nor primary Lease. */
  operatorVersion?: string;
  /** Divides every delay of the simulated operator: 1 looks like a demonstration (seconds), 100 suits tests. */
  speed?: number;
  /** false: nobody acts on the objects, they stay as written. */
  operator?: boolean;
  /** false: the kinds of CloudNativePG are not served until {@link Simulator.installCrds}. */
  crds?: boolean;
  /** The clock behind every timestamp that the simulator writes. */
  now?: () => Date;
}

/** Direct, synchronous access to the stored objects, past the API. Resources are named by their plural ('clusters'). */
export interface SimulatorState {
  /** A copy of one object. `namespace` is undefined for cluster-scoped resources. */
  get(resource: string, namespace: string | undefined, name: string): KubeObject | undefined;
  /**
   * Creates or replaces an object, its status included; no admission, no schema. uid, resourceVersion, generation and
   * creationTimestamp are set as the API server would, unless given. A missing namespace is made.
   */
  put(object: KubeObject): KubeObject;
  /** Copies of all objects of a resource, ordered like the API's lists. */
  list(resource: string, namespace?: string): KubeObject[];
  /** Removes an object at once, whatever its finalizers say; dependants go too. False when there was none. */
  remove(resource: string, namespace: string | undefined, name: string): boolean;
  /**
   * Resolves with the object as soon as it satisfies the predicate, which is asked after every change of anything;
   * rejects after `timeoutMs` (5000).
   */
  until(
    resource: string,
    namespace: string | undefined,
    name: string,
    predicate: (object: KubeObject | undefined) => boolean,
    timeoutMs?: number,
  ): Promise<KubeObject | undefined>;
  /** Appends lines to the log that pods/log answers for a container ('postgres' unless told). */
  log(
    namespace: string,
    pod: string,
    lines: readonly string[],
    options?: { container?: string; previous?: boolean },
  ): void;
}

/** Which users may do what. A field that is absent matches everything. */
export interface AccessRule {
  user?: string;
  verb?: string;
  group?: string;
  /** Plural name; 'pods/log' is the same as resource 'pods' with subresource 'log'. */
  resource?: string;
  /** '' is the resource itself only; absent is the resource with all its subresources. */
  subresource?: string;
  namespace?: string;
  name?: string;
}

/** A misbehaviour of the API server, for the requests that match. */
export interface Fault {
  match: { verb?: string; resource?: string; path?: RegExp };
  /** How many requests it hits before it is over; without it, all until removed. */
  times?: number;
  /** Answer this HTTP status, with the Status object the API server would send. */
  status?: number;
  /** With `status`: what the Status object says instead; it gives no reason then, as a webhook's need not. */
  message?: string;
  /** Retry-After in seconds, with `status`. */
  retryAfter?: number;
  /** Wait so many milliseconds first. Alone, the request is then served as usual. */
  delayMs?: number;
  /** Send half of the answer and close the connection. */
  truncate?: true;
  /** Close the connection without an answer. */
  drop?: true;
}

export interface Faults {
  /** Adds a fault and returns what removes it. */
  add(fault: Fault): () => void;
  /** From now on the token of the kubeconfig is not accepted (401), until {@link Faults.renewToken}. */
  expireToken(): void;
  renewToken(): void;
  /** Compacts the history: every continue token handed out so far answers 410. */
  expireContinue(): void;
  /** Ends every running watch with an ERROR event 410, and makes every resourceVersion seen so far too old to watch from. */
  expireWatches(): void;
  /** Stops listening and cuts every connection. Resolves when connections are refused. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  /** Removes every added fault and renews the token. */
  clear(): void;
}
