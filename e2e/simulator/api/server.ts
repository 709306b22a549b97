/** The HTTP side: one request through recording, faults, authentication, authorization and the verb's handler. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { stringify as yamlOf } from 'yaml';
import type { Fields, RecordedRequest } from '../types.ts';
import { type Access, type Identity, refusal, review } from './access.ts';
import {
  ApiError,
  badRequest,
  cause,
  invalid,
  methodNotAllowed,
  notFound,
  unauthorized,
} from './api-error.ts';
import { parseBody } from './decoding.ts';
import { deleteOptions, remove } from './deletes.ts';
import { discover } from './discovery.ts';
import { type FaultList, faultError } from './faults.ts';
import { list } from './lists.ts';
import type { Machine, WriteOptions } from './machine.ts';
import { patchTypes } from './patches.ts';
import { type Logs, type PodPorts, proxyToPod, readLog } from './pods.ts';
import { isDryRun, type ParsedRequest, parseRequest, type ResourceRequest } from './request.ts';
import { readScale, writeScale } from './scale.ts';
import type { Watches } from './watches.ts';
import { create, patch, type Target, update } from './writes.ts';

/** Everything a request may need. */
export interface ServerParts {
  machine: Machine;
  access: Access;
  faults: FaultList;
  watches: Watches;
  logs: Logs;
  ports: PodPorts;
  requests: RecordedRequest[];
  /** The identity of a bearer token; undefined: not (or no longer) accepted. */
  authenticate(token: string | undefined): Identity | undefined;
}

/** How many requests are remembered: a demonstration may run for days. */
const mostRecorded = 20_000;

/** A path that nothing is served at; the API server answers it in plain text. */
class PageNotFound extends Error {}

interface Exchange {
  parts: ServerParts;
  parsed: ParsedRequest;
  request: IncomingMessage;
  response: ServerResponse;
  body: string;
  identity: Identity;
  /** Half of the body only, then the connection is cut. */
  truncate: boolean;
}

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Serves one request; never throws. */
export async function serve(
  parts: ServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const method = request.method ?? 'GET';
  const url = request.url ?? '/';
  let exchange: Exchange | undefined;
  let record: RecordedRequest | undefined;
  let truncate = false;
  try {
    const parsed = parseRequest(method, url);
    record = recordOf(parsed, request);
    parts.requests.push(record);
    if (parts.requests.length > mostRecorded) parts.requests.shift();
    const seen = record;
    response.on('finish', () => {
      seen.status = response.statusCode;
    });
    const body = await readBody(request);
    const fault = parts.faults.take(parsed);
    if (fault?.delayMs !== undefined) await wait(fault.delayMs);
    if (fault?.drop) {
      request.socket.destroy();
      return;
    }
    if (response.destroyed) return;
    truncate = fault?.truncate === true;
    if (fault?.status !== undefined) throw faultError(fault);
    const identity = identify(parts, request);
    record.user = identity.user;
    record.groups = identity.groups;
    exchange = { parts, parsed, request, response, body, identity, truncate };
    handle(exchange);
  } catch (error) {
    fail(response, request, error, truncate);
  }
}

function recordOf(parsed: ParsedRequest, request: IncomingMessage): RecordedRequest {
  const { method, url, target, query } = parsed;
  const contentType = request.headers['content-type'];
  return {
    verb: target?.verb ?? 'get',
    group: target?.group ?? '',
    resource: target?.resource ?? '',
    ...(target?.subresource === undefined ? {} : { subresource: target.subresource }),
    ...(target?.namespace === undefined ? {} : { namespace: target.namespace }),
    ...(target?.name === undefined ? {} : { name: target.name }),
    dryRun: isDryRun(query),
    user: '',
    groups: [],
    method,
    path: url,
    status: 0,
    ...(contentType === undefined ? {} : { contentType }),
  };
}

/** Who the request acts as: the token's user, or the one impersonated if that is allowed. */
function identify({ authenticate, access }: ServerParts, request: IncomingMessage): Identity {
  const token = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const identity = authenticate(token);
  if (identity === undefined) throw unauthorized();
  const user = request.headersDistinct['impersonate-user']?.[0];
  const groups = request.headersDistinct['impersonate-group'] ?? [];
  if (user === undefined) {
    if (groups.length === 0) return identity;
    const listed = groups.map((group) => `"${group}"`).join(', ');
    throw badRequest(
      `requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{${listed}}, Extra:map[string][]string(nil)} without impersonating a user name`,
    );
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user);
  const subjects =
    account === null
      ? [{ resource: 'users', namespace: '', name: user }]
      : [{ resource: 'serviceaccounts', namespace: account[1] ?? '', name: account[2] ?? '' }];
  subjects.push(...groups.map((name) => ({ resource: 'groups', namespace: '', name })));
  for (const subject of subjects) {
    const attempt = { user: identity.user, verb: 'impersonate', group: '', subresource: '', ...subject };
    if (!access.allows(attempt)) throw refusal(attempt);
  }
  return { user, groups: [...new Set([...groups, 'system:authenticated'])] };
}

