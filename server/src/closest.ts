/** Naming the word that somebody probably meant. */

/** The known word that is closest to what was written; `undefined` when none is close enough to be meant. */
export function closest(written: string, known: readonly string[]): string | undefined {
  const word = written.slice(0, 60);
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(word, candidate);
    if (!best || distance < best.distance) best = { candidate, distance };
  }
  return best && best.distance <= Math.floor(best.candidate.length / 3) ? best.candidate : undefined;
}

/** Fewer letters than these begin too much. */
const leastLetters = 3;
/** Of more words nobody can tell which was meant. */
const mostMeant = 3;

/** The closest known word; where none is close enough, the few that begin with what was written or hold it as a whole word. */
export function meantBy(written: string, known: readonly string[]): string[] {
  const one = closest(written, known);
  if (one !== undefined) return [one];
  if (written.length < leastLetters) return [];
  const longer = known.filter((name) => name.startsWith(written) || name.split('_').includes(written));
  return longer.length <= mostMeant ? longer : [];
}

/** Letters to put in, leave out, replace or exchange with their neighbour (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const exchange = exchanged ? (beforePrevious[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      current.push(Math.min(substitution, exchange, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length] ?? 0;
}
