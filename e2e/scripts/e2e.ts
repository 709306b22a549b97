/**
 * `make e2e`: runs the suites on a real cluster, and fails unless every one of their tests ran and passed.
 *
 *   node e2e/scripts/e2e.ts [--kubeconfig FILE] [--suite NAME]
 *
 * Without --kubeconfig it starts the provider's cluster first, and leaves it running. With --suite only the suites run whose file
 * names begin like that.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { run, runOrThrow } from './command.ts';
import { clusterProgram, root, runFolder } from './paths.ts';
import { readCounts } from './results.ts';
import { chosenSuites } from './suites.ts';
import { findCluster } from './test-cluster.ts';

const { values } = parseArgs({ options: { kubeconfig: { type: 'string' }, suite: { type: 'string' } } });
// Before a cluster is started for nothing.
const chosen = await chosenSuites(values.suite);
const env: NodeJS.ProcessEnv = { ...process.env };
if (values.kubeconfig === undefined) {
  // The provider's, not one that an earlier shell has left in the environment.
  delete env.CNPG_MCP_E2E_KUBECONFIG;
  await runOrThrow(clusterProgram, ['up']);
} else {
  env.CNPG_MCP_E2E_KUBECONFIG = resolve(values.kubeconfig);
  // The suites look themselves; what is wrong with it is said here, in a sentence.
  await findCluster(env);
}

const report = join(runFolder, 'e2e.json');
await mkdir(runFolder, { recursive: true });
await rm(report, { force: true });
const vitest = join(root, 'node_modules/.bin/vitest');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const status = await run(vitest, ['run', '--config', 'e2e/vitest.e2e.config.ts', ...reporters, ...chosen], {
  env,
  cwd: root,
});

const counts = await readCounts(report);
console.log(`\nReal cluster: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
if (counts.notRun.length > 0) {
  console.error(
    `A test on the real cluster must not be left out, but these did not run:\n  ${counts.notRun.join('\n  ')}`,
  );
}
const ranAll = counts.passed > 0 && counts.failed === 0 && counts.notRun.length === 0;
if (counts.passed + counts.failed === 0) console.error('No test ran on the real cluster.');
process.exitCode = status === 0 && ranAll ? 0 : 1;
