/** What a release of the chart grants, and who may install it, on a real cluster, by both majors of Helm. No pod is started. */
import { describe, expect, it } from 'vitest';
import { chartFolder } from '../chart/files.ts';
import { accountKubeconfig } from './support/gate.ts';
import { majors, releaseWorld, withoutPods } from './support/helm-majors.ts';
import { apply, getObject, kubectl, names } from './support/kubernetes.ts';
import { operatorEditRole, operatorViewRole, widerViewRoles } from './support/operator-roles.ts';

const world = releaseWorld();

describe.each(majors)('a release by %s', (_, index) => {
  const helm = world.helm(index);

  it('binds the roles of the operator’s chart where they exist and have the rules, and creates ours where one lacks', async () => {
    const [view, edit] = [`${world.namespace}-view`, `${world.namespace}-edit`];
    const values = ['rbac.preset=edit', `rbac.cnpgRoleNames.view=${view}`, `rbac.cnpgRoleNames.edit=${edit}`];
    const groups = async (): Promise<string> =>
      JSON.stringify((await getObject('role', 'x-cnpg-mcp-edit', world.namespace)).rules);
    try {
      await apply(operatorViewRole(view), operatorEditRole(edit, ['clusters', 'databases']));
      await helm('install', 'x', chartFolder, ...withoutPods(...values));
      expect(await names('rolebinding', world.namespace)).toEqual([
        `x-cnpg-mcp-bind-${view}`,
        'x-cnpg-mcp-edit',
      ]);
      expect(await groups()).toContain('"create"');
      expect(await groups()).not.toContain('"watch"],"apiGroups":["postgresql.cnpg.io"]');
      await apply(operatorEditRole(edit));
      await helm('upgrade', 'x', chartFolder, ...withoutPods(...values));
      expect(await names('rolebinding', world.namespace)).toEqual([
        `x-cnpg-mcp-bind-${edit}`,
        `x-cnpg-mcp-bind-${view}`,
        'x-cnpg-mcp-edit',
      ]);
      expect(await groups()).not.toContain('postgresql.cnpg.io');
    } finally {
      await kubectl('delete', 'clusterrole', '--ignore-not-found', view, edit);
    }
  });

  it('does not bind a role of that name which gives more than the operator’s', async () => {
    const name = `${world.namespace}-view`;
    try {
      for (const role of widerViewRoles(name)) {
        await apply(role);
        await helm(
          'upgrade',
          '--install',
          'x',
          chartFolder,
          ...withoutPods(`rbac.cnpgRoleNames.view=${name}`),
        );
        expect(await names('rolebinding', world.namespace)).toEqual(['x-cnpg-mcp-view']);
      }
    } finally {
      await kubectl('delete', 'clusterrole', '--ignore-not-found', name);
    }
  });

  it('can be told of another role of the operator, and of one with the longest name', async () => {
    const bind = (name: string): string[] =>
      withoutPods('rbac.cnpgRoles=bind', `rbac.cnpgRoleNames.view=${name}`);
    const long = 'x'.repeat(253);
    await helm('install', 'x', chartFolder, ...bind('some-view'));
    await helm('upgrade', 'x', chartFolder, ...bind('other-view'));
    expect(await names('rolebinding', world.namespace)).toEqual([
      'x-cnpg-mcp-bind-other-view',
      'x-cnpg-mcp-view',
    ]);
    await helm('upgrade', 'x', chartFolder, ...bind(long));
    expect(await names('rolebinding', world.namespace)).toEqual([
      `x-cnpg-mcp-bind-${long}`,
      'x-cnpg-mcp-view',
    ]);
  });

  it('can be made by the administrator of its namespace, who is told what to set', async () => {
    await kubectl('create', 'serviceaccount', 'boss', '-n', world.namespace);
    const kinds = ['--verb=*', '--resource=*.postgresql.cnpg.io'];
    await kubectl('create', 'role', 'databases', '-n', world.namespace, ...kinds);
    for (const role of ['--clusterrole=admin', '--role=databases']) {
      const name = role.replace(/.*=/, 'boss-');
      await kubectl(
        'create',
        'rolebinding',
        name,
        '-n',
        world.namespace,
        role,
        `--serviceaccount=${world.namespace}:boss`,
      );
    }
    const asBoss = ['--kubeconfig', await accountKubeconfig(world.namespace, 'boss')];
    await expect(helm('install', 'x', chartFolder, ...withoutPods(), ...asBoss)).rejects.toThrow(
      'who may not read them sets rbac.cnpgRoles=create',
    );
    const own = withoutPods('rbac.preset=edit', 'rbac.cnpgRoles=create');
    await helm('install', 'x', chartFolder, ...own, ...asBoss);
    await helm('upgrade', 'x', chartFolder, ...own, ...asBoss);
    expect(await names('rolebinding', world.namespace)).toContain('x-cnpg-mcp-edit');
    await helm('uninstall', 'x', ...asBoss);
  });

  it('can have dots in its name', async () => {
    await helm('install', 'my.rel', chartFolder, ...withoutPods());
    expect(await names('service', world.namespace)).toEqual([
      'my-rel-cnpg-mcp',
      'my-rel-cnpg-mcp-management',
    ]);
    await helm('uninstall', 'my.rel');
  });

  it('can be told of a role twice', async () => {
    await helm('install', 'x', chartFolder, ...withoutPods('rbac.existingClusterRoles={view,view}'));
    expect(await names('rolebinding', world.namespace)).toEqual(['x-cnpg-mcp-bind-view', 'x-cnpg-mcp-view']);
  });
});
