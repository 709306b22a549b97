/** The suites on a real cluster, by name: `rbac` is e2e/suites/rbac.e2e.ts. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from './failure.ts';
import { root } from './paths.ts';

const ending = '.e2e.ts';

/**
 * The files of the suites whose names begin like that, relative to e2e; none when no name is given, which is all of them.
 * @throws {Failure} with the names that there are when there is none like that
 */
export async function chosenSuites(beginning: string | undefined): Promise<string[]> {
  if (beginning === undefined) return [];
  const files = await readdir(join(root, 'e2e/suites'));
  const names = files.filter((file) => file.endsWith(ending)).map((file) => file.slice(0, -ending.length));
  const chosen = names.filter((name) => name.startsWith(beginning));
  if (chosen.length === 0)
    throw new Failure(
      `There is no suite whose name begins with ${JSON.stringify(beginning)}. There are:\n  ${names.sort().join('\n  ')}`,
    );
  return chosen.map((name) => `suites/${name}${ending}`);
}
