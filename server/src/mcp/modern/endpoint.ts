/** 2026-07-28 on HTTP: one POST, one answer; as events when there is something to say before it. */
import type { McpAnswer, McpExchange, ModernEndpoint } from '../endpoint.ts';
import { isModernRequest } from '../era.ts';
import type { McpSurface } from '../surface.ts';
import { EventStream } from './event-stream.ts';
import { ModernServer, type ModernServerOptions, type Outcome } from './server.ts';

export interface ModernEndpointOptions extends ModernServerOptions {
  surface: McpSurface;
  /** An answer that takes longer becomes a stream with signs of life, in seconds. Default 5. */
  streamAfterSeconds?: number;
}

const eventHeaders = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' };

/** Serves the newer generation. `close` ends the open subscriptions with their result; call it before waiting for them. */
export function createModernEndpoint(options: ModernEndpointOptions): ModernEndpoint & { close(): void } {
  const { surface, streamAfterSeconds = 5, ...serverOptions } = options;
  const server = new ModernServer(surface, serverOptions);
  return {
    claims: isModernRequest,
    handle: (exchange) => handle(server, exchange, streamAfterSeconds * 1000),
    close: () => server.close(),
  };
}

function handle(server: ModernServer, exchange: McpExchange, streamAfter: number): Promise<McpAnswer> {
  const { message, headers, caller, signal } = exchange;
  return new Promise((resolve, reject) => {
    let events: EventStream | undefined;
    const open = (): EventStream => {
      if (events) return events;
      events = new EventStream();
      resolve({ status: 200, headers: eventHeaders, body: events });
      return events;
    };
    const slow = setTimeout(() => open().comment(), streamAfter);
    const finish = (outcome: Outcome): void => {
      clearTimeout(slow);
      switch (outcome.kind) {
        case 'accepted':
          resolve({ status: 202 });
          break;
        case 'response':
          if (events) events.end(outcome.json);
          else resolve({ status: outcome.status, body: outcome.json });
          break;
        case 'subscription': {
          const { subscription } = outcome;
          const stream = open();
          stream.once('close', () => subscription.close());
          // Fires when the client has gone, and when the server stops: then the stream still ends with its result.
          if (signal.aborted) subscription.end();
          else signal.addEventListener('abort', () => subscription.end(), { once: true });
          subscription.attach(stream);
        }
      }
    };
    const notify = (json: string): void => open().send(json);
    server.answer({ message, headers, caller, signal, notify }).then(finish, reject);
  });
}
