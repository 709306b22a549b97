/**
 * Makes work that may be asked for at any time run one at a time. A call resolves, or rejects, with a run that began after it;
 * calls that come while one runs share the next.
 */
export function coalesced(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        running = work();
        return running;
      });
    return next;
  };
}
