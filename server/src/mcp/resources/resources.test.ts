import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { as, person, type ResourceWorld, reader, startResourceWorld } from '../../../test/resource-world.ts';
import type { Principal } from '../../policy/principal.ts';
import type { ClusterResources } from './index.ts';

let world: ResourceWorld;
beforeEach(async () => {
  world = await startResourceWorld();
});
afterEach(() => world.close());
const resourcesWith: ResourceWorld['resourcesWith'] = (...args) => world.resourcesWith(...args);

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
    await world.close();
    world = await startResourceWorld('shop');
    world.simulator.deny({ resource: 'clusters', verb: 'list' });
    world.simulator.allow({ resource: 'clusters', verb: 'list', namespace: 'shop' });
    expect((await uris(resourcesWith())).sort()).toEqual(['cnpg://shop/invoices', 'cnpg://shop/orders']);
  });

  it('does not go on from a cursor that was made up', async () => {
    const { resources } = resourcesWith();
    await expect(resources.list(as(), 'made up')).rejects.toMatchObject({ code: 'invalid_arguments' });
  });

  it('is in the audit log like a call of the tool', async () => {
    await uris(resourcesWith(), reader('shop'));
    expect(world.audits).toMatchObject([
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
    expect(world.audits).toMatchObject([{ tool: 'get_cluster_status', object: 'orders', namespace: 'shop' }]);
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
    world.simulator.clearRequests();
    await expect(resourcesWith().resources.read(uri, as())).rejects.toMatchObject({ code: 'not_found' });
    expect(world.simulator.requests).toEqual([]);
    expect(world.audits).toEqual([]);
  });

  it('is refused where the caller may not look', async () => {
    const { resources } = resourcesWith();
    await expect(resources.read('cnpg://bank/ledger', as(reader('shop')))).rejects.toMatchObject({
      code: 'policy_denied',
    });
  });

  it('says which right is missing where the API server forbids it', async () => {
    world.simulator.deny({ user: 'eve', resource: 'clusters' });
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
    expect(world.audits).toHaveLength(2);
  });

  it('has nothing to say of anything else', async () => {
    expect(await complete('password', '')).toEqual({ values: [] });
    const { complete: shared } = resourcesWith();
    const prompt = { type: 'ref/prompt', name: 'cluster' } as const;
    expect(await shared(prompt, { name: 'namespace', value: '' }, {}, as())).toEqual({ values: [] });
  });

  it('is empty, not an error, when the cluster cannot be reached', async () => {
    await world.simulator.faults.down();
    expect((await complete('namespace', '')).values).toEqual([]);
  });
});
