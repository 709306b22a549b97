/**
 * Calls in the name of the person who calls, from the token to the API server: what it sees is that person with the groups
 * that may be passed on, and never the token.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { principalOf } from '../src/auth/claims.ts';
import { builtInRules, defaultClaimPaths, type OidcOptions } from '../src/auth/options.ts';
import { createGateway } from '../src/kube/client-node/index.ts';
import { catalogue } from '../src/tools/catalog/index.ts';
import { putCluster } from './clusters.ts';
import { type Harness, startHarness } from './harness.ts';
import { as, type ResourceWorld, startResourceWorld } from './resource-world.ts';
import { exampleOf } from './tool-examples.ts';

const options: OidcOptions = {
  issuer: 'https://idp.example.com',
  audiences: ['https://mcp.example.com/mcp'],
  claims: defaultClaimPaths,
  rules: builtInRules,
  scopePrefix: '',
  maxTokenLifetimeSeconds: 3600,
  impersonation: {
    userClaim: 'preferred_username',
    userPrefix: 'oidc:',
    groupPrefix: 'oidc:',
    allowedGroups: ['dba', 'shop, billing', 'viewers'],
  },
};
const person = (name: string, groups: string[], scope = 'cnpg:destroy') =>
  principalOf({ sub: `id-of-${name}`, preferred_username: name, groups, scope }, options);
/** One of the groups has a comma in its name: joined with the others it would be two. */
const ada = person('ada', ['dba', 'shop, billing', 'cluster-admins']);
const adaInKubernetes = { user: 'oidc:ada', groups: ['oidc:dba', 'oidc:shop, billing'] };

describe('the headers that the API server gets', () => {
  it('name the user once and every group on its own', async () => {
    let seen: string[] = [];
    const api = createServer(({ url, rawHeaders }, response) => {
      if (url?.endsWith('/pods/x')) seen = rawHeaders;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"kind":"Pod","metadata":{"name":"x"}}');
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    const server = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    const kube = createGateway({
      kubeconfigText: JSON.stringify({
        clusters: [{ name: 'a', cluster: { server, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'a', user: { token: 'of-the-server' } }],
        contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
        'current-context': 'a',
      }),
    });
    const identity = ada.impersonate;
    if (!identity) throw new Error('Ada acts as nobody.');
    await kube.as(identity).get('pods', { name: 'x', namespace: 'y' });
    const sent = seen.flatMap((name, index) =>
      index % 2 === 0 ? [[name.toLowerCase(), seen[index + 1] as string] as const] : [],
    );
    expect(sent.filter(([name]) => name.startsWith('impersonate-'))).toEqual([
      ['impersonate-user', 'oidc:ada'],
      ['impersonate-group', 'oidc:dba'],
      ['impersonate-group', 'oidc:shop, billing'],
    ]);
    expect(sent).toContainEqual(['authorization', 'Bearer of-the-server']);
    await kube.close();
    api.close();
  });
});

describe('every tool', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(() => harness.close());
  beforeEach(() => {
    putCluster(harness.simulator, 'orders', 'default', 3);
    harness.audits.length = 0;
  });

  it.each(catalogue.map((tool) => ({ name: tool.name, tool })))(
    '$name acts as the person in every request, also when it only asks',
    async ({ tool }) => {
      harness.simulator.clearRequests();
      // Nobody acts on this cluster, so a tool that waits for the operator is not waited for.
      const signal = AbortSignal.timeout(1_500);
      await harness.call(tool, { ...exampleOf(tool) }, { principal: ada, signal });
      if (tool.effect !== 'read') {
        await harness.call(tool, { ...exampleOf(tool), dry_run: true }, { principal: ada });
      }
      const requests = harness.simulator.requests.filter(({ resource }) => resource !== '');
      expect(requests.length).toBeGreaterThan(0);
      for (const { user, groups, verb, resource } of requests) {
        // Which kinds there are is the same for everybody, and asked once for all.
        if (resource === 'customresourcedefinitions') continue;
        expect({ user, groups }, `${verb} ${resource}`).toEqual({
          user: adaInKubernetes.user,
          groups: [...adaInKubernetes.groups, 'system:authenticated'],
        });
      }
      expect(harness.audits.map(({ kubernetesUser }) => kubernetesUser)).toEqual(
        harness.audits.map(() => 'oidc:ada'),
      );
    },
  );

  it('gets no further than the person: the answer names what is missing, and who lacks it', async () => {
    harness.simulator.deny({ user: 'oidc:ada', verb: 'patch', resource: 'clusters' });
    const scale = catalogue.find(({ name }) => name === 'scale_postgres_cluster');
    if (!scale) throw new Error('There is no such tool.');
    const args = { name: 'orders', namespace: 'default', instances: 2 };
    const denied = await harness.call(scale, args, { principal: ada });
    expect(denied.error).toMatchObject({
      code: 'forbidden',
      api: { status: 403 },
      missingRight: { verb: 'patch', resource: 'clusters', namespace: 'default', identity: 'oidc:ada' },
    });
    const grace = person('grace', ['dba']);
    expect((await harness.call(scale, args, { principal: grace })).isError).toBe(false);
    harness.simulator.resetAccess();
  });

  it('is not called at all as a part of Kubernetes, whatever a token says', async () => {
    const [list] = catalogue;
    if (!list) throw new Error('There are no tools.');
    harness.simulator.clearRequests();
    const principal = { ...ada, impersonate: { user: 'system:admin', groups: ['system:masters'] } };
    const answer = await harness.call(list, exampleOf(list), { principal });
    expect(answer.error?.code).toBe('forbidden');
    expect(harness.simulator.requests).toEqual([]);
  });
});

describe('resources', () => {
  let world: ResourceWorld;
  beforeAll(async () => {
    world = await startResourceWorld();
  });
  afterAll(() => world.close());

  it('are listed, read, completed and watched as the person', async () => {
    const { resources, complete } = world.resourcesWith();
    world.simulator.clearRequests();
    const caller = as(ada);
    await resources.list(caller);
    await resources.read('cnpg://shop/orders', caller);
    const ref = { type: 'ref/resource', uri: 'cnpg://{namespace}/{cluster}' } as const;
    await complete(ref, { name: 'cluster', value: 'o' }, {}, caller);
    const watched = await resources.subscribe?.('cnpg://shop/orders', caller, () => undefined);
    await vi.waitFor(() => expect(world.watchRequests()).not.toHaveLength(0));
    watched?.end();
    const users = world.simulator.requests
      .filter(({ resource }) => resource !== '' && resource !== 'customresourcedefinitions')
      .map(({ user }) => user);
    expect(new Set(users)).toEqual(new Set(['oidc:ada']));
  });

  it('of one person are not shown to another from memory', async () => {
    const { complete } = world.resourcesWith();
    world.simulator.deny({ user: 'oidc:bob', resource: 'clusters' });
    const ref = { type: 'ref/resource', uri: 'cnpg://{namespace}/{cluster}' } as const;
    const ask = async (name: string) =>
      (await complete(ref, { name: 'cluster', value: 'or' }, {}, as(person(name, [])))).values;
    expect(await ask('ada')).toEqual(['orders']);
    expect(await ask('bob')).toEqual([]);
    world.simulator.resetAccess();
  });
});
