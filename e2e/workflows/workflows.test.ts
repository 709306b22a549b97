/** What keeps the workflows of GitHub safe, and makes them do what a person does. Their syntax is checked by `make lint-workflows`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { root } from '../scripts/paths.ts';

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  jobs: Record<string, { steps: Step[]; permissions?: Record<string, string>; 'timeout-minutes'?: number }>;
}

const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder).map((name) => {
  const text = readFileSync(join(folder, name), 'utf8');
  return { name, text, workflow: parse(text) as Workflow };
});
const versions = JSON.parse(readFileSync(join(root, '.github/e2e-versions.json'), 'utf8')) as {
  kubernetes: { version: string; image: string }[];
  cnpg: string[];
  helm: string[];
};
const makefile = readFileSync(join(root, 'Makefile'), 'utf8');

describe.each(workflows)('$name', ({ name, text, workflow }) => {
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps);

  it('takes every action by its commit, and says which version that is', () => {
    const used = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line));
    expect(used.length).toBeGreaterThan(0);
    for (const line of used) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('may read the repository, and more only in the jobs of a release', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const more = jobs.filter(({ permissions }) => permissions !== undefined);
    if (name !== 'release.yml') expect(more).toEqual([]);
  });

  it('leaves no credentials in the checkout, and does not run for ever', () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(checkouts.length).toBe(jobs.length);
    for (const checkout of checkouts) expect(checkout.with).toMatchObject({ 'persist-credentials': false });
    for (const job of jobs) expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  it('never runs with rights for what a stranger proposes', () => {
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
    // What others name, such as branches and titles, is never put into a command.
    for (const { run = '' } of steps) expect(run).not.toMatch(/\$\{\{(?! matrix\.)/);
  });

  it('calls make targets that exist', () => {
    const commands = steps.flatMap(({ run = '' }) => run.split('\n'));
    const targets = commands.flatMap((line) => {
      const [, rest = ''] = /^\s*make (.*)$/.exec(line) ?? [];
      return rest.split(' ').filter((word) => /^[a-z][a-z0-9-]*$/.test(word));
    });
    expect(targets.length).toBeGreaterThan(0);
    for (const target of targets) expect(makefile).toMatch(new RegExp(`^${target}:`, 'm'));
  });
});

describe('the versions that are tested on', () => {
  const text = (name: string): string => readFileSync(join(root, name), 'utf8');

  it('begin with those that a person gets', () => {
    expect(text('e2e/clusters/kind/cluster')).toContain(
      `{CNPG_MCP_KIND_NODE_IMAGE:-${versions.kubernetes[0]?.image}}`,
    );
    expect(text('e2e/clusters/common.sh')).toContain(`cnpg_version=${versions.cnpg[0]} `);
    expect(makefile).toContain(`HELM_VERSION ?= ${versions.helm[0]}\n`);
  });

  it('are pinned by digest, and each image is of the version that it is said to be', () => {
    for (const { version, image } of versions.kubernetes)
      expect(image).toMatch(new RegExp(`^kindest/node:v${version}\\.\\d+@sha256:[0-9a-f]{64}$`));
  });
});
