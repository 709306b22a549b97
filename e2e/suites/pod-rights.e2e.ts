/**
 * Rights from inside the pod: one release of the chart, upgraded to every preset and add-on of the table. What they have works
 * through its Service with just their rules; what they have not fails and names the right.
 */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { roleSecretName } from '../../server/src/cnpg/role-secret.ts';
import { resourceOf } from '../../server/src/permissions.ts';
import { catalogue } from '../../server/src/tools/catalog/index.ts';
import type { Tool } from '../../server/src/tools/define-tool.ts';
import type { AddOn } from '../../server/src/tools/permission.ts';
import { addOns, includesPreset, type Preset, presetOf, presets } from '../../server/src/tools/preset.ts';
import { type Helm, installedHelm } from '../chart/helm.ts';
import { type ImageValues, imageOnCluster } from '../image/load.ts';
import { answersOf, applyStuckClusters, proofs, running, usersOf } from './support/add-on-proofs.ts';
import {
  apply,
  deleteNamespace,
  getObject,
  kubectl,
  makeRestrictedNamespace,
  newestPostgresImage,
  psql,
} from './support/kubernetes.ts';
import { operatorEditRole, operatorViewRole } from './support/operator-roles.ts';
import {
  callTool,
  deploy,
  type Endpoint,
  endpointOf,
  release,
  rpc,
  untilOnePod,
  valuesFor,
} from './support/release.ts';
import { accountName, grantedBy, rightsOf } from './support/rights.ts';
import { type Answer, confirmed } from './support/server.ts';
import { applySleepingCluster, calls, needsSecrets, secrets } from './support/tool-calls.ts';

const cluster = inject('cluster');

let helm: Helm;
let image: ImageValues;
let namespace: string;
let pod: Endpoint;
beforeAll(async () => {
  helm = await installedHelm(cluster);
  image = await imageOnCluster(cluster);
  namespace = await makeRestrictedNamespace('t-rights');
  await applySleepingCluster(namespace);
  await applyStuckClusters(namespace);
  await applyCaller();
});
afterAll(async () => {
  // What a release has outside its namespace does not go with the namespace.
  await helm.run('uninstall', release, '--namespace', namespace, '--ignore-not-found');
  await deleteNamespace(namespace);
});

/** Somebody whom the server lets do everything, so that Kubernetes alone decides. */
const caller = 'callers';
async function applyCaller(): Promise<void> {
  const token = randomBytes(32).toString('base64url');
  const sha256 = createHash('sha256').update(token).digest('hex');
  const tokens = { tokens: [{ name: 'anybody', sha256, grants: [{ effect: 'destroy' }] }] };
  await apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: caller, namespace },
    stringData: { token, 'tokens.yaml': JSON.stringify(tokens) },
  });
}

/** Upgrades the release to these values; returns when only a pod that has them is left. */
async function upgrade(preset: Preset, values: readonly string[]): Promise<void> {
  // Without a delay the old pod is gone as soon as it has nothing to answer.
  const all = [`rbac.preset=${preset}`, 'config.shutdownDelaySeconds=0', ...values];
  await deploy(helm, namespace, ...valuesFor(image), ...all.flatMap((value) => ['--set', value]));
  await untilOnePod(namespace);
}

/** The server decides as the chart has it, about somebody with the chart's token. */
async function become(preset: Preset, ...values: string[]): Promise<void> {
  await upgrade(preset, values);
  pod = await endpointOf(namespace);
}

/** The server offers everything to anybody, with rules of our own: Kubernetes decides. */
async function becomeOpen(preset: Preset, ...values: string[]): Promise<void> {
  // As an argument: the chart itself refuses the setting where the add-on for it is off.
  const open = [`auth.existingSecret=${caller}`, 'config.readOnly=false', 'extraArgs={--audit-events}'];
  await upgrade(preset, [...open, 'rbac.cnpgRoles=create', ...values]);
  pod = await endpointOf(namespace, caller);
}

/** The Secrets of the calls, and of those that are made for real. */
const listed = [secrets.kept, secrets.reporting, roleSecretName(running, 'reporting')];
const switchOn = (addOn: AddOn): string =>
  `rbac.addOns.${addOn}=${addOn === 'secrets' ? `{${listed.join()}}` : 'true'}`;

const call = (tool: string, args = calls[tool]): Promise<Answer> =>
  callTool(pod, tool, { ...args, namespace });

/** Everything that the pod's account may do here, and in a namespace that it has nothing to do with. */
const account = (): string => accountName(namespace, release);
const rightsHere = (): Promise<string[]> => rightsOf(account(), namespace);
const rightsElsewhere = (): Promise<string[]> => rightsOf(account(), 'default');

/** The API server learns of new roles a moment after they are written. */
const soon = { timeout: 10_000 };

const byName = catalogue.map((tool): [string, Tool] => [tool.name, tool]);
const isIn = (preset: Preset, { effect }: Tool): boolean => includesPreset(preset, presetOf(effect));

