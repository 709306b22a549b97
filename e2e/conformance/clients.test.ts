/** The official clients against the product, on a simulated cluster: what they see is what a person's assistant sees. */
import {
  Client,
  StreamableHTTPClientTransport,
  type VersionNegotiationOptions,
} from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { putCluster } from '../../server/test/clusters.ts';
import { type ProductServer, productServer } from './product.ts';

let server: ProductServer;
beforeAll(async () => {
  server = await productServer();
});
afterAll(() => server.close());

/** A person's answer to a form. */
type Answer = { action: 'accept'; content: { name: string } } | { action: 'decline' | 'cancel' };

async function connect(
  mode: NonNullable<VersionNegotiationOptions['mode']>,
  answer?: (message: string) => Answer,
): Promise<Client> {
  const capabilities = answer ? { elicitation: { form: {} } } : {};
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { capabilities, versionNegotiation: { mode } },
  );
  if (answer) {
    client.setRequestHandler('elicitation/create', async ({ params }) => answer(params.message));
  }
  await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
  return client;
}

const pinned = { pin: '2026-07-28' };
const typed = (name: string) => (): Answer => ({ action: 'accept', content: { name } });
const clusterExists = (name: string) => server.simulator.state.get('clusters', 'default', name) !== undefined;
const remove = (client: Client, name: string, more: Record<string, unknown> = {}) =>
  client.callTool({ name: 'delete_postgres_cluster', arguments: { name, namespace: 'default', ...more } });

describe.each<[string, NonNullable<VersionNegotiationOptions['mode']>, string]>([
  ['pinned to 2026-07-28', pinned, '2026-07-28'],
  ['in auto mode', 'auto', '2026-07-28'],
  ['in legacy mode', 'legacy', '2025-11-25'],
])('the v2 client %s', (_what, mode, revision) => {
  it('lists, calls, fails and reads', async () => {
    putCluster(server.simulator, 'orders', 'default', 3);
    const client = await connect(mode);
    expect(client.getNegotiatedProtocolVersion()).toBe(revision);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain('get_cluster_status');
    const call = (name: string) =>
      client.callTool({ name: 'get_cluster_status', arguments: { name, namespace: 'default' } });
    expect(await call('orders')).toMatchObject({ structuredContent: { name: 'orders', instances: 3 } });
    expect(await call('nothing')).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'not_found' } },
    });
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toContain('cnpg://default/orders');
    const { contents } = await client.readResource({ uri: 'cnpg://default/orders' });
    expect(contents).toHaveLength(2);
    await expect(client.readResource({ uri: 'cnpg://default/nothing' })).rejects.toThrow(/nothing/);
    const { completion } = await client.complete({
      ref: { type: 'ref/resource', uri: 'cnpg://{namespace}/{cluster}' },
      argument: { name: 'cluster', value: 'ord' },
      context: { arguments: { namespace: 'default' } },
    });
    expect(completion.values).toEqual(['orders']);
    await client.close();
  });

  it('deletes with a second call when it cannot ask its user', async () => {
    putCluster(server.simulator, 'doomed', 'default');
    const client = await connect(mode);
    const first = await remove(client, 'doomed');
    const { confirmation } = first.structuredContent as {
      confirmation: { confirm_name: string; confirm_token: string };
    };
    expect(clusterExists('doomed')).toBe(true);
    const { confirm_name, confirm_token } = confirmation;
    await remove(client, 'doomed', { confirm_deletion: true, confirm_name, confirm_token });
    await vi.waitFor(() => expect(clusterExists('doomed')).toBe(false), 5_000);
    await client.close();
  });
});

describe('the v2 client that can ask its user', () => {
  it('shows what will be lost, and deletes when the name was typed', async () => {
    putCluster(server.simulator, 'doomed', 'default');
    const asked = vi.fn(typed('doomed'));
    const client = await connect(pinned, asked);
    const result = await remove(client, 'doomed');
    expect(result.isError).not.toBe(true);
    expect(asked).toHaveBeenCalledOnce();
    expect(asked.mock.calls[0]).toEqual([expect.stringContaining('doomed')]);
    await vi.waitFor(() => expect(clusterExists('doomed')).toBe(false), 5_000);
    await client.close();
  });

  it.each<[string, () => Answer]>([
    ['another name is typed', typed('orders')],
    ['the person declines', () => ({ action: 'decline' })],
    ['the question is closed', () => ({ action: 'cancel' })],
  ])('changes nothing when %s', async (_what, answer) => {
    putCluster(server.simulator, 'kept', 'default');
    const client = await connect(pinned, answer);
    const result = await remove(client, 'kept');
    expect(result.isError).toBe(true);
    expect(JSON.stringify(result.content)).toContain('Nothing was changed');
    expect(clusterExists('kept')).toBe(true);
    await client.close();
  });

  it('hears of a change of a cluster within two seconds', async () => {
    putCluster(server.simulator, 'watched', 'default');
    const client = await connect(pinned, typed(''));
    const updated = vi.fn();
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => updated(params.uri));
    const subscription = await client.listen({ resourceSubscriptions: ['cnpg://default/watched'] });
    await vi.waitFor(() => {
      const watches = server.simulator.requests.filter(
        ({ verb, name }) => verb === 'watch' && name === 'watched',
      );
      expect(watches).not.toEqual([]);
    }, 5_000);
    putCluster(server.simulator, 'watched', 'default', 1, ({ status }) => {
      if (status) status.phase = 'Failing over';
    });
    await vi.waitFor(() => expect(updated).toHaveBeenCalledWith('cnpg://default/watched'), 2_000);
    await subscription.close();
    await client.close();
  });
});

describe('many callers at once', () => {
  it('get their own answers, in both generations', async () => {
    const clients = await Promise.all([
      connect(pinned),
      connect('legacy'),
      connect('auto'),
      connect('legacy'),
    ]);
    const names = Array.from({ length: 20 }, (_, index) => `many-${index}`);
    for (const name of names) putCluster(server.simulator, name, 'default');
    const calls = names.flatMap((name) =>
      clients.map(async (client) => {
        const result = await client.callTool({
          name: 'get_cluster_status',
          arguments: { name, namespace: 'default' },
        });
        return (result.structuredContent as { name: string }).name === name;
      }),
    );
    expect((await Promise.all(calls)).every(Boolean)).toBe(true);
    await Promise.all(clients.map((client) => client.close()));
  });
});
