/** The resources that the simulator serves: names, scope, subresources. */

import type { Schema } from '../schemas/schema.ts';

/** One served resource. */
export interface ResourceType {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames?: string[];
  namespaced: boolean;
  /** 'status', 'scale', 'log', 'proxy'. */
  subresources: string[];
  /** Set for the kinds of a CustomResourceDefinition. */
  schema?: Schema;
  /** Columns that `kubectl get` shows, for custom kinds. */
  columns?: { name: string; type: string; jsonPath: string; description?: string; priority?: number }[];
  /** JSON paths of the `scale` subresource. */
  scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  /** Whether `metadata.generation` counts changes of the spec. */
  counted?: boolean;
  /** Field selectors other than metadata.name and metadata.namespace. */
  selectable?: string[];
  /** Only `create` is served and nothing is stored (access reviews). */
  virtual?: boolean;
}

/** `postgresql.cnpg.io/v1`, or `v1` in the core group. */
export function apiVersionOf(type: Pick<ResourceType, 'group' | 'version'>): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

type Extra = Partial<Omit<ResourceType, 'group' | 'version' | 'kind' | 'plural'>>;

function builtIn(
  group: string,
  version: string,
  kind: string,
  plural: string,
  extra: Extra = {},
): ResourceType {
  return {
    group,
    version,
    kind,
    plural,
    singular: kind.toLowerCase(),
    namespaced: true,
    subresources: [],
    ...extra,
  };
}

const clusterScoped = { namespaced: false };
const withStatus = { subresources: ['status'] };
const eventFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
  (field) => `involvedObject.${field}`,
);

/** The resources of Kubernetes itself that CloudNativePG and its users touch. */
const builtInResources: readonly ResourceType[] = [
  builtIn('', 'v1', 'ConfigMap', 'configmaps', { shortNames: ['cm'] }),
  builtIn('', 'v1', 'Endpoints', 'endpoints', { singular: 'endpoints', shortNames: ['ep'] }),
  builtIn('', 'v1', 'Event', 'events', {
    shortNames: ['ev'],
    selectable: [...eventFields, 'reason', 'reportingComponent', 'source', 'type'],
  }),
  builtIn('', 'v1', 'Namespace', 'namespaces', {
    ...clusterScoped,
    ...withStatus,
    shortNames: ['ns'],
    selectable: ['status.phase'],
  }),
  builtIn('', 'v1', 'Node', 'nodes', {
    ...clusterScoped,
    ...withStatus,
    shortNames: ['no'],
    selectable: ['spec.unschedulable'],
  }),
  builtIn('', 'v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', {
    ...withStatus,
    shortNames: ['pvc'],
  }),
  builtIn('', 'v1', 'PersistentVolume', 'persistentvolumes', {
    ...clusterScoped,
    ...withStatus,
    shortNames: ['pv'],
  }),
  builtIn('', 'v1', 'Pod', 'pods', {
    subresources: ['status', 'log', 'proxy'],
    shortNames: ['po'],
    counted: true,
    selectable: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
    ],
  }),
  builtIn('', 'v1', 'ResourceQuota', 'resourcequotas', { ...withStatus, shortNames: ['quota'] }),
  builtIn('', 'v1', 'Secret', 'secrets', { selectable: ['type'] }),
  builtIn('', 'v1', 'ServiceAccount', 'serviceaccounts', { shortNames: ['sa'] }),
  builtIn('', 'v1', 'Service', 'services', { ...withStatus, shortNames: ['svc'] }),
  builtIn('apps', 'v1', 'Deployment', 'deployments', {
    ...withStatus,
    shortNames: ['deploy'],
    counted: true,
  }),
  builtIn('batch', 'v1', 'Job', 'jobs', { ...withStatus, counted: true, selectable: ['status.successful'] }),
  builtIn('coordination.k8s.io', 'v1', 'Lease', 'leases'),
  builtIn('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices', { counted: true }),
  builtIn('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets', {
    ...withStatus,
    shortNames: ['pdb'],
    counted: true,
  }),
  builtIn('rbac.authorization.k8s.io', 'v1', 'Role', 'roles'),
  builtIn('rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings'),
  builtIn('rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles', clusterScoped),
  builtIn('rbac.authorization.k8s.io', 'v1', 'ClusterRoleBinding', 'clusterrolebindings', clusterScoped),
  builtIn('storage.k8s.io', 'v1', 'StorageClass', 'storageclasses', { ...clusterScoped, shortNames: ['sc'] }),
  builtIn('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', 'customresourcedefinitions', {
    ...clusterScoped,
    ...withStatus,
    shortNames: ['crd', 'crds'],
    counted: true,
  }),
  builtIn('authorization.k8s.io', 'v1', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', {
    ...clusterScoped,
    virtual: true,
  }),
  builtIn('authorization.k8s.io', 'v1', 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', {
    ...clusterScoped,
    virtual: true,
  }),
  builtIn('authentication.k8s.io', 'v1', 'SelfSubjectReview', 'selfsubjectreviews', {
    ...clusterScoped,
    virtual: true,
  }),
];

/** Which resources are served at the moment: the built-in ones, and those of installed CustomResourceDefinitions. */
export class Resources {
  readonly #types: ResourceType[] = [...builtInResources];

  get all(): readonly ResourceType[] {
    return this.#types;
  }

  add(type: ResourceType): void {
    if (this.find(type.group, type.version, type.plural) === undefined) this.#types.push(type);
  }

  find(group: string, version: string, plural: string): ResourceType | undefined {
    return this.#types.find(
      (type) => type.group === group && type.version === version && type.plural === plural,
    );
  }

  byKind(apiVersion: string, kind: string): ResourceType | undefined {
    return this.#types.find((type) => type.kind === kind && apiVersionOf(type) === apiVersion);
  }

  /** By plural alone: no two served resources share one. Throws for a name that nobody serves: a mistake in a test. */
  named(plural: string): ResourceType {
    const type = this.#types.find((each) => each.plural === plural);
    if (type === undefined) throw new Error(`the simulator serves no resource called "${plural}"`);
    return type;
  }
}
