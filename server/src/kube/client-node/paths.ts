/** Paths of the Kubernetes API. Every part that comes from a caller is checked before it becomes part of a path. */
import { ToolError } from '../../errors.ts';
import type { ResourceType } from '../resources.ts';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const dnsLabel = new RegExp(`^${label}$`);
const dnsSubdomain = new RegExp(`^${label}(\\.${label})*$`);

/** Where a request goes. Without a name it is the collection. */
export interface Target {
  type: ResourceType;
  /** Omitted for cluster-scoped kinds (and passed over), and for lists over all namespaces. */
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
}

type Query = Record<string, string | number | boolean | undefined>;

/** Throws `invalid_arguments` for what cannot be the name of a namespace (RFC 1123 label, at most 63 characters). */
function checkedNamespace(namespace: string): string {
  if (namespace.length > 63 || !dnsLabel.test(namespace)) throw badName('namespace', namespace);
  return namespace;
}

/** Throws `invalid_arguments` for what cannot be the name of an object (RFC 1123 subdomain, at most 253 characters). */
export function checkedName(kind: string, name: string): string {
  if (name.length > 253 || !dnsSubdomain.test(name)) throw badName(kind, name);
  return name;
}

function badName(kind: string, name: string): ToolError {
  return new ToolError(
    'invalid_arguments',
    `${JSON.stringify(name.slice(0, 80))} cannot be the name of a ${kind}: only a-z, 0-9 and - (and dots in object names) are allowed.`,
  );
}

/** Path and query of a request to a resource. */
export function pathOf(target: Target, query: Query = {}): string {
  const { type, namespace, name, subresource } = target;
  const parts = [type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`];
  if (type.namespaced && namespace !== undefined) parts.push('namespaces', checkedNamespace(namespace));
  if (type.namespaced && namespace === undefined && name !== undefined) {
    throw new ToolError('internal', `A ${type.kind} was named without its namespace.`);
  }
  parts.push(type.plural);
  if (name !== undefined) parts.push(checkedName(type.kind, name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/') + queryOf(query);
}

/** The instance manager's two pages, through the API server's proxy to a pod. */
export function podProxyPath(
  namespace: string,
  pod: string,
  scheme: 'http' | 'https',
  page: ProxyPage,
): string {
  const target = `${scheme === 'https' ? 'https:' : ''}${checkedName('Pod', pod)}:${proxyPorts[page]}`;
  return `/api/v1/namespaces/${checkedNamespace(namespace)}/pods/${target}/proxy/${page}`;
}

export type ProxyPage = 'pg/status' | 'metrics';

const proxyPorts: Record<ProxyPage, number> = { 'pg/status': 8000, metrics: 9187 };

function queryOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) search.set(key, String(value));
  }
  return search.size === 0 ? '' : `?${search}`;
}
