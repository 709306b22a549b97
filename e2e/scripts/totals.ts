/**
 * Prints the line `N passed, N failed` over several test runs, for a machine to read.
 *
 *   node e2e/scripts/totals.ts REPORT=STATUS...
 *
 * REPORT is a run's JSON report, STATUS the exit status of the step it belongs to. A step that failed with no
 * failed test to show for it (a check before the tests, tests that were left out, no report) counts as one failed.
 */
import { type Counts, readCounts } from './results.ts';

let passed = 0;
let failed = 0;
for (const argument of process.argv.slice(2)) {
  const [file = '', status] = argument.split('=');
  const counts: Pick<Counts, 'passed' | 'failed'> = await readCounts(file).catch((error: unknown) => {
    console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    return { passed: 0, failed: 1 };
  });
  passed += counts.passed;
  failed += status !== '0' && counts.failed === 0 ? 1 : counts.failed;
}
console.log(`${passed} passed, ${failed} failed`);
