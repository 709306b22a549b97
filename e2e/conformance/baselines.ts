/** What is known to fail, by revision. The files are kept empty: a scenario in them is a promise to repair it. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Revision } from './suite.ts';

const baseline = z.strictObject({ server: z.array(z.string()) });

/** Scenarios that are expected to fail. */
export async function readBaseline(revision: Revision): Promise<ReadonlySet<string>> {
  const file = new URL(`baselines/${revision}.yaml`, import.meta.url);
  return new Set(baseline.parse(parse(await readFile(file, 'utf8'))).server);
}
