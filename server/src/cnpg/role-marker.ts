/** The entry that stands in `spec.managed.roles` while a role is dropped (./role-drop.ts) or looked for (./role-look.ts). */
import { createHash, randomBytes } from 'node:crypto';
import { markerPrefix } from './role-names.ts';
import type { RoleSpec } from './types.ts';

/** Milliseconds after which a marker was left by a call that broke off: none stands longer than the operator needs to read it. */
const lifetime = 120_000;

const prefixOf = (role: string): string =>
  `${markerPrefix}${createHash('sha256').update(role).digest('hex').slice(0, 8)}-`;

/** Name of a new marker, never the same twice: which role it belongs to, whose it is, and since when. */
export function markerName(role: string, now: Date): string {
  // Two calls may begin in the same millisecond, and each must know its own.
  return `${prefixOf(role)}${randomBytes(4).toString('hex')}-${now.getTime().toString(36)}`;
}

/** True for an entry that is a marker, whoever's it is. */
export function isMarker({ ensure, name }: RoleSpec): boolean {
  return ensure === 'absent' && name.startsWith(markerPrefix);
}

/** True for a marker that may be removed for the sake of `role`: its own, or one that was left behind. */
export function isSpentMarker(entry: RoleSpec, role: string, now: Date): boolean {
  return isAbandonedMarker(entry, now) || (isMarker(entry) && entry.name.startsWith(prefixOf(role)));
}

/** True for a marker that was left behind, whoever's it is. */
export function isAbandonedMarker(entry: RoleSpec, now: Date): boolean {
  if (!isMarker(entry)) return false;
  const since = Number.parseInt(entry.name.split('-').at(-1) ?? '', 36);
  return !(now.getTime() - since < lifetime);
}
