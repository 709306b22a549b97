/** Keeps structured content within the size of one answer, whatever a cluster holds. */

/** What is left out of a list is said in its place. */
const shortest = 5;

/**
 * The value itself when its JSON is short enough; otherwise a copy in which the longest lists and maps are shortened, the
 * longest one first, until it is. `omitted` then counts what was left out, by path.
 */
export function boundSize(value: Record<string, unknown>, limit: number): Record<string, unknown> {
  let size = JSON.stringify(value).length;
  if (size <= limit) return value;
  const bounded = structuredClone(value);
  const omitted: Record<string, number> = {};
  while (size > limit) {
    const longest = collections(bounded).sort((a, b) => b.size - a.size)[0];
    if (!longest) break;
    const keep = Math.max(
      shortest,
      Math.floor((longest.count * (longest.size - (size - limit) - 100)) / longest.size),
    );
    omitted[longest.path] =
      (omitted[longest.path] ?? 0) + longest.keepFirst(Math.min(keep, longest.count - 1));
    bounded.omitted = omitted;
    size = JSON.stringify(bounded).length;
  }
  return bounded;
}

interface Collection {
  path: string;
  count: number;
  /** Characters of its JSON. */
  size: number;
  /** Leaves out the rest and returns how many that were. */
  keepFirst(count: number): number;
}

/** Every list and map that has more than the least number of entries. */
function collections(value: unknown, path = ''): Collection[] {
  if (value === null || typeof value !== 'object') return [];
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const inner = entries.flatMap(([key, item]) =>
    collections(item, isList ? `${path}[]` : path === '' ? key : `${path}.${key}`),
  );
  // The answer itself is no collection: its fields are what it promises.
  if (path === '' || entries.length <= shortest || path.startsWith('omitted')) return inner;
  const keepFirst = (count: number): number => {
    if (isList) value.splice(count);
    else for (const [key] of entries.slice(count)) delete (value as Record<string, unknown>)[key];
    return entries.length - count;
  };
  return [...inner, { path, count: entries.length, size: JSON.stringify(value).length, keepFirst }];
}
