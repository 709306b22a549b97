/** Keeps a long list of dependants readable without letting a confirmation forget those that are not shown. */
import { createHash } from 'node:crypto';
import type { DependantView } from './dependants.ts';

/** Of each kind. */
const mostShown = 20;

/**
 * At most 20 of each kind, in the given order, and one entry for the rest. A confirmation is bound to the kinds and names of
 * the entries (docs/decisions/0002): the name of that one carries a digest of all names that it stands for, so that it
 * changes with any of them.
 */
export function shortenDependants(all: readonly DependantView[]): DependantView[] {
  const kinds = new Map<string, DependantView[]>();
  for (const dependant of all) kinds.set(dependant.kind, [...(kinds.get(dependant.kind) ?? []), dependant]);
  return [...kinds].flatMap(([kind, ofKind]) => {
    // One more entry would take the place of the one that it stands for.
    if (ofKind.length <= mostShown + 1) return ofKind;
    const rest = ofKind.slice(mostShown);
    const fates = new Set(rest.map(({ fate }) => fate));
    return [
      ...ofKind.slice(0, mostShown),
      {
        kind,
        name: `and ${rest.length} more (digest of their names ${digestOf(rest)})`,
        fate: fates.size === 1 ? [...fates].join() : [...fates].slice(0, 3).join(', or: '),
      },
    ];
  });
}

function digestOf(dependants: readonly DependantView[]): string {
  const names = dependants.map(({ namespace = '', name }) => `${namespace}/${name}`).sort();
  return createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 32);
}
