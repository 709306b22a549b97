/** Lists, page by page. */
import { ToolError } from '../../errors.ts';
import type { KubeObject, ListOptions, Page } from '../gateway.ts';
import type { ResourceType } from '../resources.ts';
import { expectList, expectObject, parseObject } from './bodies.ts';
import type { Deadline } from './deadline.ts';
import { received } from './objects.ts';
import { pathOf } from './paths.ts';
import type { Requester } from './requester.ts';

/** Items per request when everything is asked for; what client-go uses. */
const pageSize = 500;
/** How often a list is begun again because it changed too much while it was read. */
const maxRestarts = 2;

/** What is listed. */
export type ListQuery = Omit<ListOptions, 'signal' | 'timeoutSeconds'>;

/** One page. */
export async function listPage<T extends KubeObject>(
  requester: Requester,
  type: ResourceType,
  query: ListQuery,
  deadline: Deadline,
): Promise<Page<T>> {
  const { namespace, limit, continue: token, labelSelector, fieldSelector } = query;
  const path = pathOf({ type, namespace }, { limit, continue: token, labelSelector, fieldSelector });
  const subject = { verb: 'list', type, namespace, continued: token !== undefined } as const;
  const { text } = await requester.send({ subject, method: 'GET', path, idempotent: true }, deadline);
  const { items, metadata } = parseObject(text);
  const {
    continue: next,
    remainingItemCount,
    resourceVersion,
  } = expectObject(metadata) as { continue?: string; remainingItemCount?: number; resourceVersion?: string };
  return {
    items: expectList(items).map((item) => received<T>(type, item)),
    ...(next && { continue: next }),
    ...(remainingItemCount !== undefined && { remaining: remainingItemCount }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

/** All pages as one. A list that expires while it is read is begun again. */
export async function listPages<T extends KubeObject>(
  requester: Requester,
  type: ResourceType,
  query: ListQuery,
  deadline: Deadline,
): Promise<Page<T>> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      let page = await listPage<T>(requester, type, { ...query, limit: pageSize }, deadline);
      const whole: Page<T> = { items: page.items };
      if (page.resourceVersion !== undefined) whole.resourceVersion = page.resourceVersion;
      while (page.continue !== undefined) {
        const next = { ...query, limit: pageSize, continue: page.continue };
        page = await listPage<T>(requester, type, next, deadline);
        for (const item of page.items) whole.items.push(item);
      }
      return whole;
    } catch (thrown) {
      const expired = thrown instanceof ToolError && thrown.api?.status === 410;
      if (!expired || restarts >= maxRestarts) throw thrown;
    }
  }
}
