import { describe, expect, it } from 'vitest';
import { describeObject, rightsOf } from './escalation.ts';
import { type Binding, type RbacObject, type Role, rbacObjects } from './objects.ts';
import { contradictions, defaultValues, type Values } from './values.ts';

const release = { name: 'cnpg-mcp', namespace: 'tools' };

function withRbac(rbac: Partial<Values['rbac']>, others: Partial<Values> = {}): Values {
  return { ...defaultValues, ...others, rbac: { ...defaultValues.rbac, ...rbac } };
}

const titles = (objects: readonly RbacObject[]): string[] => objects.map(describeObject);
const isRole = (object: RbacObject): object is Role => 'rules' in object;
const isBinding = (object: RbacObject): object is Binding => 'roleRef' in object;

describe('the objects', () => {
  it('are an account, a role and a binding in its own namespace when nothing else is asked for', () => {
    expect(titles(rbacObjects(release, defaultValues))).toEqual([
      'ServiceAccount cnpg-mcp in namespace tools',
      'Role cnpg-mcp-view in namespace tools',
      'RoleBinding cnpg-mcp-view in namespace tools',
    ]);
  });

  it('give rights in other namespaces under names that no other release can take', () => {
    const objects = rbacObjects(release, withRbac({ namespaces: ['shop', 'shop', 'billing'] }));
    expect(titles(objects)).toEqual([
      'ServiceAccount cnpg-mcp in namespace tools',
      'Role tools:cnpg-mcp-view in namespace shop',
      'Role tools:cnpg-mcp-view in namespace billing',
      'RoleBinding tools:cnpg-mcp-view in namespace shop',
      'RoleBinding tools:cnpg-mcp-view in namespace billing',
    ]);
    for (const { subjects } of objects.filter(isBinding)) {
      expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'cnpg-mcp', namespace: 'tools' }]);
    }
  });

  it('are of the cluster with clusterWide, and for what belongs to no namespace', () => {
    expect(titles(rbacObjects(release, withRbac({ clusterWide: true })))).toContain(
      'ClusterRoleBinding tools:cnpg-mcp-view',
    );
    const storage = withRbac({
      preset: 'edit',
      addOns: { ...defaultValues.rbac.addOns, storage: true },
    });
    expect(titles(rbacObjects(release, storage))).toEqual(
      expect.arrayContaining(['ClusterRole tools:cnpg-mcp-storage', 'Role cnpg-mcp-edit in namespace tools']),
    );
  });

  it('limit Secrets to the names that are listed, but for making new ones', () => {
    const values = withRbac({
      preset: 'edit',
      addOns: { ...defaultValues.rbac.addOns, secrets: ['cnpg-shop-user-app'] },
    });
    const [role] = rbacObjects(release, values)
      .filter(isRole)
      .filter(({ metadata }) => metadata.name === 'cnpg-mcp-secrets');
    const rights = rightsOf(role?.rules ?? []);
    expect(rights.filter(({ name }) => name === undefined)).toEqual([
      { verb: 'create', group: '', resource: 'secrets' },
    ]);
    expect(rights.map(({ verb }) => verb).sort()).toEqual(['create', 'delete', 'get', 'patch']);
  });

  it('bind the operator’s roles and make no rules of our own for its kinds, when told to', () => {
    const objects = rbacObjects(release, withRbac({ preset: 'edit', cnpgRoles: 'bind' }));
    expect(objects.filter(isBinding).map(({ roleRef }) => `${roleRef.kind} ${roleRef.name}`)).toEqual([
      'Role cnpg-mcp-edit',
      'ClusterRole cnpg-cloudnative-pg-view',
      'ClusterRole cnpg-cloudnative-pg-edit',
    ]);
    const groups = objects.filter(isRole).flatMap(({ rules }) => rules.flatMap(({ apiGroups }) => apiGroups));
    expect(groups).not.toContain('postgresql.cnpg.io');
  });

  it('bind a role once, under a name that has its own in it, however often and as what it is named', () => {
    const [view, long] = ['db-cloudnative-pg-view', `site:${'x'.repeat(248)}`];
    const objects = rbacObjects(
      release,
      withRbac({
        cnpgRoles: 'bind',
        cnpgRoleNames: { view, edit: 'db-edit' },
        existingClusterRoles: [long, view, `${long.slice(0, -1)}y`, long],
      }),
    );
    expect(objects.filter(isBinding).map(({ metadata }) => metadata.name)).toEqual([
      'cnpg-mcp-view',
      `cnpg-mcp-bind-${view}`,
      `cnpg-mcp-bind-${long}`,
      `cnpg-mcp-bind-${long.slice(0, -1)}y`,
    ]);
  });

  it('never bind the operator’s role that writes to a preset that does not edit', () => {
    for (const preset of ['view', 'operate'] as const) {
      const objects = rbacObjects(release, withRbac({ preset, cnpgRoles: 'bind' }));
      expect(objects.filter(isBinding).map(({ roleRef }) => roleRef.name)).not.toContain(
        'cnpg-cloudnative-pg-edit',
      );
    }
  });

  it('let the server act for those who are named only', () => {
    const values = withRbac({ impersonation: { users: ['oidc:ada'], groups: ['oidc:dba'] } });
    const [role] = rbacObjects(release, values)
      .filter(isRole)
      .filter(({ metadata }) => metadata.name.endsWith('-impersonate'));
    expect(role?.rules).toEqual([
      { apiGroups: [''], resources: ['users'], resourceNames: ['oidc:ada'], verbs: ['impersonate'] },
      { apiGroups: [''], resources: ['groups'], resourceNames: ['oidc:dba'], verbs: ['impersonate'] },
    ]);
  });

  it('are none but the account when rights are made elsewhere, and not even that when it exists', () => {
    expect(titles(rbacObjects(release, withRbac({ create: false, existingClusterRoles: ['x'] })))).toEqual([
      'ServiceAccount cnpg-mcp in namespace tools',
    ]);
    const none = { serviceAccount: { create: false, name: 'bot', annotations: {} } };
    expect(rbacObjects(release, withRbac({ create: false }, none))).toEqual([]);
  });
});

