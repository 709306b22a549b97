/** What a tool does to the world, in rising order. Every other decision about a tool is derived from this and its permissions. */
export const effects = ['read', 'operate', 'change', 'destroy'] as const;

/**
 * - `read`: looks only.
 * - `operate`: restarts, switchovers, backups; nothing is lost.
 * - `change`: creates or edits.
 * - `destroy`: something is gone afterwards.
 */
export type Effect = (typeof effects)[number];

/** True when a grant for `granted` includes `needed`: each effect implies the ones before it. */
export function includesEffect(granted: Effect, needed: Effect): boolean {
  return effects.indexOf(granted) >= effects.indexOf(needed);
}
