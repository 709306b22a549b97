import type { Fence } from './fence.ts';
import { postgresName } from './inputs.ts';

/**
 * A role or database name from the cluster as an answer shows it: as it is when a caller could pass it back to a tool,
 * else marked as data.
 */
export function shownName(name: string, fence: Fence): string {
  return postgresName.safeParse(name).success ? name : fence.quote(name, 100);
}
