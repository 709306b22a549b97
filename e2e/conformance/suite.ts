/** Runs the conformance suite as a program of its own, and reads what it found. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** A revision whose requirements the suite has frozen. */
export type Revision = '2026-07-28' | '2025-11-25';

/** What came of one scenario. */
export interface ScenarioResult {
  scenario: string;
  passed: number;
  /** Failed checks and warnings: what should be is counted like what must be. */
  failed: { check: string; message: string }[];
}

const check = z.object({
  id: z.string(),
  status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']),
  errorMessage: z.string().optional(),
});

const requirements = z.object({ server: z.array(z.string()) });

const suite = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/package.json'));
const program = join(suite, '..', 'dist', 'index.js');

/** The scenarios that a server of this revision must pass, as the suite has frozen them. */
export async function requiredScenarios(revision: Revision): Promise<string[]> {
  const file = join(suite, '..', 'requirements', `${revision}.yaml`);
  return requirements.parse(parse(await readFile(file, 'utf8'))).server;
}

/**
 * Runs every scenario of a revision against a server. The result has one entry for each scenario that ran, scored or not,
 * by name. Throws when the suite itself fails.
 */
export async function runSuite(url: string, revision: Revision): Promise<Map<string, ScenarioResult>> {
  const folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-conformance-'));
  try {
    const args = [program, 'server', '--url', url, '--requirements', revision, '--output-dir', folder];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      output += data.toString();
    });
    await once(child, 'close');
    const results = await readResults(folder);
    if (results.size === 0) throw new Error(`The conformance suite ran no scenario:\n${output}`);
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Folders are called `server-<scenario>-<time>`, each with the checks of one scenario. */
async function readResults(folder: string): Promise<Map<string, ScenarioResult>> {
  const results = new Map<string, ScenarioResult>();
  for (const name of await readdir(folder)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(name)?.[1];
    if (scenario === undefined) continue;
    const checks = z
      .array(check)
      .parse(JSON.parse(await readFile(join(folder, name, 'checks.json'), 'utf8')));
    const failed = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
    results.set(scenario, {
      scenario,
      passed: checks.filter(({ status }) => status === 'SUCCESS').length,
      failed: failed.map(({ id, errorMessage = '' }) => ({ check: id, message: errorMessage })),
    });
  }
  return results;
}
