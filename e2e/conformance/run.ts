/**
 * The conformance suite of MCP against this server: `pnpm --filter cnpg-mcp-e2e conformance [2026-07-28|2025-11-25]`.
 *
 * Every scored scenario runs against the production application with the fixtures that the suite calls by name; the ones
 * that need no fixtures run against the product's own tools as well. Exit status 1 when a scenario does something else than
 * its baseline says.
 */
import { readBaseline } from './baselines.ts';
import { fixtureSurface } from './fixtures/surface.ts';
import { productServer } from './product.ts';
import { serve } from './server.ts';
import { type Revision, requiredScenarios, runSuite, type ScenarioResult } from './suite.ts';

const revisions: readonly Revision[] = ['2026-07-28', '2025-11-25'];

/** Scenarios that ask for nothing that a server would not have of its own. */
const withoutFixtures: Readonly<Record<Revision, readonly string[]>> = {
  '2026-07-28': [
    'tools-list',
    'server-sse-multiple-streams',
    'resources-list',
    'sep-2164-resource-not-found',
    'dns-rebinding-protection',
    'http-header-validation',
    'input-required-result-unsupported-methods',
  ],
  '2025-11-25': ['server-initialize', 'ping', 'tools-list', 'resources-list', 'dns-rebinding-protection'],
};

/**
 * Scenarios in which the server asks or tells the client something on its own, which 2025-11-25 has sessions for. The
 * application serves that revision without sessions, so they fail today; one that passes does not belong here any more.
 */
const needsSession: Readonly<Record<Revision, readonly string[]>> = {
  '2026-07-28': [],
  '2025-11-25': [
    'tools-call-sampling',
    'tools-call-elicitation',
    'elicitation-sep1034-defaults',
    'elicitation-sep1330-enums',
    'resources-subscribe',
    'resources-unsubscribe',
    'server-sse-multiple-streams',
  ],
};

const counts = { passed: 0, failed: 0, waiting: 0 };

/** Prints one line for a scenario, with what is wrong below it. */
function report(
  name: string,
  result: ScenarioResult | undefined,
  expectation: 'pass' | 'fail' | 'session',
): void {
  const broken = result === undefined || result.failed.length > 0 || result.passed === 0;
  if (expectation === 'session' && broken) {
    counts.waiting += 1;
    console.log(`  waits   ${name}: needs a session`);
  } else if (broken === (expectation !== 'pass')) {
    counts.passed += 1;
    console.log(`  passed  ${name}${broken ? ' (fails, as its baseline says)' : ''}`);
  } else {
    counts.failed += 1;
    console.log(`  FAILED  ${name}`);
    if (!broken) console.log('          it passes although it is listed as failing: take it off the list');
    if (!result) console.log('          the scenario did not run');
    for (const { check, message } of result?.failed ?? []) console.log(`          ${check}: ${message}`);
  }
}

async function scored(revision: Revision): Promise<void> {
  console.log(`\n${revision}, with fixtures`);
  const server = await serve(fixtureSurface());
  try {
    const [results, baseline, required] = await Promise.all([
      runSuite(server.url, revision),
      readBaseline(revision),
      requiredScenarios(revision),
    ]);
    for (const scenario of required) {
      const waits = needsSession[revision].includes(scenario) ? 'session' : 'pass';
      report(scenario, results.get(scenario), baseline.has(scenario) ? 'fail' : waits);
    }
    const others = [...results.values()].filter(({ scenario }) => !required.includes(scenario));
    for (const { scenario, failed: broken } of others) {
      console.log(
        `  not scored: ${scenario}: ${broken.length === 0 ? 'passed' : `${broken.length} checks failed`}`,
      );
    }
  } finally {
    await server.close();
  }
}

async function ownTools(revision: Revision): Promise<void> {
  console.log(`\n${revision}, with the product's own tools`);
  const server = await productServer();
  try {
    const results = await runSuite(server.url, revision);
    for (const scenario of withoutFixtures[revision]) report(scenario, results.get(scenario), 'pass');
  } finally {
    await server.close();
  }
}

const [wanted] = process.argv.slice(2);
const chosen = revisions.filter((revision) => wanted === undefined || wanted === revision);
if (chosen.length === 0) throw new Error(`There are requirements for ${revisions.join(' and ')}.`);
for (const revision of chosen) {
  await scored(revision);
  await ownTools(revision);
}
const waiting = counts.waiting > 0 ? ` (${counts.waiting} more need a session)` : '';
console.log(`\n${counts.passed} passed, ${counts.failed} failed${waiting}`);
process.exitCode = counts.failed === 0 ? 0 : 1;