it('has a call of every tool, and a proof of every use of an add-on', () => {
  expect(Object.keys(calls).sort()).toEqual(catalogue.map(({ name }) => name).sort());
  const used = Object.keys(addOns).map((addOn) => [addOn, usersOf(addOn as AddOn)]);
  const proven = Object.entries(proofs).map(([addOn, users]) => [addOn, Object.keys(users).sort()]);
  expect(proven).toEqual(used);
});

describe.each(presets)('a pod with preset %s, as the chart configures it', (preset) => {
  beforeAll(() => become(preset));

  it('offers the tools of the preset and no other', async () => {
    const { tools } = await rpc(pod, 'tools/list', {});
    const offered = catalogue.filter((tool) => isIn(preset, tool)).map(({ name }) => name);
    expect(tools.map(({ name }: { name: string }) => name).sort()).toEqual(offered.sort());
  });

  it.each(byName.filter(([, tool]) => !isIn(preset, tool)))(
    '%s is refused by the server itself, which says why',
    async (name, { effect }) => {
      const said = {
        view: `This server is read-only; ${name} would ${effect}.`,
        operate: `token ${release} may not ${effect} here, which ${name} would.`,
        edit: 'nothing is refused',
      };
      const { isError, structured } = await call(name);
      expect(isError).toBe(true);
      expect(structured.error).toMatchObject({ code: 'policy_denied', message: said[preset] });
    },
  );

  it('looks at its own namespace only, and says that it is told to', async () => {
    const everywhere = await callTool(pod, 'list_postgres_clusters', { all_namespaces: true });
    expect(everywhere.structured.error).toMatchObject({
      code: 'policy_denied',
      message: `This server is limited to the namespaces ${namespace}: name one of them.`,
    });
  });
});

describe.each(presets)(
  'a pod with the rules of preset %s and no add-on, where the server offers everything',
  (preset) => {
    beforeAll(() => becomeOpen(preset));

    it('has exactly the rights of the preset, and none in another namespace', async () => {
      await expect.poll(rightsHere, soon).toEqual(grantedBy(preset));
      await expect.poll(rightsElsewhere, soon).toEqual([]);
    });

    it.each(byName)(
      '%s works, or names the right that it lacks and where it comes from',
      async (name, tool) => {
        const answer = await call(name);
        if (isIn(preset, tool) && !needsSecrets(tool)) {
          return expect(answer, answer.text).toMatchObject({ isError: false });
        }
        expect(answer.isError).toBe(true);
        expect(answer.structured.error).toMatchObject({
          code: 'forbidden',
          missing_right: { namespace, identity: account() },
        });
        const { verb, group, comes_with: source, ...lacked } = answer.structured.error.missing_right;
        const resource = resourceOf(lacked);
        expect(
          tool.permissions.filter((one) => one.verbs.includes(verb)).map((one) => resourceOf(one)),
        ).toContain(resource);
        expect(grantedBy(preset)).not.toContain(`${verb} ${resource}${group === '' ? '' : `.${group}`}`);
        expect(source).toContain(`preset ${presetOf(tool.effect)} (rbac.preset)`);
        if (isIn(preset, tool)) expect(source).toContain('add-on secrets (rbac.addOns.secrets)');
        expect(answer.text).toContain(`Missing right: ${verb} ${resource}`);
      },
    );
  },
);

describe.each(presets.filter((preset) => preset !== 'edit'))(
  'a pod with preset %s and all add-ons but the Secrets',
  (preset) => {
    it('has exactly the rights that the table adds to the preset', async () => {
      // Of these the chart itself says that they are of use with edit only.
      const all = (Object.keys(addOns) as AddOn[]).filter((addOn) => addOn !== 'secrets');
      await becomeOpen(preset, ...all.map(switchOn));
      await expect.poll(rightsHere, soon).toEqual(grantedBy(preset, all, { secrets: listed }));
    });
  },
);

