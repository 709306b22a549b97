import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Simulator, startSimulator } from '../../../../e2e/simulator/index.ts';
import { putCluster } from '../../../test/clusters.ts';
import { createGateway } from '../../kube/client-node/index.ts';
import type { KubeGateway } from '../../kube/gateway.ts';
import { ConfirmationSealer } from '../../policy/confirmation.ts';
import type { Policy } from '../../policy/decide.ts';
import { type Grant, localPrincipal, type Principal } from '../../policy/principal.ts';
import { catalogue } from '../../tools/catalog/index.ts';
import type { AuditRecord } from '../../tools/pipeline.ts';
import { createToolRegistry } from '../../tools/registry.ts';
import { defaultToolSettings } from '../../tools/settings.ts';
import type { ListKind, RequestContext } from '../surface.ts';
import { type ClusterResourceParts, type ClusterResources, clusterResources } from './index.ts';

let simulator: Simulator;
let kube: KubeGateway;
let audits: AuditRecord[];
const opened: ClusterResources[] = [];

beforeEach(async () => {
  simulator = await startSimulator({ operator: false });
  kube = createGateway({ kubeconfigText: simulator.kubeconfig });
  audits = [];
  for (const [namespace, name] of [
    ['shop', 'orders'],
    ['shop', 'invoices'],
    ['bank', 'ledger'],
    ['bank', 'audit'],
    ['bank', 'archive'],
  ] as const) {
    putCluster(simulator, name, namespace, 3);
  }
});
afterEach(async () => {
  for (const { close } of opened.splice(0)) close();
  await kube.close();
  await simulator.close();
});

function resourcesWith(
  parts: Partial<ClusterResourceParts> = {},
  policy: Partial<Policy> = {},
): ClusterResources {
  const rules = { readOnly: false, noDestroy: false, ...policy };
  const registry = createToolRegistry(catalogue, {
    kube,
    settings: defaultToolSettings,
    policy: rules,
    sealer: new ConfirmationSealer(),
    confirmation: 'token',
    audit: (record) => audits.push(record),
  });
  const made = clusterResources({ kube, registry, policy: rules, ...parts });
  opened.push(made);
  return made;
}

const as = (principal: Principal = localPrincipal): RequestContext => ({
  principal,
  canAsk: false,
  requestId: 'r1',
  signal: AbortSignal.timeout(10_000),
});
const reader = (...namespaces: string[]): Principal => {
  const grant: Grant = { effect: 'read', namespaces, from: 'test' };
  return { id: 'reader', displayName: 'reader', kind: 'token', grants: [grant] };
};
const person = (user: string): Principal => ({
  ...localPrincipal,
  id: user,
  impersonate: { user, groups: ['developers'] },
});

/** Changes the status of a cluster, as its operator would. */
function setPhase(name: string, phase: string, namespace = 'shop'): void {
  const object = simulator.state.get('clusters', namespace, name) as { status?: object } & Parameters<
    typeof simulator.state.put
  >[0];
  simulator.state.put({ ...object, status: { ...object.status, phase } });
}

describe('the list of clusters', () => {
  const uris = async (made: ClusterResources, principal?: Principal) =>
    (await made.resources.list(as(principal))).items.map(({ uri }) => uri);

  it('holds every cluster for somebody who may see every namespace', async () => {
    expect((await uris(resourcesWith())).sort()).toEqual([
      'cnpg://bank/archive',
      'cnpg://bank/audit',
      'cnpg://bank/ledger',
      'cnpg://shop/invoices',
      'cnpg://shop/orders',
    ]);
  });

  it('holds what the grants of the caller and the server allow, page by page', async () => {
    const { resources } = resourcesWith({}, { namespaces: ['shop', 'bank', 'other'] });
    const first = await resources.list(as(reader('shop', 'bank', 'elsewhere')));
    expect(first.items.map(({ uri }) => uri)).toEqual([
      'cnpg://bank/archive',
      'cnpg://bank/audit',
      'cnpg://bank/ledger',
    ]);
    const second = await resources.list(as(reader('shop', 'bank', 'elsewhere')), first.nextCursor);
    expect(second.items.map(({ uri }) => uri)).toEqual(['cnpg://shop/invoices', 'cnpg://shop/orders']);
    expect(second.nextCursor).toBeUndefined();
  });

  it('is empty for somebody who may see nothing', async () => {
    expect(await uris(resourcesWith(), reader())).toEqual([]);
    expect(await uris(resourcesWith({}, { namespaces: ['bank'] }), reader('shop'))).toEqual([]);
  });

  it('is that of the default namespace when the API server forbids the list of all', async () => {
    kube = createGateway({ kubeconfigText: simulator.kubeconfig, defaultNamespace: 'shop' });
    simulator.deny({ resource: 'clusters', verb: 'list' });
    simulator.allow({ resource: 'clusters', verb: 'list', namespace: 'shop' });
    expect((await uris(resourcesWith())).sort()).toEqual(['cnpg://shop/invoices', 'cnpg://shop/orders']);
  });

  it('does not go on from a cursor that was made up', async () => {
    const { resources } = resourcesWith();
    await expect(resources.list(as(), 'made up')).rejects.toMatchObject({ code: 'invalid_arguments' });
  });

  it('is in the audit log like a call of the tool', async () => {
    await uris(resourcesWith(), reader('shop'));
    expect(audits).toMatchObject([
      { tool: 'list_postgres_clusters', principal: 'reader', namespace: 'shop' },
    ]);
  });
});

