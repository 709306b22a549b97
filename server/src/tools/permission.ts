import { type ResourceName, resources } from '../kube/resources.ts';

/** A verb that the gateway can use. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'delete';

/** Extra rights that an installation switches on apart from the presets. */
export type AddOn = 'secrets' | 'podLogs' | 'podProxy' | 'events' | 'storage' | 'nodes' | 'auditEvents';

/** One right that a tool uses: which verbs on which resource, and why. */
export interface Permission {
  verbs: readonly Verb[];
  group: string;
  resource: ResourceName;
  subresource?: 'status' | 'log' | 'proxy';
  scope: 'namespace' | 'cluster';
  /** One sentence for the person who has to grant it. */
  because: string;
  /** The tool works without it, with less to say. */
  optional?: boolean;
  addOn?: AddOn;
}

/** Declares a right. Scope follows from the kind. */
export function permission(
  resource: ResourceName,
  verbs: readonly Verb[],
  because: string,
  extra: Pick<Permission, 'subresource' | 'optional' | 'addOn'> = {},
): Permission {
  const type = resources[resource];
  return {
    verbs,
    group: type.group,
    resource,
    scope: type.namespaced ? 'namespace' : 'cluster',
    because,
    ...extra,
  };
}
