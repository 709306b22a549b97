/** Where a watcher gets its objects from: lists and watches, or the one object where only that may be read. */
import { ToolError } from '../../errors.ts';
import type { KubeObject, WatchOptions } from '../gateway.ts';
import type { ResourceType } from '../resources.ts';
import type { Subject } from './api-errors.ts';
import { parseObject } from './bodies.ts';
import type { Deadline } from './deadline.ts';
import { listPages } from './listing.ts';
import { received } from './objects.ts';
import { checkedName, pathOf } from './paths.ts';
import type { Requester } from './requester.ts';
import type { WatchSource } from './watch.ts';

/** Objects of a kind, narrowed by the options. */
export function watchSource<T extends KubeObject>(
  requester: Requester,
  type: ResourceType,
  options: WatchOptions,
  deadline: Deadline,
): WatchSource<T> {
  const { namespace, name, labelSelector } = options;
  let { after } = options;
  const selectors = {
    ...(labelSelector !== undefined && { labelSelector }),
    ...(name !== undefined && { fieldSelector: `metadata.name=${checkedName(type.kind, name)}` }),
  };
  let listing = true;
  const list = async (): ReturnType<WatchSource<T>['read']> => {
    const page = await listPages<T>(requester, type, { namespace, ...selectors }, deadline);
    return { items: page.items, resourceVersion: page.resourceVersion };
  };
  return {
    async read() {
      if (after) {
        const first = after as T;
        after = undefined;
        return { items: [first], resourceVersion: first.metadata.resourceVersion };
      }
      if (listing) {
        try {
          return await list();
        } catch (thrown) {
          const forbidden = thrown instanceof ToolError && thrown.code === 'forbidden';
          if (!forbidden || name === undefined || labelSelector !== undefined) throw thrown;
          listing = false;
        }
      }
      // Without the version of a list there is nothing to watch from, so the watcher asks again and again.
      const object = await getOne<T>(requester, { verb: 'get', type, namespace, name }, deadline);
      return { items: object ? [object] : [], resourceVersion: undefined };
    },
    accept: (object) => received(type, object),
    follow(resourceVersion, timeoutSeconds) {
      const query = { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds };
      const path = pathOf({ type, namespace }, { ...query, ...selectors });
      const subject: Subject = { verb: 'watch', type, namespace, name };
      return requester.open({ subject, method: 'GET', path, idempotent: true }, deadline);
    },
  };
}

async function getOne<T extends KubeObject>(
  requester: Requester,
  subject: Subject,
  deadline: Deadline,
): Promise<T | undefined> {
  const { type, namespace, name } = subject;
  const path = pathOf({ type, namespace, name });
  try {
    const { text } = await requester.send({ subject, method: 'GET', path, idempotent: true }, deadline);
    return received(type, parseObject(text));
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === 'not_found') return undefined;
    throw thrown;
  }
}
