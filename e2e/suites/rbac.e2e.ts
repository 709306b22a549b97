/**
 * Rights on a real cluster: every tool with just the rules of every preset and add-on, and cnpg-mcp-rbac by people who may do
 * everything, little, and nothing.
 */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { runProgram } from '../../rbac-bootstrap/src/program.ts';
import { roleSecretName } from '../../server/src/cnpg/role-secret.ts';
import { catalogue } from '../../server/src/tools/catalog/index.ts';
import type { Tool } from '../../server/src/tools/define-tool.ts';
import { includesPreset, presetOf, presets } from '../../server/src/tools/preset.ts';
import { limitedKubeconfig } from './support/gate.ts';
import {
  apply,
  clusterManifest,
  deleteNamespace,
  getObject,
  kubectl,
  makeNamespace,
  names,
  until,
} from './support/kubernetes.ts';
import { type RunningServer, startServer } from './support/server.ts';

const { kubeconfig: admin } = inject('cluster');

let folder: string;
let namespace: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-rbac-'));
  namespace = await makeNamespace('t-chart');
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rbac('revoke');
  await deleteNamespace(namespace);
});

/** Runs cnpg-mcp-rbac for the suite's namespace. */
async function rbac(...args: string[]): Promise<{ status: number; out: string; error: string }> {
  let [out, error] = ['', ''];
  const kubeconfig = args.includes('--kubeconfig') ? [] : ['--kubeconfig', admin];
  const status = await runProgram([...args, '--namespace', namespace, ...kubeconfig], {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
  });
  return { status, out, error };
}

const cluster = 'shop';
const secret = roleSecretName(cluster, 'reporting');

/** Names of the objects of a kind; the operator makes some for the cluster, under the cluster's name. */
const made = async (kind: string): Promise<string[]> =>
  (await names(kind, namespace)).filter((name) => name !== cluster);

/** A call of each tool that gets as far as the API server lets it. Changes are dry runs: they need the same rights. */
const calls: Record<string, Record<string, unknown>> = {
  list_postgres_clusters: {},
  get_cluster_status: { name: cluster },
  create_postgres_cluster: { name: 'another', dry_run: true },
  scale_postgres_cluster: { name: cluster, instances: 2, dry_run: true },
  delete_postgres_cluster: { name: cluster, dry_run: true },
  list_postgres_roles: { cluster_name: cluster },
  create_postgres_role: { cluster_name: cluster, role_name: 'reporting', dry_run: true },
  update_postgres_role: { cluster_name: cluster, role_name: 'kept', reset_password: true, dry_run: true },
  delete_postgres_role: { cluster_name: cluster, role_name: 'kept', dry_run: true },
  list_postgres_databases: { cluster_name: cluster },
  create_postgres_database: { cluster_name: cluster, database_name: 'sales', owner: 'app', dry_run: true },
  delete_postgres_database: { cluster_name: cluster, database_name: 'kept', dry_run: true },
};

const needsSecrets = ({ permissions }: Tool): boolean =>
  permissions.some(({ addOn, optional }) => addOn === 'secrets' && !optional);

