/**
 * The newer generation, loaded at the first request that speaks it: it and its SDK cost 14 MB and 40 ms, and most clients of
 * today never ask for it.
 */
import type { ModernEndpoint } from '../endpoint.ts';
import { isModernRequest } from '../era.ts';
import type { ModernEndpointOptions } from './endpoint.ts';

/** Like `createModernEndpoint`, without its cost until it is used. */
export function modernOnDemand(options: ModernEndpointOptions): ModernEndpoint & { close(): void } {
  let loading: Promise<ModernEndpoint> | undefined;
  let loaded: (ModernEndpoint & { close(): void }) | undefined;
  let closed = false;
  const load = async () => {
    const { createModernEndpoint } = await import('./endpoint.ts');
    loaded = createModernEndpoint(options);
    if (closed) loaded.close();
    return loaded;
  };
  return {
    claims: isModernRequest,
    handle(exchange) {
      if (loaded) return loaded.handle(exchange);
      loading ??= load();
      return loading.then((endpoint) => endpoint.handle(exchange));
    },
    close() {
      closed = true;
      loaded?.close();
    },
  };
}