describe('the name of everything', () => {
  const nameOf = (name: string, values: Partial<Values> = {}): string | undefined =>
    rbacObjects({ name, namespace: 'tools' }, { ...defaultValues, ...values })[0]?.metadata.name;

  it('is the release, with the chart unless it is in there', () => {
    expect(nameOf('cnpg-mcp')).toBe('cnpg-mcp');
    expect(nameOf('my-cnpg-mcp')).toBe('my-cnpg-mcp');
    expect(nameOf('assistant')).toBe('assistant-cnpg-mcp');
    expect(nameOf('assistant', { nameOverride: 'pg' })).toBe('assistant-pg');
    expect(nameOf('assistant', { fullnameOverride: 'x' })).toBe('x');
    expect(nameOf('a'.repeat(53))).toHaveLength(62);
    expect(nameOf('x', { nameOverride: `${'a'.repeat(59)}--b` })).toBe(`x-${'a'.repeat(59)}`);
    expect(nameOf('my.rel')).toBe('my-rel-cnpg-mcp');
  });
});

describe('what must hold between values', () => {
  it('holds for the defaults', () => {
    expect(contradictions(defaultValues)).toEqual([]);
  });

  it('is that cluster roles of any kind are given in all namespaces on purpose only', () => {
    const everywhere = { clusterWide: true, existingClusterRoles: ['cluster-admin'] };
    expect(contradictions(withRbac(everywhere))).toEqual([
      expect.stringMatching(
        /^rbac\.clusterWide with rbac\.existingClusterRoles .* rbac\.acknowledgeClusterWideWrites\.$/,
      ),
    ]);
    expect(contradictions(withRbac({ ...everywhere, acknowledgeClusterWideWrites: true }))).toEqual([]);
    expect(contradictions(withRbac({ clusterWide: true }))).toEqual([]);
  });

  it('is that an account which is not made has a name, if it gets rights', () => {
    const account = { create: false, name: '', annotations: {} };
    expect(contradictions({ ...defaultValues, serviceAccount: account })).toEqual([
      expect.stringContaining('--service-account'),
    ]);
    expect(contradictions(withRbac({ create: false }, { serviceAccount: account }))).toEqual([]);
    const named = { serviceAccount: { ...account, name: 'default' } };
    expect(contradictions(withRbac({}, named))).toEqual([]);
  });
});