describe('every tool', () => {
  let server: RunningServer | undefined;
  beforeAll(async () => {
    // Hibernated from the start: an object of the API server's, without pods.
    const manifest = clusterManifest(namespace, cluster, {
      managed: {
        roles: [
          {
            name: 'kept',
            ensure: 'present',
            login: true,
            passwordSecret: { name: roleSecretName(cluster, 'kept') },
          },
        ],
      },
    }) as { metadata: { annotations?: Record<string, string> } };
    manifest.metadata.annotations = { 'cnpg.io/hibernation': 'on' };
    await apply(manifest, {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Database',
      metadata: { name: 'shop-kept', namespace },
      spec: { cluster: { name: cluster }, name: 'kept', owner: 'app' },
    });
    // PostgreSQL sleeps here, so nobody says which roles it has, and without that no role is declared.
    const managedRolesStatus = { byStatus: { 'not-managed': ['app'], reconciled: ['kept'] } };
    const patch = JSON.stringify({ status: { managedRolesStatus } });
    await kubectl(
      'patch',
      'cluster',
      cluster,
      '-n',
      namespace,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    );
  });
  afterAll(() => server?.stop());

  const serve = async (...flags: string[]): Promise<RunningServer> => {
    await server?.stop();
    expect(await rbac('apply', ...flags)).toMatchObject({ status: 0, error: '' });
    expect(await rbac('verify', ...flags)).toMatchObject({ status: 0 });
    const file = join(folder, 'account.kubeconfig');
    expect(await rbac('kubeconfig', '--output', file, '--overwrite')).toMatchObject({ status: 0 });
    server = await startServer('stdio', { kubeconfig: file });
    return server;
  };

  it('has a call in this suite', () => {
    expect(Object.keys(calls).sort()).toEqual(catalogue.map(({ name }) => name).sort());
  });

  describe.each(presets)('with the rules of preset %s and no add-on', (preset) => {
    let running: RunningServer;
    beforeAll(async () => {
      running = await serve('--preset', preset);
    });

    it.each(catalogue.map((tool): [string, Tool] => [tool.name, tool]))(
      '%s works, or names the right that it lacks and where it comes from',
      async (name, tool) => {
        const answer = await running.call(name, { ...calls[name], namespace });
        const enabled = includesPreset(preset, presetOf(tool.effect)) && !needsSecrets(tool);
        if (enabled) return expect(answer).toMatchObject({ isError: false });
        expect(answer.isError).toBe(true);
        expect(answer.structured.error).toMatchObject({ code: 'forbidden', missing_right: { namespace } });
        const { verb, resource, identity, comes_with: source } = answer.structured.error.missing_right;
        expect(identity).toBe(`system:serviceaccount:${namespace}:cnpg-mcp`);
        const declared = tool.permissions.find(
          (one) => one.resource === resource && (one.verbs as readonly string[]).includes(verb),
        );
        expect(declared).toBeDefined();
        expect(source).toContain(`preset ${presetOf(tool.effect)}`);
        if (includesPreset(preset, presetOf(tool.effect))) expect(source).toContain('add-on secrets');
        expect(answer.text).toContain(`Missing right: ${verb} ${resource}`);
      },
    );
  });

  describe('with preset edit and the Secret of one role', () => {
    let running: RunningServer;
    beforeAll(async () => {
      running = await serve(
        '--preset',
        'edit',
        '--secrets',
        [secret, roleSecretName(cluster, 'kept')].join(),
      );
    });

    it.each(catalogue.filter(needsSecrets).map(({ name }) => name))(
      '%s works for that role',
      async (name) => {
        expect(await running.call(name, { ...calls[name], namespace })).toMatchObject({ isError: false });
      },
    );

    it('another role is refused, and the Secret to list is named', async () => {
      const args = { cluster_name: cluster, role_name: 'other', namespace, dry_run: true };
      const { structured } = await running.call('create_postgres_role', args);
      expect(structured.error.code).toBe('forbidden');
      expect(structured.error.missing_right.comes_with).toContain(roleSecretName(cluster, 'other'));
    });

    it('a role is really made and really dropped from the specification, with its Secret', async () => {
      const answer = await running.call('create_postgres_role', {
        cluster_name: cluster,
        role_name: 'reporting',
        namespace,
        wait: false,
      });
      expect(answer).toMatchObject({ isError: false });
      expect(await getObject('secret', secret, namespace)).toBeDefined();
    });
  });

  it.each([
    ['events', ['list events']],
    ['storage', ['list storageclasses.storage.k8s.io', 'get persistentvolumes']],
  ] as [string, string[]][])('add-on %s gives just %j, and it is gone with it', async (addOn, rights) => {
    const account = `system:serviceaccount:${namespace}:cnpg-mcp`;
    const may = async (right: string): Promise<string> =>
      kubectl('auth', 'can-i', ...right.split(' '), '-n', namespace, '--as', account).catch(() => 'no');
    const answers = (): Promise<string[]> => Promise.all(rights.map(may));
    await rbac('apply', '--preset', 'edit', `--${addOn}`);
    expect(await answers()).toEqual(rights.map(() => 'yes'));
    await rbac('apply', '--preset', 'edit');
    expect(await answers()).toEqual(rights.map(() => 'no'));
  });
});

