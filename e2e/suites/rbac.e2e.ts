/**
 * cnpg-mcp-rbac on a real cluster, by people who may do everything, little, and nothing. What the rules are good for is shown by
 * the chart's pods, which have the same ones (pod-rights).
 */
import { mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { limitedKubeconfig } from './support/gate.ts';
import {
  apply,
  deleteNamespace,
  getObject,
  kubectl,
  makeNamespace,
  names,
  servedKinds,
  until,
} from './support/kubernetes.ts';
import { operatorEditRole, operatorViewRole, widerViewRoles } from './support/operator-roles.ts';
import { type Ended, runRbac } from './support/rbac-program.ts';
import { startServer } from './support/server.ts';

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
const rbac = (...args: string[]): Promise<Ended> => runRbac(...args, '--namespace', namespace);

/** Names of the objects of a kind in the suite's namespace. */
const made = (kind: string): Promise<string[]> => names(kind, namespace);

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
    expect(await rbac('diff')).toMatchObject({ status: 1, out: '' });
    expect((await rbac('revoke')).out).toContain('left alone ServiceAccount cnpg-mcp');
    expect(await getObject('serviceaccount', 'cnpg-mcp', namespace)).toBeDefined();
    // What the refusal says does what it says: this very account gets the rights, and no other.
    const remedy = /add (--no-create-service-account .*)\./.exec((await rbac('apply')).error)?.[1] ?? '';
    expect(await rbac('apply', ...remedy.split(' '))).toMatchObject({ status: 0 });
    const { subjects } = await getObject('rolebinding', 'cnpg-mcp-view', namespace);
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'cnpg-mcp', namespace }]);
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
      `--resource=namespaces,pods,persistentvolumeclaims,${await servedKinds('clusters', 'databases', 'databaseroles')}`,
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

  it('finds rights of larger presets and of add-ons that are off', async () => {
    await rbac('apply', '--preset', 'edit', '--storage');
    const { status, out } = await rbac('verify', '--preset', 'view');
    expect(status).toBe(1);
    expect(out).toContain(`excessive  create clusters.postgresql.cnpg.io in namespace ${namespace}: `);
    expect(out).toContain('excessive  list storageclasses.storage.k8s.io in the whole cluster: ');
    expect(out).not.toContain('missing');
    expect(await rbac('verify', '--preset', 'edit', '--storage')).toMatchObject({
      status: 0,
      out: expect.stringContaining('0 too many'),
    });
  });

  it('finds the rights of the preset in all namespaces, and none of a role that the site has bound', async () => {
    const role = `${namespace}-site`;
    const flags = ['--existing-cluster-roles', role];
    const binding = `${namespace}-everywhere`;
    const account = `--serviceaccount=${namespace}:cnpg-mcp`;
    try {
      await kubectl('create', 'clusterrole', role, '--verb=list', '--resource=events');
      await rbac('apply', ...flags);
      expect(await rbac('verify', ...flags)).toMatchObject({ status: 0 });
      expect((await rbac('verify')).out).toContain(`excessive  list events in namespace ${namespace}`);
      await kubectl('create', 'clusterrolebinding', binding, `--clusterrole=${role}`, account);
      expect((await rbac('verify')).out).toContain('excessive  list events in the whole cluster');
    } finally {
      await kubectl('delete', 'clusterrolebinding', '--ignore-not-found', binding);
      await kubectl('delete', 'clusterrole', '--ignore-not-found', role);
    }
  });

  it('makes a binding anew when it binds another role, which diff and the dry run show', async () => {
    await rbac('apply');
    const bound = async (): Promise<unknown> =>
      (await getObject('rolebinding', 'cnpg-mcp-view', namespace)).roleRef.name;
    const binding = await getObject('rolebinding', 'cnpg-mcp-view', namespace);
    await kubectl('delete', 'rolebinding', 'cnpg-mcp-view', '-n', namespace);
    const { resourceVersion: _, uid: __, managedFields: ___, ...metadata } = binding.metadata;
    await apply({
      ...binding,
      metadata,
      roleRef: { ...binding.roleRef, kind: 'ClusterRole', name: 'admin' },
    });
    expect((await rbac('diff')).out).toMatch(/- {2}name: admin\n.*\+ {2}name: cnpg-mcp-view\n/s);
    expect((await rbac('apply', '--dry-run=server')).out).toContain('replaced   RoleBinding cnpg-mcp-view');
    expect(await bound()).toBe('admin');
    expect((await rbac('apply')).out).toContain('replaced   RoleBinding cnpg-mcp-view');
    expect(await bound()).toBe('cnpg-mcp-view');
    expect((await rbac('diff')).out).toBe('No differences.\n');
  });

  it('writes nothing at all when a namespace does not exist, and names it', async () => {
    await rbac('revoke');
    const flags = ['--namespaces', `${namespace},${namespace}-nope`];
    for (const command of ['apply', 'diff']) {
      expect(await rbac(command, ...flags)).toMatchObject({
        status: 1,
        out: '',
        error: expect.stringContaining(`Namespace ${namespace}-nope does not exist; nothing was written.`),
      });
    }
    expect(await made('role')).not.toContain('cnpg-mcp-view');
    expect(await getObject('serviceaccount', 'cnpg-mcp', namespace)).toBeUndefined();
  });

  it('makes no kubeconfig for an account that does not exist, nor in the place of a folder or a link', async () => {
    await rbac('revoke');
    const file = join(folder, 'nobody.kubeconfig');
    expect(await rbac('kubeconfig', '--output', file)).toMatchObject({
      status: 1,
      error: expect.stringContaining(`There is no service account cnpg-mcp in namespace ${namespace}.`),
    });
    await rbac('apply');
    expect(await rbac('kubeconfig', '--output', folder, '--overwrite')).toMatchObject({
      status: 1,
      error: expect.stringContaining(`${folder} is a folder: name a file.`),
    });
    const link = join(folder, 'link.kubeconfig');
    await symlink(tmpdir(), link);
    expect(await rbac('kubeconfig', '--output', link, '--overwrite')).toMatchObject({
      status: 1,
      error: expect.stringContaining(`${link} is a link or a device: name a file.`),
    });
    expect(await readlink(link)).toBe(tmpdir());
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

  it('writes a kubeconfig with which a server does what the account may, and names what it lacks', async () => {
    await rbac('apply', '--preset', 'view');
    const file = join(folder, 'server.kubeconfig');
    await rbac('kubeconfig', '--output', file);
    const server = await startServer('stdio', { kubeconfig: file });
    try {
      expect(await server.call('list_postgres_clusters')).toMatchObject({
        isError: false,
        structured: { count: 0, scope: expect.stringContaining(namespace) },
      });
      const identity = `system:serviceaccount:${namespace}:cnpg-mcp`;
      const missing = async (tool: string, args: Record<string, unknown>): Promise<unknown> =>
        (await server.call(tool, args)).structured.error.missing_right;
      expect(await missing('create_postgres_cluster', { name: 'shop', dry_run: true })).toEqual({
        ...{ verb: 'create', group: 'postgresql.cnpg.io', resource: 'clusters', namespace, identity },
        comes_with: 'preset edit (rbac.preset)',
      });
      expect(await missing('list_postgres_clusters', { all_namespaces: true })).toEqual({
        ...{ verb: 'list', group: 'postgresql.cnpg.io', resource: 'clusters', identity },
        comes_with: 'preset view (rbac.preset) in all namespaces (rbac.clusterWide)',
      });
    } finally {
      await server.stop();
    }
  });

  it('binds the roles of the operator’s chart where they exist and have the rules, and not where one lacks', async () => {
    const roles = { view: `${namespace}-view`, edit: `${namespace}-edit` };
    const flags = ['--preset', 'edit', '--cnpg-view-role', roles.view, '--cnpg-edit-role', roles.edit];
    const bindings = async (): Promise<string[]> =>
      (await made('rolebinding')).filter((name) => name.startsWith('cnpg-mcp-bind-'));
    try {
      await apply(
        operatorViewRole(roles.view),
        // As an older operator's chart has it: no rule about roles of PostgreSQL.
        operatorEditRole(roles.edit, ['clusters', 'databases']),
      );
      await rbac('apply', ...flags);
      expect(await bindings()).toEqual([`cnpg-mcp-bind-${roles.view}`]);
      expect((await rbac('verify', ...flags)).status).toBe(0);
      await apply(operatorEditRole(roles.edit));
      await rbac('apply', ...flags);
      expect(await bindings()).toEqual([`cnpg-mcp-bind-${roles.edit}`, `cnpg-mcp-bind-${roles.view}`]);
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

  it('does not bind a role of that name which gives more than the operator’s', async () => {
    const name = `${namespace}-view`;
    try {
      for (const role of widerViewRoles(name)) {
        await apply(role);
        await rbac('apply', '--cnpg-view-role', name);
        const bindings = (await made('rolebinding')).filter((one) => one.startsWith('cnpg-mcp-'));
        expect(bindings).toEqual(['cnpg-mcp-view']);
      }
    } finally {
      await kubectl('delete', 'clusterrole', '--ignore-not-found', name);
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
