/** WATCH: a stream of JSON lines, from a revision on, with bookmarks and the 410 of a forgotten past. */

import type { ServerResponse } from 'node:http';
import { copy } from '../json.ts';
import type { Fields, KubeObject } from '../types.ts';
import { expired } from './api-error.ts';
import { requestedRevision } from './lists.ts';
import type { Machine } from './machine.ts';
import { flag } from './request.ts';
import { apiVersionOf, type ResourceType } from './resources.ts';
import { fieldSelector, labelSelector, type Predicate } from './selectors.ts';
import type { Change } from './store.ts';

/** How often a quiet watch that allows it gets a bookmark, in milliseconds. */
const bookmarkInterval = 60_000;
/** How long a watch lasts when the client does not say, in seconds. */
const defaultTimeout = 1800;

interface Stream {
  type: ResourceType;
  namespace: string | undefined;
  selects: Predicate;
  send(event: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR', object: Fields): void;
}

/** The watches that are open, so that they can be ended. */
export class Watches {
  readonly #open = new Set<(error?: Fields) => void>();

  /** Ends every open watch; with an error, as an ERROR event. */
  endAll(error?: Fields): void {
    for (const end of [...this.#open]) end(error);
  }

  /**
   * Serves one watch until the client leaves, its timeout is over or {@link endAll}. `render` turns an object into the
   * form the client accepts.
   */
  serve(
    machine: Machine,
    type: ResourceType,
    namespace: string | undefined,
    query: URLSearchParams,
    response: ServerResponse,
    render: (object: Fields) => Fields,
  ): void {
    const hasLabels = labelSelector(query.get('labelSelector') ?? undefined);
    const hasFields = fieldSelector(type, query.get('fieldSelector') ?? undefined);
    const from = requestedRevision(query);
    const bookmarks = flag(query, 'allowWatchBookmarks');
    const initial = flag(query, 'sendInitialEvents');
    const stream: Stream = {
      type,
      namespace,
      selects: (object) => hasLabels(object) && hasFields(object),
      send: (event, object) => {
        const body = event === 'ERROR' ? object : render(object);
        response.write(`${JSON.stringify({ type: event, object: body })}\n`);
      },
    };
    response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    response.flushHeaders();

    const cleanUps: (() => void)[] = [];
    const end = (error?: Fields): void => {
      this.#open.delete(end);
      for (const cleanUp of cleanUps) cleanUp();
      if (error !== undefined && !response.writableEnded) stream.send('ERROR', error);
      response.end();
    };
    this.#open.add(end);
    response.on('close', () => end());

    if (from === undefined || initial) sendCurrent(machine, stream);
    else {
      const missed = machine.store.changesSince(type, from);
      if (missed === undefined) {
        end(expired(`too old resource version: ${from} (${machine.store.revision})`).status);
        return;
      }
      for (const change of missed) forward(stream, change);
    }
    const bookmark = (annotations?: Record<string, string>): void =>
      stream.send('BOOKMARK', {
        kind: type.kind,
        apiVersion: apiVersionOf(type),
        metadata: {
          resourceVersion: String(machine.store.revision),
          creationTimestamp: null,
          ...(annotations === undefined ? {} : { annotations }),
        },
      });
    if (bookmarks && initial) bookmark({ 'k8s.io/initial-events-end': 'true' });

    cleanUps.push(machine.store.listen((change, changed) => changed === type && forward(stream, change)));
    const seconds = Number(query.get('timeoutSeconds') ?? defaultTimeout);
    const timeout = setTimeout(() => {
      if (bookmarks) bookmark();
      end();
    }, seconds * 1000);
    const ticker = setInterval(() => bookmarks && bookmark(), bookmarkInterval);
    cleanUps.push(
      () => clearTimeout(timeout),
      () => clearInterval(ticker),
    );
  }
}

function sendCurrent(machine: Machine, stream: Stream): void {
  for (const object of machine.store.list(stream.type, stream.namespace)) {
    if (stream.selects(object)) stream.send('ADDED', object);
  }
}

/** Sends a change as this watch sees it: an object that leaves its selection is deleted, one that enters it is added. */
function forward(stream: Stream, { type, object, before }: Change): void {
  if (stream.namespace !== undefined && object.metadata.namespace !== stream.namespace) return;
  const was = before !== undefined && stream.selects(before);
  const is = type !== 'DELETED' && stream.selects(object);
  if (is) stream.send(was ? 'MODIFIED' : 'ADDED', object);
  else if (was) stream.send('DELETED', lastSeen(before, object));
}

/** A deletion shows the last version this watch saw, with the resourceVersion of the change. */
function lastSeen(before: KubeObject, object: KubeObject): KubeObject {
  const last = copy(before);
  last.metadata.resourceVersion = object.metadata.resourceVersion ?? '';
  return last;
}
