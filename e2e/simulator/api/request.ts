/** What a request asks for, read from its method and path as the API server does. */

import type { Verb } from '../types.ts';
import { badRequest } from './api-error.ts';

export interface ResourceRequest {
  verb: Verb;
  group: string;
  version: string;
  resource: string;
  subresource: string | undefined;
  namespace: string | undefined;
  name: string | undefined;
  /** What follows `…/proxy/` in the path of a pod's proxy. */
  proxyPath: string | undefined;
}

export interface ParsedRequest {
  method: string;
  /** Path and query as sent. */
  url: string;
  path: string;
  query: URLSearchParams;
  /** undefined: the path is not one of a resource. */
  target: ResourceRequest | undefined;
}

const writeVerbs: Record<string, Verb> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

function flag(query: URLSearchParams, name: string): boolean {
  return ['true', '1'].includes(query.get(name) ?? '');
}

function verbOf(method: string, name: string | undefined, query: URLSearchParams): Verb {
  if (method === 'GET' || method === 'HEAD') {
    if (name !== undefined) return 'get';
    return flag(query, 'watch') ? 'watch' : 'list';
  }
  if (method === 'DELETE') return name === undefined ? 'deletecollection' : 'delete';
  return writeVerbs[method] ?? 'get';
}

function selectedName(query: URLSearchParams): string | undefined {
  return /^metadata\.name==?([^,]+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
}

/** Reads a request line. Percent escapes in names are resolved. */
export function parseRequest(method: string, url: string): ParsedRequest {
  const [path = '/', search = ''] = url.split(/\?(.*)/s);
  const query = new URLSearchParams(search);
  const request = { method, url, path, query };
  const parts = path.split('/').filter((part) => part !== '');
  const start = parts[0] === 'api' ? 2 : parts[0] === 'apis' ? 3 : 0;
  if (start === 0 || parts.length <= start) return { ...request, target: undefined };

  const group = start === 2 ? '' : (parts[1] ?? '');
  const version = parts[start - 1] ?? '';
  const steps = parts.slice(start).map((step) => {
    try {
      return decodeURIComponent(step);
    } catch {
      throw badRequest(`invalid URL escape in "${step}"`);
    }
  });
  let namespace: string | undefined;
  // `namespaces/x` is the namespace itself, `namespaces/x/pods` something inside; status and finalize are subresources.
  if (steps[0] === 'namespaces' && steps.length > 1) {
    namespace = steps[1];
    if (steps.length > 2 && !['status', 'finalize'].includes(steps[2] ?? '')) steps.splice(0, 2);
  }
  const [resource = '', name, subresource, ...rest] = steps;
  const verb = verbOf(method, name, query);
  const selected = name === undefined && verb !== 'create' ? selectedName(query) : undefined;
  return {
    ...request,
    target: {
      verb,
      group,
      version,
      resource,
      subresource,
      namespace,
      name: name ?? selected,
      proxyPath: subresource === 'proxy' ? `/${rest.join('/')}` : undefined,
    },
  };
}

/** The dryRun parameter: 'All' or nothing. */
export function isDryRun(query: URLSearchParams): boolean {
  return query.getAll('dryRun').includes('All');
}

export { flag };
