/**
 * Releases of the chart on a real cluster, by both majors of Helm. No pod is started here (`replicas=0`): what is proven is what
 * Helm makes, keeps, changes and takes away.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openStaticTokens, type StaticTokens } from '../../server/src/auth/static-tokens.ts';
import { catalogue } from '../../server/src/tools/catalog/index.ts';
import { chartFolder } from '../chart/files.ts';
import { imageOnCluster } from '../image/load.ts';
import { serverProgram } from '../scripts/paths.ts';
import { accountKubeconfig } from './support/gate.ts';
import { majors, releaseWorld, withoutPods } from './support/helm-majors.ts';
import {
  deleteNamespace,
  getObject,
  kubectl,
  makeNamespace,
  names,
  restrict,
  until,
} from './support/kubernetes.ts';
import { runRbac } from './support/rbac-program.ts';

const run = promisify(execFile);
const cluster = inject('cluster');

const world = releaseWorld();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-install-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const decoded = async (secret: string, key: string): Promise<string> => {
  const { data } = await getObject('secret', secret, world.namespace);
  return Buffer.from(data[key], 'base64').toString('utf8');
};

const openTokens = (path: string): Promise<StaticTokens> =>
  openStaticTokens({
    path,
    rules: [],
    mustImpersonate: false,
    onProblem: (message) => expect(message).toBe(''),
  });

interface Check {
  id: string;
  subject?: string;
  status: string;
  remedy?: string;
}

/** Everything in the namespace but what Kubernetes puts into each. */
async function everything(): Promise<string[]> {
  const kinds =
    'all,configmaps,secrets,serviceaccounts,roles,rolebindings,ingresses,networkpolicies,poddisruptionbudgets';
  const text = await kubectl('get', kinds, '-n', world.namespace, '-o', 'name');
  return text
    .split('\n')
    .filter((name) => name !== '' && !/^(configmap\/kube-root-ca\.crt|serviceaccount\/default)$/.test(name))
    .sort();
}

const ofCluster = async (): Promise<string> => {
  const text = await kubectl('get', 'clusterroles,clusterrolebindings', '-o', 'name');
  return text
    .split('\n')
    .filter((name) => name.includes(`/${world.namespace}:`))
    .join();
};

