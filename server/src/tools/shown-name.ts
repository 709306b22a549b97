import { isPlainName } from '../cnpg/untrusted.ts';
import type { Fence } from './fence.ts';

/**
 * A name from the cluster as an answer shows it: as it is when it is a single word, else marked as data. PostgreSQL allows
 * whole sentences as names.
 */
export function shownName(name: string, fence: Fence): string {
  return isPlainName(name) ? name : fence.quote(name.replace(/\s+/gu, ' '), 100);
}