describe('a pod with preset edit', () => {
  const without = new Map<AddOn, Map<string, string>>();
  beforeAll(() => becomeOpen('edit'));

  it('creates a cluster and sees it become ready, while the add-ons that are off leave their marks', async () => {
    const [made] = await Promise.all([
      call('create_postgres_cluster', {
        name: running,
        instances: 1,
        image: newestPostgresImage(),
        storage_size: '400Mi',
        storage_class: cluster.storageClass,
        wait: true,
        timeout: 240,
      }),
      ...(Object.keys(addOns) as AddOn[]).map(async (addOn) =>
        without.set(addOn, await answersOf(pod, addOn)),
      ),
    ]);
    expect(made, made.text).toMatchObject({ isError: false, structured: { state: 'done' } });
  });

  describe.each(Object.keys(addOns) as AddOn[])('and add-on %s', (addOn) => {
    let said: Map<string, string>;
    beforeAll(async () => {
      await becomeOpen('edit', switchOn(addOn));
      said = await answersOf(pod, addOn);
    });

    it('has exactly the rights that the table adds to the preset', async () => {
      await expect.poll(rightsHere, soon).toEqual(grantedBy('edit', [addOn], { secrets: listed }));
      await expect.poll(rightsElsewhere, soon).toEqual(grantedBy('edit', [addOn], { scope: 'cluster' }));
    });

    it.each(Object.entries(proofs[addOn]))('%s does what it could not do before', (user, proof) => {
      const before = without.get(addOn)?.get(user);
      expect(before).toMatch(proof.without);
      expect(before).not.toMatch(proof.with);
      expect(said.get(user)).toMatch(proof.with);
      expect(said.get(user)).not.toMatch(proof.without);
    });

    if (addOn === 'secrets') {
      it('is refused the Secret that is not listed, and names it', async () => {
        const { structured } = await call('create_postgres_role', {
          ...calls.create_postgres_role,
          role_name: 'other',
        });
        expect(structured.error.code).toBe('forbidden');
        expect(structured.error.missing_right.comes_with).toContain(
          `with ${roleSecretName('shop', 'other')} in its list`,
        );
      });

      it('does every change for real, with the watches that belong to it', changeEverything);
    }
  });

  it('has nothing of an add-on left when all are off again', async () => {
    await becomeOpen('edit');
    await expect.poll(rightsHere, soon).toEqual(grantedBy('edit'));
    await expect.poll(rightsElsewhere, soon).toEqual([]);
  });
});

/** Every tool that changes something, in an order in which each finds what it needs, and how it must end. */
const changes: [tool: string, args: Record<string, unknown>, state: 'requested' | 'done'][] = [
  ['create_postgres_cluster', { name: 'doomed', instances: 1, storage_class: 'no-such-class' }, 'requested'],
  ['scale_postgres_cluster', { name: 'doomed', instances: 2 }, 'requested'],
  ['delete_postgres_cluster', { name: 'doomed' }, 'done'],
  ['create_postgres_role', { cluster_name: running, role_name: 'reporting', wait: true }, 'done'],
  [
    'update_postgres_role',
    { cluster_name: running, role_name: 'reporting', reset_password: true, wait: true },
    'done',
  ],
  [
    'create_postgres_database',
    {
      cluster_name: running,
      database_name: 'sales',
      owner: 'reporting',
      reclaim_policy: 'delete',
      wait: true,
    },
    'done',
  ],
  ['delete_postgres_database', { cluster_name: running, database_name: 'sales' }, 'done'],
  ['delete_postgres_role', { cluster_name: running, role_name: 'reporting' }, 'done'],
];

async function changeEverything(): Promise<void> {
  const changing = catalogue.filter(({ effect }) => effect !== 'read').map(({ name }) => name);
  expect(changes.map(([tool]) => tool).sort()).toEqual(changing.sort());
  for (const [tool, args, state] of changes) {
    const destroys = catalogue.find(({ name }) => name === tool)?.effect === 'destroy';
    const answer = await (destroys ? confirmed(call, tool, args) : call(tool, args));
    expect(answer, answer.text).toMatchObject({ isError: false, structured: { state } });
  }
  expect(await psql(namespace, running, "select count(*) from pg_roles where rolname = 'reporting'")).toBe(
    '0',
  );
  expect(await getObject('cluster', 'doomed', namespace)).toBeUndefined();
}

describe('a pod with the operator’s own roles bound', () => {
  const roles = (): { view: string; edit: string } => ({
    view: `${namespace}-view`,
    edit: `${namespace}-edit`,
  });
  beforeAll(async () => {
    const { view, edit } = roles();
    await apply(operatorViewRole(view), operatorEditRole(edit));
    await become(
      'edit',
      ...[switchOn('secrets'), 'rbac.cnpgRoles=bind'],
      ...[`rbac.cnpgRoleNames.view=${view}`, `rbac.cnpgRoleNames.edit=${edit}`],
    );
  });
  afterAll(async () => {
    await kubectl('delete', 'clusterrole', '--ignore-not-found', ...Object.values(roles()));
  });

  it.each(byName)('%s works', async (name) => {
    const answer = await call(name);
    expect(answer, answer.text).toMatchObject({ isError: false });
  });

  it('has no rule of its own about the operator’s kinds', async () => {
    const { rules } = await getObject('role', `${release}-edit`, namespace);
    expect(JSON.stringify(rules)).not.toContain('postgresql.cnpg.io');
  });
});

describe('a pod that may view the whole cluster', () => {
  beforeAll(() => become('view', 'rbac.cnpgRoles=create', 'rbac.clusterWide=true'));

  it('lists the clusters of all namespaces', async () => {
    const answer = await callTool(pod, 'list_postgres_clusters', { all_namespaces: true });
    expect(answer).toMatchObject({ isError: false, structured: { scope: 'all namespaces' } });
    const found = answer.structured.clusters.map((one: { namespace: string; name: string }) => [
      one.namespace,
      one.name,
    ]);
    expect(found).toContainEqual([namespace, 'shop']);
  });

  it('has the rights of the preset in every namespace, and no more', async () => {
    await expect.poll(rightsElsewhere, soon).toEqual(grantedBy('view'));
  });
});
