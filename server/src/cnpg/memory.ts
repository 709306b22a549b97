/** Containers that were killed because they need more memory than they may have. */

/** How a cause ends, and what a person can do; `undefined` for a container that ended otherwise. */
export function killedForMemory(ended: { reason?: string } | undefined) {
  if (ended?.reason !== 'OOMKilled') return undefined;
  return {
    cause: ': it needs more memory than it may have',
    remedy: 'Raise spec.resources.limits.memory, or lower shared_buffers, work_mem or max_connections.',
  };
}