function handle(exchange: Exchange): void {
  const { parts, parsed, identity } = exchange;
  const { target, path } = parsed;
  if (target === undefined) {
    const found = ['/healthz', '/livez', '/readyz'].includes(path) ? 'ok' : discover(parts.machine, path);
    if (found === undefined) throw new PageNotFound();
    if (typeof found === 'string') text(exchange, 200, 'text/plain; charset=utf-8', found);
    else json(exchange, 200, found);
    return;
  }
  const attempt = {
    user: identity.user,
    verb: target.verb,
    group: target.group,
    resource: target.resource,
    subresource: target.subresource ?? '',
    namespace: target.namespace ?? '',
    name: target.name ?? '',
  };
  const type = parts.machine.resources.find(target.group, target.version, target.resource);
  const isReview = type?.virtual === true;
  if (!isReview && !parts.access.allows(attempt)) throw refusal(attempt);
  if (type === undefined) throw new PageNotFound();
  const { subresource } = target;
  if (subresource !== undefined && !type.subresources.includes(subresource)) throw new PageNotFound();
  const place: Target = {
    type,
    namespace: type.namespaced ? target.namespace : undefined,
    name: target.name,
    subresource,
  };
  if (isReview) {
    const body = exchange.body === '' ? {} : parseBody(type, exchange.body);
    json(exchange, 201, review(parts.machine, parts.access, type, identity, body));
  } else if (subresource === 'log') sendLog(exchange, target);
  else if (subresource === 'proxy') {
    const answer = proxyToPod(
      parts.machine,
      parts.ports,
      target.namespace ?? '',
      target.name ?? '',
      target.proxyPath ?? '/',
    );
    text(exchange, answer.status, answer.contentType, answer.body);
  } else if (subresource === 'scale') scale(exchange, place);
  else verbs(exchange, place, target);
}

function scale(exchange: Exchange, place: Target): void {
  const { parts, parsed, request, body } = exchange;
  if (parsed.method === 'GET') {
    json(exchange, 200, readScale(parts.machine, place));
    return;
  }
  const contentType = mediaType(request);
  const options = writeOptions(exchange, contentType);
  json(exchange, 200, writeScale(parts.machine, place, contentType, JSON.parse(body), options));
}

function verbs(exchange: Exchange, place: Target, target: ResourceRequest): void {
  const { parts, parsed, request, body } = exchange;
  const { machine } = parts;
  const { type, namespace } = place;
  const contentType = mediaType(request);
  const named = target.name !== undefined;
  const misplaced = target.verb === 'create' ? named : ['update', 'patch'].includes(target.verb) && !named;
  // The servers of custom kinds find something else to say about such a request.
  if (misplaced && type.schema === undefined) throw methodNotAllowed();
  switch (target.verb) {
    case 'get': {
      const object = machine.store.get(type, namespace, place.name ?? '');
      if (object === undefined) throw notFound(type, place.name ?? '');
      json(exchange, 200, object);
      return;
    }
    case 'list':
      json(exchange, 200, list(machine, type, namespace, target.name, parsed.query));
      return;
    case 'watch':
      parts.watches.serve(machine, type, namespace, parsed.query, exchange.response, (object) =>
        rendered(exchange, object),
      );
      return;
    case 'create':
      written(exchange, create(machine, place, parseBody(type, body), writeOptions(exchange, contentType)));
      return;
    case 'update':
      if (place.name === undefined) throw badRequest('name must be provided');
      written(exchange, update(machine, place, parseBody(type, body), writeOptions(exchange, contentType)));
      return;
    case 'patch':
      written(exchange, patch(machine, place, contentType, body, writeOptions(exchange, contentType)));
      return;
    case 'delete': {
      json(exchange, 200, remove(machine, place, deleteOptions(body, parsed.query, isDryRun(parsed.query))));
      return;
    }
    case 'deletecollection': {
      const found = list(machine, type, namespace, target.name, parsed.query);
      const options = deleteOptions(body, parsed.query, isDryRun(parsed.query));
      for (const { metadata } of found.items as { metadata: { name: string; namespace?: string } }[]) {
        remove(machine, { ...place, namespace: metadata.namespace, name: metadata.name }, options);
      }
      json(exchange, 200, found);
    }
  }
}

