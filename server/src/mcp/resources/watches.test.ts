import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { putCluster } from '../../../test/clusters.ts';
import { as, person, type ResourceWorld, reader, startResourceWorld } from '../../../test/resource-world.ts';
import type { KubeGateway } from '../../kube/gateway.ts';
import { localPrincipal, type Principal } from '../../policy/principal.ts';
import type { ListKind } from '../surface.ts';

let world: ResourceWorld;
beforeEach(async () => {
  world = await startResourceWorld();
});
afterEach(() => world.close());
const resourcesWith: ResourceWorld['resourcesWith'] = (...args) => world.resourcesWith(...args);

describe('a subscription', () => {
  const changes = () => {
    const times: number[] = [];
    return { times, changed: () => times.push(performance.now()) };
  };

  it('tells of a change of the status within two seconds, and of nothing else', async () => {
    const { resources } = resourcesWith();
    const orders = changes();
    const invoices = changes();
    await resources.subscribe?.('cnpg://shop/orders', as(), orders.changed);
    await resources.subscribe?.('cnpg://shop/invoices', as(), invoices.changed);
    await watching(2);
    const started = performance.now();
    world.setPhase('orders', 'Failing over');
    await vi.waitFor(() => expect(orders.times).toHaveLength(1), 2_000);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(invoices.times).toEqual([]);
  });

  it('tells at most once a second, and of the last change as well', async () => {
    const { resources } = resourcesWith();
    const { times, changed } = changes();
    await resources.subscribe?.('cnpg://shop/orders', as(), changed);
    await watching(1);
    for (let step = 0; step < 5; step += 1) {
      world.setPhase('orders', `Step ${step}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    await vi.waitFor(() => expect(times).toHaveLength(2), 3_000);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('tells when the cluster is deleted, and when it comes back', async () => {
    const { resources } = resourcesWith({
      times: { reopenSeconds: 300, quietMilliseconds: 10, retryMilliseconds: 10 },
    });
    const { times, changed } = changes();
    await resources.subscribe?.('cnpg://shop/orders', as(), changed);
    await watching(1);
    world.simulator.state.remove('clusters', 'shop', 'orders');
    await vi.waitFor(() => expect(times).toHaveLength(1), 2_000);
    putCluster(world.simulator, 'orders', 'shop');
    await vi.waitFor(() => expect(times).toHaveLength(2), 2_000);
  });

  it('shares one watch between all who are the same for the API server, and ends it with the last', async () => {
    const { resources } = resourcesWith();
    const subscribe = async (principal: Principal) => {
      const seen = changes();
      return { ...seen, ...(await resources.subscribe?.('cnpg://shop/orders', as(principal), seen.changed)) };
    };
    const first = await subscribe(localPrincipal);
    const second = await subscribe({ ...localPrincipal, id: 'another token' });
    const third = await subscribe(person('anna'));
    await watching(2);
    world.setPhase('orders', 'Switchover in progress');
    await vi.waitFor(() => {
      for (const { times } of [first, second, third]) expect(times).toHaveLength(1);
    }, 2_000);
    expect(world.watchRequests()).toHaveLength(2);
    for (const { end } of [first, second, third]) end?.();
    world.setPhase('orders', 'Cluster in healthy state');
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const { times } of [first, second, third]) expect(times).toHaveLength(1);
  });

  it('is refused for a cluster that the caller may not read', async () => {
    const { resources } = resourcesWith();
    world.simulator.deny({ user: 'eve', resource: 'clusters' });
    const refused = [
      resources.subscribe?.('cnpg://bank/ledger', as(reader('shop')), () => undefined),
      resources.subscribe?.('cnpg://shop/orders', as(person('eve')), () => undefined),
      resources.subscribe?.('cnpg://shop/nothing', as(), () => undefined),
      resources.subscribe?.('cnpg://shop/../bank', as(), () => undefined),
    ];
    const codes = (await Promise.allSettled(refused)).map((result) =>
      result.status === 'rejected' ? result.reason.code : 'subscribed',
    );
    expect(codes).toEqual(['policy_denied', 'forbidden', 'not_found', 'not_found']);
  });

  it('ends with one last notice when the right to read is taken away', async () => {
    const { resources } = resourcesWith({
      times: { reopenSeconds: 1, quietMilliseconds: 10, retryMilliseconds: 10 },
    });
    const { times, changed } = changes();
    await resources.subscribe?.('cnpg://shop/orders', as(person('anna')), changed);
    await watching(1);
    world.simulator.deny({ user: 'anna', resource: 'clusters' });
    await vi.waitFor(() => expect(times).toHaveLength(1), 4_000);
    world.setPhase('orders', 'Secret phase');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(times).toHaveLength(1);
  });

  it('goes on after the API server was away, and tells what happened meanwhile', async () => {
    const { resources } = resourcesWith({
      times: { reopenSeconds: 300, quietMilliseconds: 10, retryMilliseconds: 50 },
    });
    const { times, changed } = changes();
    await resources.subscribe?.('cnpg://shop/orders', as(), changed);
    await watching(1);
    await world.simulator.faults.down();
    world.setPhase('orders', 'Failing over');
    await world.simulator.faults.up();
    await vi.waitFor(() => expect(times).toHaveLength(1), 10_000);
  });

  it('is one of a few for each caller, and frees its place', async () => {
    const { resources } = resourcesWith({ limits: { perPrincipal: 2, total: 3 } });
    const subscribe = (uri: string, principal?: Principal) =>
      resources.subscribe?.(uri, as(principal), () => undefined);
    const watched = await subscribe('cnpg://shop/orders');
    await subscribe('cnpg://shop/invoices');
    await expect(subscribe('cnpg://bank/ledger')).rejects.toMatchObject({ code: 'too_many_requests' });
    await subscribe('cnpg://shop/orders', reader('shop'));
    await expect(subscribe('cnpg://shop/invoices', reader('shop'))).rejects.toMatchObject({
      code: 'too_many_requests',
    });
    watched?.end();
    watched?.end();
    await subscribe('cnpg://bank/ledger');
    await expect(subscribe('cnpg://bank/audit')).rejects.toMatchObject({ code: 'too_many_requests' });
  });
});

describe('changes of the lists', () => {
  it('are told when a cluster comes or goes where the caller may look', async () => {
    const { resources } = resourcesWith({
      times: { reopenSeconds: 300, quietMilliseconds: 10, retryMilliseconds: 10 },
    });
    const told: ListKind[] = [];
    resources.onListChanged?.(as(reader('shop')), ['resources'], (what) => told.push(what));
    await watching(1);
    putCluster(world.simulator, 'elsewhere', 'bank');
    world.setPhase('orders', 'Failing over');
    putCluster(world.simulator, 'returns', 'shop');
    await vi.waitFor(() => expect(told).toEqual(['resources']), 2_000);
    world.simulator.state.remove('clusters', 'shop', 'returns');
    await vi.waitFor(() => expect(told).toEqual(['resources', 'resources']), 2_000);
  });

  it('are told when the cluster begins to serve a kind, to those who listen', async () => {
    let kinds: string[] = [];
    const capabilities = async () => ({
      kubernetesVersion: '1.36',
      cnpgKinds: new Set(kinds),
      databaseRoles: false,
    });
    const { resources } = resourcesWith({
      kube: { capabilities } as unknown as KubeGateway,
      pollMilliseconds: 20,
    });
    const told: ListKind[] = [];
    const watched = resources.onListChanged?.(as(), ['tools'], (what) => told.push(what));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(told).toEqual([]);
    kinds = ['clusters'];
    await vi.waitFor(() => expect(told).toEqual(['tools']), 2_000);
    watched?.end();
    kinds = [];
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(told).toEqual(['tools']);
  });

  it('are not promised to a caller who may see none of them', () => {
    const { resources } = resourcesWith();
    const lists = ['tools', 'resources'] as const;
    const promised = (principal: Principal) =>
      resources.onListChanged?.(as(principal), lists, () => undefined).lists;
    expect(promised({ ...localPrincipal, grants: [] })).toEqual([]);
    expect(promised(reader('shop'))).toEqual(lists);
    const elsewhere = { effect: 'read' as const, toolsets: ['roles'], from: 'token clerk' };
    expect(promised({ ...localPrincipal, grants: [elsewhere] })).toEqual(['tools']);
    expect(world.watchRequests(), 'nothing is asked for nobody').toHaveLength(0);
  });
});

describe('what is watched', () => {
  it.each([
    ['the same rights', 'shop', true],
    ['rights in another namespace', 'bank', false],
    ['no rights', undefined, false],
  ])('may go on with %s', async (_what, namespace, allowed) => {
    const { resources } = resourcesWith();
    const now = namespace === undefined ? { ...localPrincipal, grants: [] } : reader(namespace);
    const cluster = await resources.subscribe?.('cnpg://shop/orders', as(reader('shop')), () => undefined);
    const list = resources.onListChanged?.(as(reader('shop')), ['resources'], () => undefined);
    expect([cluster?.allows(as(now)), list?.allows(as(now))]).toEqual([allowed, allowed]);
  });

  it('everywhere may not go on when the rights are for one namespace only', () => {
    const { resources } = resourcesWith();
    const list = resources.onListChanged?.(as(), ['resources'], () => undefined);
    expect([list?.allows(as()), list?.allows(as(reader('shop')))]).toEqual([true, false]);
  });
});

/** Resolves when so many watches have arrived at the API server. */
async function watching(count: number): Promise<void> {
  await vi.waitFor(() => expect(world.watchRequests().length).toBeGreaterThanOrEqual(count), 5_000);
}