describe.each(majors)('a release by %s', (_, index) => {
  const helm = world.helm(index);

  it('needs no value, shows how to read the token, and the token is the one that the server is told of', async () => {
    const notes = await helm('install', 'x', chartFolder, ...withoutPods(), '--wait', '--timeout', '60s');
    expect(notes).toContain(`It may view PostgreSQL clusters in ${world.namespace}.`);
    const token = await decoded('x-cnpg-mcp-auth', 'token');
    expect(token).toMatch(/^[A-Za-z0-9]{48}$/);
    const file = join(folder, `${world.namespace}.yaml`);
    await writeFile(file, await decoded('x-cnpg-mcp-auth', 'tokens.yaml'));
    const tokens = await openTokens(file);
    expect(await tokens.find(token)).toMatchObject({ principal: { grants: [{ effect: 'read' }] } });
    expect(await tokens.find(`${token}x`)).toBeUndefined();
    const command = notes.trimEnd().split('\n').at(-1)?.trim() ?? '';
    const { stdout } = await run('bash', [
      '-c',
      command.replace(/^kubectl/, '"$0" --kubeconfig "$1"'),
      cluster.kubectl,
      cluster.kubeconfig,
    ]);
    expect(stdout).toBe(token);
  });

  it('keeps its token and its key when it is upgraded from looking to editing, and leaves no old rights', async () => {
    await helm('install', 'x', chartFolder, ...withoutPods());
    const before = [
      await decoded('x-cnpg-mcp-auth', 'token'),
      await decoded('x-cnpg-mcp-confirmation', 'confirmation-key'),
    ];
    expect(await names('rolebinding', world.namespace)).toEqual(['x-cnpg-mcp-view']);
    await helm('upgrade', 'x', chartFolder, ...withoutPods('rbac.preset=edit', 'rbac.addOns.storage=true'));
    const after = [
      await decoded('x-cnpg-mcp-auth', 'token'),
      await decoded('x-cnpg-mcp-confirmation', 'confirmation-key'),
    ];
    expect(after).toEqual(before);
    expect(await decoded('x-cnpg-mcp-auth', 'tokens.yaml')).toContain('effect: destroy');
    expect(await decoded('x-cnpg-mcp-auth', 'tokens.yaml')).toContain(
      createHash('sha256')
        .update(before[0] as string)
        .digest('hex'),
    );
    expect(await names('rolebinding', world.namespace)).toEqual(['x-cnpg-mcp-edit']);
    await helm('rollback', 'x', '1');
    expect(await names('rolebinding', world.namespace)).toEqual(['x-cnpg-mcp-view']);
    expect(await ofCluster()).toBe('');
    expect(await decoded('x-cnpg-mcp-auth', 'token')).toBe(before[0]);
  });

  it('keeps the Secrets that it made when they are named as existing ones: it refuses that', async () => {
    await helm('install', 'x', chartFolder, ...withoutPods());
    for (const [value, name] of [
      ['auth', 'x-cnpg-mcp-auth'],
      ['confirmation', 'x-cnpg-mcp-confirmation'],
    ]) {
      await expect(
        helm('upgrade', 'x', chartFolder, ...withoutPods(`${value}.existingSecret=${name}`)),
      ).rejects.toThrow(`${value}.existingSecret: Secret ${name} was made by this release`);
    }
    expect(await decoded('x-cnpg-mcp-auth', 'token')).toHaveLength(48);
    // One of the same release that the chart does not make by itself.
    const mine = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'mine' }, stringData: { a: 'b' } };
    const extra = ['--set-json', `extraObjects=[${JSON.stringify(mine)}]`];
    for (const _ of ['made', 'kept'])
      await helm('upgrade', 'x', chartFolder, ...withoutPods('auth.existingSecret=mine'), ...extra);
    expect(await decoded('mine', 'a')).toBe('b');
  });

  it('takes over what cnpg-mcp-rbac made, as the page of rights says', async () => {
    const rbac = (command: string) =>
      runRbac(command, '--release', 'x', '--namespace', world.namespace, '--cnpg-roles', 'create');
    expect(await rbac('apply')).toMatchObject({ status: 0 });
    const flags = ['--take-ownership', ...(index === 0 ? ['--force-conflicts'] : [])];
    await helm('install', 'x', chartFolder, ...withoutPods('rbac.cnpgRoles=create'), ...flags);
    expect((await rbac('revoke')).out).toContain('Role x-cnpg-mcp-view');
    expect(await names('role', world.namespace)).toEqual(['x-cnpg-mcp-view']);
    await helm('uninstall', 'x', '--wait');
    expect(await names('role', world.namespace)).toEqual([]);
  });

  it('leaves nothing behind when it is uninstalled', async () => {
    const values = [
      'rbac.preset=edit',
      'rbac.addOns.storage=true',
      'podDisruptionBudget.enabled=true',
      'networkPolicy.enabled=true',
    ];
    await helm('install', 'x', chartFolder, ...withoutPods(...values));
    expect((await everything()).length).toBeGreaterThan(8);
    expect(await ofCluster()).not.toBe('');
    await helm('uninstall', 'x', '--wait');
    // What belonged to the Deployment goes a moment later.
    await until('the namespace is empty', 30, async () => (await everything()).length === 0);
    expect(await ofCluster()).toBe('');
  });

  it.each([
    ['view', []],
    ['view', ['rbac.clusterWide=true']],
    ['edit', []],
  ] as [string, string[]][])(
    'makes doctor content with preset %s and %j: the account has every right of what its configuration offers',
    async (preset, values) => {
      // Nobody signs in: who may call is no matter of rights.
      const open = ['auth.mode=none', 'auth.acknowledgeAnonymous=true'];
      await helm('install', 'x', chartFolder, ...withoutPods(`rbac.preset=${preset}`, ...open, ...values));
      const { data } = await getObject('configmap', 'x-cnpg-mcp', world.namespace);
      const [file, key] = [
        join(folder, `${world.namespace}-config.yaml`),
        join(folder, `${world.namespace}-key`),
      ];
      await writeFile(key, await decoded('x-cnpg-mcp-confirmation', 'confirmation-key'));
      // The files that a pod would mount are not on this machine.
      const text = (data['config.yaml'] as string).replace(
        /^confirmationKeyFile: .*$/m,
        `confirmationKeyFile: ${key}`,
      );
      await writeFile(file, text);
      const kubeconfig = await accountKubeconfig(world.namespace, 'x-cnpg-mcp');
      const args = [
        serverProgram,
        'doctor',
        '--output',
        'json',
        '--config',
        file,
        '--kubeconfig',
        kubeconfig,
      ];
      const { stdout } = await run(process.execPath, args);
      const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
      const rights = checks.filter(({ id }) => id === 'rights');
      const lacking = rights.filter(({ status }) => status !== 'ok');
      // Without the add-on the tools that handle passwords say so; nothing else may be missing.
      const expected = preset === 'edit' ? ['create', 'delete', 'update'] : [];
      expect({ ok, lacking: lacking.map(({ subject }) => subject).sort() }).toEqual({
        ok: true,
        lacking: expected.map((verb) => `${verb}_postgres_role in ${world.namespace}`),
      });
      for (const { remedy } of lacking) expect(remedy).toContain('add-on secrets');
      const offered = catalogue.filter(({ effect }) => preset === 'edit' || effect === 'read');
      expect(rights).toHaveLength(offered.length);
    },
  );

  it('can be had twice in a namespace, and once more elsewhere for the same namespace', async () => {
    const other = await makeNamespace('t-chart');
    try {
      await helm('install', 'x', chartFolder, ...withoutPods());
      await helm('install', 'y', chartFolder, ...withoutPods());
      await world.run(
        index,
        ...['install', 'x', chartFolder, '--namespace', other],
        ...withoutPods(`rbac.namespaces={${world.namespace}}`),
      );
      expect(await names('rolebinding', world.namespace)).toEqual(
        ['x-cnpg-mcp-view', 'y-cnpg-mcp-view', `${other}:x-cnpg-mcp-view`].sort(),
      );
    } finally {
      await deleteNamespace(other);
    }
  });
});

