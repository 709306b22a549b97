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
 * Scenarios in which the server asks or tells the client something on its own. 2025-11-25 has sessions for that, which a
 * site switches on; a server without them is not asked. 2026-07-28 needs none.
 */
const onlyInSession: readonly string[] = [
  'tools-call-sampling',
  'tools-call-elicitation',
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
  'resources-subscribe',
  'resources-unsubscribe',
  'server-sse-multiple-streams',
];

const counts = { passed: 0, failed: 0 };

/** Prints one line for a scenario, with what is wrong below it. */
function report(name: string, result: ScenarioResult | undefined, expectation: 'pass' | 'fail'): void {
  const broken = result === undefined || result.failed.length > 0 || result.passed === 0;
  if (broken === (expectation === 'fail')) {
    counts.passed += 1;
    console.log(`  passed  ${name}${broken ? ' (fails, as its baseline says)' : ''}`);
    return;
  }
  counts.failed += 1;
  console.log(`  FAILED  ${name}`);
  if (!broken) console.log('          it passes although it is listed as failing: take it off the list');
  if (!result) console.log('          the scenario did not run');
  for (const { check, message } of result?.failed ?? []) console.log(`          ${check}: ${message}`);
}

async function scored(revision: Revision, sessions: boolean): Promise<void> {
  console.log(`\n${revision}, with fixtures, ${sessions ? 'with sessions' : 'without sessions'}`);
  const server = await serve(fixtureSurface(), { sessions });
  try {
    const [results, baseline, required] = await Promise.all([
      runSuite(server.url, revision),
      readBaseline(revision),
      requiredScenarios(revision),
    ]);
    const left = sessions || revision !== '2025-11-25' ? [] : onlyInSession;
    for (const scenario of required.filter((name) => !left.includes(name))) {
      report(scenario, results.get(scenario), baseline.has(scenario) ? 'fail' : 'pass');
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
  for (const sessions of [true, false]) await scored(revision, sessions);
  await ownTools(revision);
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;