describe('reading a cluster', () => {
  it('gives its status as text and as JSON, as get_cluster_status answers it', async () => {
    const contents = await resourcesWith().resources.read('cnpg://shop/orders', as());
    expect(contents.map(({ uri, mimeType }) => [uri, mimeType])).toEqual([
      ['cnpg://shop/orders', 'text/plain'],
      ['cnpg://shop/orders', 'application/json'],
    ]);
    expect(contents[0]?.text).toContain('orders');
    expect(JSON.parse(contents[1]?.text ?? '')).toMatchObject({
      name: 'orders',
      namespace: 'shop',
      instances: 3,
    });
    expect(audits).toMatchObject([{ tool: 'get_cluster_status', object: 'orders', namespace: 'shop' }]);
  });

  it.each(['cnpg://shop/nothing', 'cnpg://nowhere/orders'])(
    '%s that is not there is not found',
    async (uri) => {
      await expect(resourcesWith().resources.read(uri, as())).rejects.toMatchObject({ code: 'not_found' });
    },
  );

  it.each([
    'cnpg://shop/../bank/ledger',
    'cnpg://shop/..',
    'cnpg://../orders',
    'cnpg://shop/orders/',
    'cnpg://shop/orders/log',
    'cnpg://shop/orders?x=1',
    'cnpg://shop/orders#x',
    'cnpg://shop/orders%2Fx',
    'cnpg://shop/%6frders',
    'cnpg://SHOP/orders',
    'CNPG://shop/orders',
    'cnpg://shop',
    'cnpg:///orders',
    'cnpg://user@shop/orders',
    'cnpg://shop/orders\n',
    ' cnpg://shop/orders',
    'cnpg://shop/ordеrs',
    `cnpg://shop/${'x'.repeat(51)}`,
    'https://shop/orders',
    '',
  ])('%j is no resource, and nothing is asked of the cluster', async (uri) => {
    simulator.clearRequests();
    await expect(resourcesWith().resources.read(uri, as())).rejects.toMatchObject({ code: 'not_found' });
    expect(simulator.requests).toEqual([]);
    expect(audits).toEqual([]);
  });

  it('is refused where the caller may not look', async () => {
    const { resources } = resourcesWith();
    await expect(resources.read('cnpg://bank/ledger', as(reader('shop')))).rejects.toMatchObject({
      code: 'policy_denied',
    });
  });

  it('says which right is missing where the API server forbids it', async () => {
    simulator.deny({ user: 'eve', resource: 'clusters' });
    const { resources } = resourcesWith();
    await expect(resources.read('cnpg://shop/orders', as(person('eve')))).rejects.toMatchObject({
      code: 'forbidden',
      missingRight: { verb: 'get', resource: 'clusters', namespace: 'shop' },
    });
  });
});

