import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeGateway } from '../gateway.ts';
import { createGateway } from './index.ts';

let body = '';
let server: Server;
let gateway: KubeGateway;
beforeAll(async () => {
  server = createServer((_request, response) => response.end(body));
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await listening;
  const { port } = server.address() as AddressInfo;
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  gateway = createGateway({ kubeconfigText: JSON.stringify(kubeconfig) });
});
afterAll(async () => {
  await gateway.close();
  server.close();
});

const key = { namespace: 'default', name: 'app' };
const question = { verb: 'get', group: '', resource: 'pods', namespace: 'default' };
const asked: Record<string, () => Promise<unknown>> = {
  'its version and kinds': () => gateway.capabilities({ fresh: true }),
  'an identity': () => gateway.whoAmI(),
  rights: () => gateway.mayI([question]),
  'an object': () => gateway.get('databases', key),
  'a list': () => gateway.list('databases', { namespace: 'default', limit: 1 }),
  'a new object': () => gateway.create('databases', { metadata: key }),
  'a watched object': () => gateway.watchUntil('databases', key, () => 'continue'),
};

describe.each(Object.entries(asked))('something that is no API server, asked for %s', (_what, ask) => {
  it.each([
    '',
    '<html>Sign in</html>',
    'null',
    '[]',
    '"text"',
    '{}',
    '{"status":null,"metadata":null,"items":null}',
    '{"status":[],"metadata":[],"items":{},"resources":[null]}',
    '{"status":{"userInfo":[],"allowed":"yes"},"metadata":1,"gitVersion":1}',
  ])('is not taken for one when it answers %j', async (answer) => {
    body = answer;
    await expect(ask()).rejects.toMatchObject({
      code: 'cluster_error',
      hint: expect.stringContaining('address is that of a Kubernetes API server'),
    });
  });
});

it.each(['[null]', '[[]]', '[{}]', '{}'])(
  'a list with the items %s is no list of Kubernetes',
  async (items) => {
    body = `{"metadata":{},"items":${items}}`;
    await expect(gateway.list('databases', { namespace: 'default' })).rejects.toMatchObject({
      code: 'cluster_error',
    });
  },
);