describe('cnpg-mcp-rbac', () => {
  it('applies, finds no difference, verifies, and revokes only what it made', async () => {
    await rbac('revoke');
    expect((await rbac('diff', '--preset', 'operate')).status).toBe(1);
    expect((await rbac('apply', '--preset', 'operate', '--dry-run=server')).status).toBe(0);
    expect(await made('role')).toEqual([]);
    expect((await rbac('apply', '--preset', 'operate')).status).toBe(0);
    expect((await rbac('diff', '--preset', 'operate')).out).toBe('No differences.\n');
    expect((await rbac('verify', '--preset', 'operate')).status).toBe(0);
    expect(await rbac('verify', '--preset', 'edit')).toMatchObject({
      status: 1,
      out: expect.stringContaining(`missing    create clusters.postgresql.cnpg.io in namespace ${namespace}`),
    });
    await kubectl('create', 'role', 'theirs', '-n', namespace, '--verb=get', '--resource=pods');
    expect((await rbac('revoke')).status).toBe(0);
    expect(await made('role')).toEqual(['theirs']);
    expect(await getObject('serviceaccount', 'cnpg-mcp', namespace)).toBeUndefined();
  });

  it('takes away what an earlier, larger preset had', async () => {
    await rbac('apply', '--preset', 'edit', '--events', '--storage');
    const { out } = await rbac('apply', '--preset', 'view');
    expect(out).toContain('deleted    RoleBinding cnpg-mcp-edit');
    expect(out).toContain(`deleted    ClusterRoleBinding ${namespace}:cnpg-mcp-storage`);
    expect(await made('rolebinding')).toEqual(['cnpg-mcp-view']);
  });

  it('never touches what belongs to somebody else, and says whose it is', async () => {
    await rbac('revoke');
    await kubectl('create', 'serviceaccount', 'cnpg-mcp', '-n', namespace);
    await kubectl('annotate', 'serviceaccount', 'cnpg-mcp', '-n', namespace, 'meta.helm.sh/release-name=x');
    expect(await rbac('apply')).toMatchObject({
      status: 1,
      error: expect.stringContaining('belongs to Helm release x; nothing was written'),
    });
    expect((await rbac('revoke')).out).toContain('left alone ServiceAccount cnpg-mcp');
    expect(await getObject('serviceaccount', 'cnpg-mcp', namespace)).toBeDefined();
    expect((await rbac('apply', '--no-create-service-account', '--service-account', 'cnpg-mcp')).status).toBe(
      0,
    );
    await rbac('revoke');
    await kubectl('delete', 'serviceaccount', 'cnpg-mcp', '-n', namespace);
  });

  it('tells somebody who administers the namespace, before anything is written, which rules they cannot grant', async () => {
    // All of RBAC in the namespace, the preset view, but nothing that changes clusters.
    const kubeconfig = await limitedKubeconfig(namespace, 'administrator', [
      '--verb=get,list,create,patch,delete',
      '--resource=serviceaccounts,roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io',
    ]);
    await kubectl(
      'create',
      'role',
      'may-look',
      '-n',
      namespace,
      '--verb=get,list,watch',
      '--resource=namespaces,pods,persistentvolumeclaims,clusters.postgresql.cnpg.io,databases.postgresql.cnpg.io,databaseroles.postgresql.cnpg.io',
    );
    await kubectl(
      'create',
      'rolebinding',
      'may-look',
      '-n',
      namespace,
      '--role=may-look',
      `--serviceaccount=${namespace}:administrator`,
    );
    const refused = await rbac('apply', '--preset', 'edit', '--kubeconfig', kubeconfig);
    expect(refused.status).toBe(1);
    expect(refused.error).toContain(
      `system:serviceaccount:${namespace}:administrator cannot write all of this`,
    );
    expect(refused.error).toContain(`create clusters.postgresql.cnpg.io in namespace ${namespace}`);
    expect(refused.error).not.toContain(`list clusters.postgresql.cnpg.io in namespace ${namespace}`);
    expect(refused.error).not.toContain('cluster-admin');
    expect(await getObject('serviceaccount', 'cnpg-mcp', namespace)).toBeUndefined();

    // What they have themselves, they can grant: the check was right, and no stricter than the API server.
    expect(await rbac('apply', '--preset', 'view', '--kubeconfig', kubeconfig)).toMatchObject({ status: 0 });
    expect(await made('rolebinding')).toContain('cnpg-mcp-view');
    // Looking at the rights of somebody else is one more right.
    expect(await rbac('verify', '--kubeconfig', kubeconfig)).toMatchObject({
      status: 1,
      error: expect.stringContaining('subjectaccessreviews.authorization.k8s.io'),
    });
    expect((await rbac('revoke', '--kubeconfig', kubeconfig)).status).toBe(0);
    expect(await made('rolebinding')).not.toContain('cnpg-mcp-view');
  });

  it('verifies with a token of the account where reviews about others are not allowed', async () => {
    await rbac('apply');
    const kubeconfig = await limitedKubeconfig(namespace, 'token-maker', [
      '--verb=create',
      '--resource=serviceaccounts/token',
    ]);
    expect(await rbac('verify', '--kubeconfig', kubeconfig)).toMatchObject({
      status: 0,
      out: expect.stringContaining('0 that it must not have'),
    });
    expect((await rbac('verify', '--preset', 'edit', '--kubeconfig', kubeconfig)).status).toBe(1);
  });

  it('finds a right that the account must not have', async () => {
    await rbac('apply');
    await kubectl(
      'create',
      'rolebinding',
      'too-much',
      '-n',
      namespace,
      '--clusterrole=admin',
      `--serviceaccount=${namespace}:cnpg-mcp`,
    );
    expect(await rbac('verify')).toMatchObject({
      status: 1,
      out: expect.stringContaining(`dangerous  list secrets in namespace ${namespace}`),
    });
    await kubectl('delete', 'rolebinding', 'too-much', '-n', namespace);
  });

  it('writes a kubeconfig that only its owner can read, with a token that ends, and never prints it', async () => {
    await rbac('apply');
    const file = join(folder, 'written.kubeconfig');
    const { status, out } = await rbac('kubeconfig', '--output', file, '--duration', '10m');
    expect(status).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { token } = parse(await readFile(file, 'utf8')).users[0].user as { token: string };
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims.exp - claims.iat).toBe(600);
    expect(claims.sub).toBe(`system:serviceaccount:${namespace}:cnpg-mcp`);
    expect(out).not.toContain(token);
    expect(await rbac('kubeconfig', '--output', file)).toMatchObject({
      status: 1,
      error: expect.stringContaining('exists already'),
    });
  });

  it('binds the roles of the operator’s chart where they exist and have the rules, and not where one lacks', async () => {
    const roles = { view: `${namespace}-view`, edit: `${namespace}-edit` };
    const flags = ['--preset', 'edit', '--cnpg-view-role', roles.view, '--cnpg-edit-role', roles.edit];
    const rules = (verbs: string[], resources: string[]): object[] => [
      { apiGroups: ['postgresql.cnpg.io'], resources, verbs },
    ];
    const role = (name: string, verbs: string[], resources: string[]): object => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: rules(verbs, resources),
    });
    const kinds = ['backups', 'clusters', 'databases', 'databaseroles', 'poolers', 'scheduledbackups'];
    const bindings = async (): Promise<string[]> =>
      (await made('rolebinding')).filter((name) => name.startsWith('cnpg-mcp-cnpg-'));
    try {
      await apply(
        role(roles.view, ['get', 'list', 'watch'], kinds),
        // As an older operator's chart has it: no rule about roles of PostgreSQL.
        role(roles.edit, ['create', 'delete', 'patch', 'update'], ['clusters', 'databases']),
      );
      await rbac('apply', ...flags);
      expect(await bindings()).toEqual(['cnpg-mcp-cnpg-view']);
      expect((await rbac('verify', ...flags)).status).toBe(0);
      await apply(role(roles.edit, ['create', 'delete', 'patch', 'update'], kinds));
      await rbac('apply', ...flags);
      expect(await bindings()).toEqual(['cnpg-mcp-cnpg-edit', 'cnpg-mcp-cnpg-view']);
      await until(
        'the account has every right',
        10,
        async () => (await rbac('verify', ...flags)).status === 0,
      );
      const own = await getObject('role', 'cnpg-mcp-edit', namespace);
      expect(JSON.stringify(own.rules)).not.toContain('postgresql.cnpg.io');
    } finally {
      await kubectl('delete', 'clusterrole', '--ignore-not-found', roles.view, roles.edit);
    }
  });

  it('ends with status 3 when the cluster does not answer', async () => {
    const file = join(folder, 'nowhere.kubeconfig');
    const config = parse(await readFile(admin, 'utf8'));
    config.clusters[0].cluster.server = 'https://127.0.0.1:1';
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    expect((await rbac('apply', '--kubeconfig', file)).status).toBe(3);
  });
});