describe('completion', () => {
  const template = { type: 'ref/resource', uri: 'cnpg://{namespace}/{cluster}' } as const;
  const complete = (name: string, value: string, given: Record<string, string> = {}, principal?: Principal) =>
    resourcesWith().complete(template, { name, value }, given, as(principal));

  it('knows namespaces and clusters by their beginning', async () => {
    expect(await complete('namespace', '')).toMatchObject({
      values: ['bank', 'shop'],
      total: 2,
      hasMore: false,
    });
    expect((await complete('namespace', 's')).values).toEqual(['shop']);
    expect((await complete('cluster', 'a', { namespace: 'bank' })).values).toEqual(['archive', 'audit']);
    expect((await complete('cluster', '')).values).toEqual([
      'archive',
      'audit',
      'invoices',
      'ledger',
      'orders',
    ]);
  });

  it('knows only what the caller may see', async () => {
    expect((await complete('namespace', '', {}, reader('shop'))).values).toEqual(['shop']);
    expect((await complete('cluster', '', {}, reader('shop'))).values).toEqual(['invoices', 'orders']);
    expect((await complete('cluster', '', { namespace: 'bank' }, reader('shop'))).values).toEqual([]);
  });

  it('remembers for each caller on its own', async () => {
    const { complete: shared } = resourcesWith();
    const ask = (principal?: Principal) =>
      shared(template, { name: 'namespace', value: '' }, {}, as(principal));
    expect((await ask()).values).toEqual(['bank', 'shop']);
    expect((await ask(reader('shop'))).values).toEqual(['shop']);
    expect((await ask()).values).toEqual(['bank', 'shop']);
    expect(audits).toHaveLength(2);
  });

  it('has nothing to say of anything else', async () => {
    expect(await complete('password', '')).toEqual({ values: [] });
    const { complete: shared } = resourcesWith();
    const prompt = { type: 'ref/prompt', name: 'cluster' } as const;
    expect(await shared(prompt, { name: 'namespace', value: '' }, {}, as())).toEqual({ values: [] });
  });

  it('is empty, not an error, when the cluster cannot be reached', async () => {
    await simulator.faults.down();
    expect((await complete('namespace', '')).values).toEqual([]);
  });
});

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
    setPhase('orders', 'Failing over');
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
      setPhase('orders', `Step ${step}`);
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
    simulator.state.remove('clusters', 'shop', 'orders');
    await vi.waitFor(() => expect(times).toHaveLength(1), 2_000);
    putCluster(simulator, 'orders', 'shop');
    await vi.waitFor(() => expect(times).toHaveLength(2), 2_000);
  });

  it('shares one watch between all who are the same for the API server, and ends it with the last', async () => {
    const { resources } = resourcesWith();
    const subscribe = async (principal: Principal) => {
      const seen = changes();
      return { ...seen, end: await resources.subscribe?.('cnpg://shop/orders', as(principal), seen.changed) };
    };
    const first = await subscribe(localPrincipal);
    const second = await subscribe({ ...localPrincipal, id: 'another token' });
    const third = await subscribe(person('anna'));
    await watching(2);
    setPhase('orders', 'Switchover in progress');
    await vi.waitFor(() => {
      for (const { times } of [first, second, third]) expect(times).toHaveLength(1);
    }, 2_000);
    expect(watchRequests()).toHaveLength(2);
    for (const { end } of [first, second, third]) end?.();
    setPhase('orders', 'Cluster in healthy state');
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const { times } of [first, second, third]) expect(times).toHaveLength(1);
  });

  it('is refused for a cluster that the caller may not read', async () => {
    const { resources } = resourcesWith();
    simulator.deny({ user: 'eve', resource: 'clusters' });
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
    simulator.deny({ user: 'anna', resource: 'clusters' });
    await vi.waitFor(() => expect(times).toHaveLength(1), 4_000);
    setPhase('orders', 'Secret phase');
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
    await simulator.faults.down();
    setPhase('orders', 'Failing over');
    await simulator.faults.up();
    await vi.waitFor(() => expect(times).toHaveLength(1), 10_000);
  });

  it('is one of a few for each caller, and frees its place', async () => {
    const { resources } = resourcesWith({ limits: { perPrincipal: 2, total: 3 } });
    const subscribe = (uri: string, principal?: Principal) =>
      resources.subscribe?.(uri, as(principal), () => undefined);
    const end = await subscribe('cnpg://shop/orders');
    await subscribe('cnpg://shop/invoices');
    await expect(subscribe('cnpg://bank/ledger')).rejects.toMatchObject({ code: 'too_many_requests' });
    await subscribe('cnpg://shop/orders', reader('shop'));
    await expect(subscribe('cnpg://shop/invoices', reader('shop'))).rejects.toMatchObject({
      code: 'too_many_requests',
    });
    end?.();
    end?.();
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
    putCluster(simulator, 'elsewhere', 'bank');
    setPhase('orders', 'Failing over');
    putCluster(simulator, 'returns', 'shop');
    await vi.waitFor(() => expect(told).toEqual(['resources']), 2_000);
    simulator.state.remove('clusters', 'shop', 'returns');
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
    const end = resources.onListChanged?.(as(), ['tools'], (what) => told.push(what));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(told).toEqual([]);
    kinds = ['clusters'];
    await vi.waitFor(() => expect(told).toEqual(['tools']), 2_000);
    end?.();
    kinds = [];
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(told).toEqual(['tools']);
  });
});

/** The watches on clusters that the API server has seen. */
function watchRequests() {
  return simulator.requests.filter(({ verb, resource }) => verb === 'watch' && resource === 'clusters');
}

/** Resolves when so many of them have arrived. */
async function watching(count: number): Promise<void> {
  await vi.waitFor(() => expect(watchRequests().length).toBeGreaterThanOrEqual(count), 5_000);
}
