/** LIST: selectors, pages that stay consistent while objects change, continue tokens that expire. */

import type { Fields, KubeObject } from '../types.ts';
import { ApiError, badRequest, expired } from './api-error.ts';
import type { Machine } from './machine.ts';
import { apiVersionOf, type ResourceType } from './resources.ts';
import { fieldSelector, labelSelector } from './selectors.ts';
import { keyOf } from './store.ts';

interface ContinueToken {
  v: 'meta.k8s.io/v1';
  /** The revision the first page was read at; -1 for a list that is not consistent. */
  rv: number;
  /** The key after which the next page begins. */
  start: string;
}

const tooOldToContinue =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

function encode(revision: number, start: string): string {
  const token: ContinueToken = { v: 'meta.k8s.io/v1', rv: revision, start };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function decode(text: string): ContinueToken {
  let token: Partial<ContinueToken>;
  try {
    token = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<ContinueToken>;
  } catch {
    const [first = ''] = Buffer.from(text, 'base64url').toString('latin1');
    const why = `invalid character '${first}' looking for beginning of value`;
    throw badRequest(`invalid continue token: continue key is not valid: ${why}`);
  }
  if (token.v !== 'meta.k8s.io/v1' || typeof token.rv !== 'number' || typeof token.start !== 'string') {
    throw badRequest(
      'invalid continue token: continue key is not valid: server does not recognize this encoded version',
    );
  }
  return token as ContinueToken;
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  return Number(text);
}

/** The revision that a request names; undefined for none and for 0 ("any"). */
export function requestedRevision(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion');
  if (text === null || text === '' || text === '0') return undefined;
  if (!/^\d+$/.test(text)) {
    const message = `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`;
    throw new ApiError(500, undefined, message);
  }
  return Number(text);
}

function refuseFuture(machine: Machine, revision: number): void {
  if (revision <= machine.store.revision) return;
  const message = `Timeout: Too large resource version: ${revision}, current: ${machine.store.revision}`;
  throw new ApiError(504, 'Timeout', message, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** Answers a LIST request. */
export function list(
  machine: Machine,
  type: ResourceType,
  namespace: string | undefined,
  name: string | undefined,
  query: URLSearchParams,
): Fields {
  const limit = Math.max(0, integer(query, 'limit') ?? 0);
  const labels = query.get('labelSelector') ?? undefined;
  const fields = query.get('fieldSelector') ?? undefined;
  const hasLabels = labelSelector(labels);
  const hasFields = fieldSelector(type, fields);
  const token = query.get('continue') ? decode(query.get('continue') ?? '') : undefined;
  const revision = requestedRevision(query);
  if (token !== undefined && revision !== undefined) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (revision !== undefined) refuseFuture(machine, revision);
  const exact = query.get('resourceVersionMatch') === 'Exact' ? revision : undefined;
  const consistent = token !== undefined && token.rv > 0;
  const at = consistent ? token.rv : (exact ?? machine.store.revision);

  const entries = machine.store.entriesAt(type, namespace, at);
  if (entries === undefined) {
    if (token === undefined) throw expired(`The resourceVersion for the provided list is too old.`);
    throw expired(tooOldToContinue, { continue: encode(-1, token.start) });
  }
  const after = token?.start ?? '';
  const selected: KubeObject[] = [];
  let remaining = 0;
  let last = '';
  for (const [key, object] of entries) {
    if (after !== '' && key <= after) continue;
    if (name !== undefined && key !== keyOf(object.metadata.namespace, name)) continue;
    if (!hasLabels(object) || !hasFields(object)) continue;
    if (limit > 0 && selected.length === limit) {
      remaining += 1;
      continue;
    }
    selected.push(object);
    last = key;
  }
  const filtered = labels !== undefined || fields !== undefined;
  const custom = type.schema !== undefined;
  return {
    kind: `${type.kind}List`,
    apiVersion: apiVersionOf(type),
    metadata: {
      resourceVersion: String(at),
      ...(remaining > 0 ? { continue: encode(token?.rv ?? at, last) } : custom ? { continue: '' } : {}),
      // Counting the rest of a filtered list would mean to read it: the API server leaves it out.
      ...(remaining > 0 && !filtered ? { remainingItemCount: remaining } : {}),
    },
    items: custom ? selected : selected.map(withoutKind),
  };
}

/** The items of a list of a built-in kind do not repeat the kind. */
function withoutKind({ kind: _, apiVersion: __, ...rest }: KubeObject): Fields {
  return rest;
}