describe.each(majors)('the pods of a release by %s', (_, index) => {
  const helm = world.helm(index);

  it('are ready, pass helm test in less than 90 s in a restricted namespace, and are replaced when rights change', async () => {
    const { repository, tag } = await imageOnCluster(cluster);
    const values = [
      `image.repository=${repository}`,
      `image.tag=${tag}`,
      'replicas=2',
      'networkPolicy.enabled=true',
    ];
    const set = ['--set', values.join()];
    await restrict(world.namespace);
    await helm('install', 'x', chartFolder, ...set, '--wait', '--timeout', '90s');
    const started = performance.now();
    const command = /^ {2}helm (test .*)$/m.exec(await helm('get', 'notes', 'x'))?.[1] ?? '';
    const report = await world.run(index, ...command.split(' '), '--timeout', '90s');
    expect(performance.now() - started).toBeLessThan(90_000);
    expect(report).toMatch(/Phase: +Succeeded/);
    if (index === 0) expect(report).toMatch(/\d+ checks: 0 failed, 0 with a warning[\s\S]*"ready":true/);
    // A test that succeeded leaves no pod behind.
    expect((await names('pod', world.namespace)).every((name) => /^x-cnpg-mcp-\w+-\w+$/.test(name))).toBe(
      true,
    );
    const before = await names('pod', world.namespace);
    await helm(
      'upgrade',
      'x',
      chartFolder,
      ...set,
      '--set',
      'rbac.preset=edit',
      '--wait',
      '--timeout',
      '90s',
    );
    await kubectl('rollout', 'status', 'deployment/x-cnpg-mcp', '-n', world.namespace, '--timeout=90s');
    const after = await names('pod', world.namespace);
    expect(after.some((name) => !before.includes(name))).toBe(true);
    expect(await helm('test', 'x')).toMatch(/Phase: +Succeeded/);
  });
});
