import { describe, expect, it } from 'vitest';
import { accessQuestions, type GrantedRule, permissionTable, rightUsers, ruleTable } from './permissions.ts';
import { catalogue } from './tools/catalog/index.ts';
import type { Tool } from './tools/define-tool.ts';
import { addOns, effectOf, includesPreset, presetOf, presets, sourceOf } from './tools/preset.ts';

const table = ruleTable();
const everyRule = (): GrantedRule[] => [
  ...Object.values(table.presets).flat(),
  ...Object.values(table.addOns).flatMap((perPreset) => Object.values(perPreset).flat()),
];
const rightsOf = (rules: readonly GrantedRule[]): string[] =>
  rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${apiGroups[0]}`)),
    )
    .sort();
const addOnsOfTable = Object.keys(table.addOns) as (keyof typeof table.addOns)[];

describe.each(presets)('preset %s', (preset) => {
  it.each([[[]], [addOnsOfTable], ...addOnsOfTable.map((name) => [[name]])])(
    'with add-ons %j has exactly the rights of the tools that it enables',
    (chosen) => {
      const enabled = rightUsers.filter(({ effect }) => includesPreset(preset, presetOf(effect)));
      const declared = enabled.flatMap(({ permissions }) =>
        permissions
          .filter(({ addOn }) => addOn === undefined || chosen.includes(addOn))
          .flatMap(({ verbs, group, resource, subresource }) =>
            verbs.map((verb) => `${verb} ${resource}${subresource ? `/${subresource}` : ''}.${group}`),
          ),
      );
      const rules = [...table.presets[preset], ...chosen.flatMap((name) => table.addOns[name][preset])];
      expect(rightsOf(rules)).toEqual([...new Set(declared)].sort());
    },
  );

  it('has everything that the presets before it have', () => {
    const own = rightsOf(table.presets[preset]);
    for (const before of presets.slice(0, presets.indexOf(preset))) {
      expect(own).toEqual(expect.arrayContaining(rightsOf(table.presets[before])));
    }
  });
});

describe('the rules', () => {
  it('never hold a wildcard, nor a right by which further rights could be had', () => {
    for (const { apiGroups, resources, verbs } of everyRule()) {
      expect([...apiGroups, ...resources, ...verbs].join(' ')).not.toContain('*');
      expect(verbs.filter((verb) => ['impersonate', 'escalate', 'bind'].includes(verb))).toEqual([]);
      expect(resources).not.toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^(pods\/exec|pods\/attach|serviceaccounts\/token|roles)$/),
        ]),
      );
    }
  });

  it('touch Secrets by name only, but for making new ones, which has no name to go by', () => {
    const onSecrets = everyRule().filter(({ resources }) => resources.includes('secrets'));
    expect(onSecrets).not.toEqual([]);
    for (const { resources, verbs, byName } of onSecrets) {
      expect(resources).toEqual(['secrets']);
      expect(byName === true || verbs.join() === 'create').toBe(true);
      expect(verbs).not.toEqual(expect.arrayContaining(['list']));
    }
  });

  it('keep reading and writing apart, so that either can be left to a role of the operator', () => {
    const reads = new Set<string>(['get', 'list', 'watch']);
    for (const { verbs } of everyRule()) expect(new Set(verbs.map((verb) => reads.has(verb))).size).toBe(1);
  });

  it('leave to the operator’s roles only what its chart puts there', () => {
    for (const { apiGroups, verbs, cnpgRole } of everyRule()) {
      if (cnpgRole === undefined) continue;
      expect(apiGroups).toEqual(['postgresql.cnpg.io']);
      expect(['get', 'list', 'watch'].includes(verbs[0] as string)).toBe(cnpgRole === 'view');
    }
  });
});

describe('the table of rights', () => {
  it('names the least preset of each right, and who needs it', () => {
    const rows = permissionTable(rightUsers);
    const row = (verb: string, resource: string) =>
      rows.find((candidate) => candidate.verb === verb && candidate.resource === resource);
    expect(row('list', 'clusters')).toMatchObject({ preset: 'view', scope: 'namespace' });
    expect(row('delete', 'clusters')).toMatchObject({ preset: 'edit' });
    expect(row('watch', 'clusters')?.tools.map(({ name }) => name)).toContain('resource subscriptions');
  });

  it('asks about a namespace as about an object in it, where a Role can grant it', () => {
    const [tool] = catalogue;
    const question = accessQuestions(tool as (typeof catalogue)[number], 'shop').find(
      ({ resource }) => resource === 'namespaces',
    );
    expect(question).toMatchObject({ verb: 'get', namespace: 'shop', name: 'shop' });
  });
});

describe('where a missing right comes from', () => {
  const permissions = catalogue.find(({ name }) => name === 'create_postgres_role')?.permissions ?? [];
  const tool = { effect: 'change', permissions } as const;

  it('is the preset of the tool', () => {
    expect(sourceOf(tool, { verb: 'patch', resource: 'clusters', namespace: 'shop' })).toBe(
      'preset edit (rbac.preset)',
    );
  });

  it('is the place too, where the right is lacking in all namespaces at once', () => {
    const lister = catalogue.find(({ name }) => name === 'list_postgres_clusters') as Tool;
    expect(sourceOf(lister, { verb: 'list', resource: 'clusters' })).toBe(
      'preset view (rbac.preset) in all namespaces (rbac.clusterWide)',
    );
  });

  it('is not the place for a right of the whole cluster', () => {
    const status = catalogue.find(({ name }) => name === 'get_cluster_status') as Tool;
    expect(sourceOf(status, { verb: 'list', resource: 'storageclasses' })).toBe(
      'preset view (rbac.preset) with add-on storage (rbac.addOns.storage)',
    );
  });

  it('is an add-on too, with the name of the Secret where it counts', () => {
    const right = { verb: 'get', resource: 'secrets', namespace: 'shop', name: 'cnpg-shop-user-app' };
    expect(sourceOf(tool, right)).toBe(
      'preset edit (rbac.preset) with add-on secrets (rbac.addOns.secrets), with cnpg-shop-user-app in its list',
    );
  });

  it('is not guessed for a right that the tool does not declare', () => {
    expect(sourceOf(tool, { verb: 'create', resource: 'pods', subresource: 'exec' })).toBeUndefined();
  });

  it('is known for every effect, and every add-on says what it exposes', () => {
    expect(presets.map(effectOf)).toEqual(['read', 'operate', 'destroy']);
    for (const text of Object.values(addOns)) expect(text).toMatch(/^\S.+\S$/);
  });
});