function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
}

function writeOptions({ parsed, request }: Exchange, contentType: string): WriteOptions {
  const { query, method } = parsed;
  const applies = method === 'PATCH' && contentType === patchTypes.apply;
  const kind = { POST: 'CreateOptions', PUT: 'UpdateOptions' }[method] ?? 'PatchOptions';
  const refuse = (causes: ReturnType<typeof cause.required>) =>
    invalid({ group: 'meta.k8s.io', kind }, '', [causes]);
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  if (dryRun.some((value) => value !== 'All')) throw refuse(cause.unsupported('dryRun', dryRun, ['All']));
  const manager = query.get('fieldManager') ?? '';
  if (applies && manager === '') throw refuse(cause.required('fieldManager', 'is required for apply patch'));
  if (method === 'PATCH' && !applies && query.has('force')) {
    throw refuse(cause.forbidden('force', 'may not be specified for non-apply patch'));
  }
  const validation = query.get('fieldValidation') ?? 'Warn';
  if (validation !== 'Strict' && validation !== 'Warn' && validation !== 'Ignore') {
    throw refuse(cause.unsupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  return {
    dryRun: dryRun.length > 0,
    manager:
      manager !== '' ? manager : (request.headers['user-agent'] ?? 'unknown').split('/')[0] || 'unknown',
    fieldValidation: validation,
    force: query.get('force') === 'true',
  };
}

function written(
  exchange: Exchange,
  { object, warnings, created }: { object: Fields; warnings: string[]; created: boolean },
): void {
  sendWarnings(exchange.response, warnings);
  json(exchange, created ? 201 : 200, object);
}

/** Header values are Latin-1: what is beyond it goes out as the bytes of UTF-8, as in the API server. */
function sendWarnings(response: ServerResponse, warnings: readonly string[]): void {
  for (const warning of warnings) {
    const value = Buffer.from(`299 - ${JSON.stringify(warning)}`).toString('latin1');
    response.appendHeader('warning', value);
  }
}

function sendLog(exchange: Exchange, target: ResourceRequest): void {
  const { parts, parsed, response } = exchange;
  const log = readLog(parts.machine, parts.logs, target.namespace ?? '', target.name ?? '', parsed.query);
  if (!log.follow) {
    text(exchange, 200, 'text/plain', log.text);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.write(log.text);
  const unfollow = parts.logs.follow((key, line) => {
    if (key === log.key) response.write(log.format(line));
  });
  response.on('close', unfollow);
}

/** The form that the client accepts: whole objects, or their metadata only. */
function rendered({ request }: Exchange, object: Fields): Fields {
  if (!/as=PartialObjectMetadata/.test(request.headers.accept ?? '')) return object;
  const partial = ({ metadata }: Fields) => ({
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
  });
  if (object.kind === 'Status') return object;
  if (!Array.isArray(object.items)) return partial(object);
  const { metadata, items } = object;
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    items: items.map(partial),
  };
}

function json(exchange: Exchange, status: number, body: Fields): void {
  const accept = exchange.request.headers.accept ?? '';
  const content = rendered(exchange, body);
  if (accept.startsWith('application/yaml')) text(exchange, status, 'application/yaml', yamlOf(content));
  else text(exchange, status, 'application/json', JSON.stringify(content));
}

function text(
  { response, truncate }: Pick<Exchange, 'response' | 'truncate'>,
  status: number,
  contentType: string,
  body: string,
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'content-type': contentType, 'content-length': bytes.length });
  if (!truncate) {
    response.end(bytes);
    return;
  }
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
}

function fail(response: ServerResponse, request: IncomingMessage, error: unknown, truncate: boolean): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const exchange = { response, truncate };
  if (error instanceof PageNotFound) {
    text(exchange, 404, 'text/plain; charset=utf-8', '404 page not found\n');
    return;
  }
  const known =
    error instanceof ApiError
      ? error
      : new ApiError(
          500,
          'InternalError',
          `Internal error occurred: ${error instanceof Error ? error.stack : error}`,
        );
  sendWarnings(response, known.warnings);
  const retryAfter = known.details?.retryAfterSeconds;
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
  const yaml = (request.headers.accept ?? '').startsWith('application/yaml');
  const body = yaml ? yamlOf(known.status) : JSON.stringify(known.status);
  text(exchange, known.code, yaml ? 'application/yaml' : 'application/json', body);
}
