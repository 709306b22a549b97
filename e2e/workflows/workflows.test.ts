/** What keeps the workflows of GitHub safe, and makes them do what a person does. Their syntax is checked by `make lint-workflows`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { oldest } from '../../server/src/commands/doctor-checks.ts';
import { root } from '../scripts/paths.ts';

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
interface Job {
  needs?: string | string[];
  /** Another workflow in the place of steps. */
  uses?: string;
  steps?: Step[];
  env?: Record<string, string>;
  permissions?: Record<string, string>;
  'timeout-minutes'?: number;
}
interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  jobs: Record<string, Job>;
}

const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder).map((name) => {
  const text = readFileSync(join(folder, name), 'utf8');
  return { name, text, workflow: parse(text) as Workflow };
});
function workflowOf(file: string): Workflow {
  const found = workflows.find(({ name }) => name === file);
  if (!found) throw new Error(`There is no workflow ${file}.`);
  return found.workflow;
}
const versions = JSON.parse(readFileSync(join(root, '.github/e2e-versions.json'), 'utf8')) as {
  kubernetes: { version: string; image: string }[];
  cnpg: string[];
  helm: string[];
};
const makefile = readFileSync(join(root, 'Makefile'), 'utf8');

describe.each(workflows)('$name', ({ name, text, workflow }) => {
  const jobs = Object.values(workflow.jobs);
  const working = jobs.filter(({ uses }) => uses === undefined);
  const steps = working.flatMap((job) => job.steps ?? []);

  it('takes every action by its commit, and says which version that is', () => {
    const used = text.split('\n').filter((line) => /^\s*(- )?uses: (?!\.\/)/.test(line));
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
    expect(checkouts.length).toBe(working.length);
    for (const checkout of checkouts) expect(checkout.with).toMatchObject({ 'persist-credentials': false });
    for (const job of working) expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  it('never runs with rights for what a stranger proposes', () => {
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
    // What is named elsewhere, such as branches, titles and versions, is never put into a command: it comes by the environment.
    for (const { run = '' } of steps) expect(run).not.toContain('${{');
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

describe('a release', () => {
  const { jobs } = workflowOf('release.yml');
  /** The jobs that are over before this one begins. */
  const before = (name: string): string[] => {
    const needed = [jobs[name]?.needs ?? []].flat();
    return [...new Set([...needed, ...needed.flatMap(before)])];
  };

  it('publishes nothing before all tests have passed, also on a real cluster', () => {
    const publishing = Object.keys(jobs).filter((name) => jobs[name]?.permissions !== undefined);
    expect(publishing.sort()).toEqual(['chart', 'image', 'npm', 'release']);
    for (const name of publishing)
      expect(before(name), name).toEqual(expect.arrayContaining(['verify', 'e2e']));
    expect(jobs.e2e?.uses).toBe('./.github/workflows/e2e.yml');
    expect(Object.keys(workflowOf('e2e.yml').on)).toContain('workflow_call');
  });

  it('is made from a commit on main only', () => {
    const [checkout, onMain] = jobs.verify?.steps ?? [];
    expect(checkout?.with).toMatchObject({ 'fetch-depth': 0 });
    expect(onMain?.run).toContain('git merge-base --is-ancestor HEAD origin/main ||');
  });

  it('names images without the capitals that an owner may have', () => {
    const commands = Object.values(jobs).flatMap(({ steps = [] }) => steps.flatMap(({ run = '' }) => run));
    const named = commands.flatMap((command) => command.match(/ghcr\.io\/\S*/g) ?? []);
    expect(named.length).toBeGreaterThan(0);
    for (const name of named) expect(name).toMatch(/^ghcr\.io\/\$\{\w+,,\}/);
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

  it('are every operator from the oldest that the server knows, and both majors of Helm', () => {
    const minors = versions.cnpg.map((version) => Number(/^1\.(\d+)\.\d+$/.exec(version)?.[1]));
    const least = Number(oldest.operator.split('.')[1]);
    const newest = minors[0] as number;
    expect(minors).toEqual(Array.from({ length: newest - least + 1 }, (_, index) => newest - index));
    expect(versions.helm.map((version) => version.split('.')[0])).toEqual(['4', '3']);
    const module = text('e2e/chart/helm3/go.mod');
    expect(module).toContain(`helm.sh/helm/v3 v${versions.helm[1]} `);
  });

  it('reach the tools and the cluster by the environment', () => {
    const expression = (name: string): string => `\${{ ${name} }}`;
    expect(workflowOf('e2e.yml').jobs.kind?.env).toMatchObject({
      HELM_VERSION: expression('matrix.helm'),
      CNPG_MCP_KIND_NODE_IMAGE: expression('matrix.kubernetes.image'),
      CNPG_MCP_KIND_CNPG_VERSION: expression('matrix.cnpg'),
    });
  });

  it('are those that README.md tells of', () => {
    const kubernetes = versions.kubernetes.map(({ version }) => version);
    const operators = versions.cnpg.map((version) => version.replace(/\.\d+$/, ''));
    expect(text('README.md').replace(/\s+/g, ' ')).toContain(
      `operators ${operators.at(-1)} to ${operators[0]} on Kubernetes ${kubernetes.at(-1)} to ${kubernetes[0]}`,
    );
  });

  it('are pinned by digest, and each image is of the version that it is said to be', () => {
    for (const { version, image } of versions.kubernetes)
      expect(image).toMatch(new RegExp(`^kindest/node:v${version}\\.\\d+@sha256:[0-9a-f]{64}$`));
  });
});
