/**
 * The newer generation, loaded at the first request that speaks it: it and its SDK cost 14 MB and 40 ms, and most clients of
 * today never ask for it.
 */
import type { ModernEndpoint } from '../endpoint.ts';
import { isModernRequest } from '../era.ts';
import type { ModernEndpointOptions } from './endpoint.ts';

/** Like `createModernEndpoint`, without its cost until it is used. */
export function modernOnDemand(options: ModernEndpointOptions): ModernEndpoint & { close(): void } {
  let loading: Promise<ModernEndpoint & { close(): void }> | undefined;
  let closed = false;
  const load = async () => {
    const { createModernEndpoint } = await import('./endpoint.ts');
    const endpoint = createModernEndpoint(options);
    if (closed) endpoint.close();
    return endpoint;
  };
  return {
    claims: isModernRequest,
    async handle(exchange) {
      loading ??= load();
      return (await loading).handle(exchange);
    },
    close() {
      closed = true;
      void loading?.then((endpoint) => endpoint.close());
    },
  };
}
