/** SIGINT (Ctrl-C) and SIGTERM (Kubernetes, service managers). */

const ending = ['SIGINT', 'SIGTERM'] as const;

/** Resolves at the first signal that asks the process to end. A second one ends it at once. */
export function endRequested(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    // `once`: afterwards the default action of the signal is back, and that ends the process.
    const listeners = ending.map((signal) => [signal, () => finish(signal)] as const);
    const finish = (signal: NodeJS.Signals): void => {
      for (const [name, listener] of listeners) process.removeListener(name, listener);
      resolve(signal);
    };
    for (const [name, listener] of listeners) process.once(name, listener);
  });
}

/** A signal for calls that should be cancelled when the process is asked to end. `release` stops listening. */
export function abortOnSignals(): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const name of ending) process.once(name, abort);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of ending) process.removeListener(name, abort);
    },
  };
}
