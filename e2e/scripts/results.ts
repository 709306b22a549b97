/** What a test run left in its JSON report (vitest's `json` reporter). */
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { Failure } from './failure.ts';

const report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

/** Counts of tests. A file that failed without a failed test of its own (it could not be loaded) counts as one failed. */
export interface Counts {
  passed: number;
  failed: number;
  /** Skipped, todo, or never reached. */
  skipped: number;
  /** One line for each test that was skipped and each file without a test that ran. */
  notRun: string[];
}

/**
 * Reads one JSON report.
 * @throws {Failure} when it is missing: the run ended before it could write one
 */
export async function readCounts(file: string): Promise<Counts> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new Failure(`The tests left no results in ${file}.`);
  });
  return count(report.parse(JSON.parse(text)).testResults);
}

/** Counts the tests of a report's files. */
export function count(files: z.infer<typeof report>['testResults']): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0, notRun: [] };
  for (const file of files) {
    const ran = { passed: 0, failed: 0 };
    for (const test of file.assertionResults) {
      if (test.status === 'passed') ran.passed++;
      else if (test.status === 'failed') ran.failed++;
      else {
        counts.skipped++;
        counts.notRun.push(`${file.name}: ${test.fullName} (${test.status})`);
      }
    }
    if (file.status === 'failed' && ran.failed === 0) ran.failed++;
    if (ran.passed + ran.failed === 0) counts.notRun.push(`${file.name}: no test ran`);
    counts.passed += ran.passed;
    counts.failed += ran.failed;
  }
  return counts;
}
