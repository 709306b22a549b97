/** What listens: Node's server, with the bounds of a connection that hold before anything is known about who is at its end. */
import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpLimits } from './limits.ts';

/** Not imported: an import reads every export of a built-in module, and `WebSocket` of this one loads 2 MB with it. */
const { createServer } = process.getBuiltinModule('node:http');

/** How long a connection may be quiet beyond the time after which an answer becomes a stream, in seconds. */
const quietSeconds = 60;

/** Longer than the minute for which common proxies keep an idle connection: else it may close under their next request. */
const keepAliveSeconds = 72;

/** Requests of one connection that are not answered yet. Clients that send on at all have a few on the way. */
const mostUnanswered = 16;

/** Makes the server for an application. */
export function createListener(handle: RequestListener, limits: HttpLimits): Server {
  const requestTimeout = limits.requestSeconds * 1000;
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout,
      // Node exchanges the two when the headers may take longer than the request, and looks only every 30 s by itself.
      headersTimeout: requestTimeout,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: keepAliveSeconds * 1000,
    },
    limitPipelining(handle),
  );
  // One on which nothing moves has a client that takes no answer: streams always have something to say.
  server.setTimeout((limits.streamAfterSeconds + quietSeconds) * 1000);
  return server;
}

/**
 * HTTP/1.1 lets a client send on before it has read an answer, and Node starts on every request in what it reads at once: a
 * thousand small ones, whoever sends them. A connection with too many is cut off: such a client reads no answer anyway. In
 * front of the application, because the rest of the piece still comes, and must cost nothing.
 */
function limitPipelining(handle: RequestListener): RequestListener {
  const unanswered = new WeakMap<Socket, number>();
  return (request, response) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (count > mostUnanswered) {
      socket.destroy();
      return;
    }
    unanswered.set(socket, count);
    response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
    handle(request, response);
  };
}
