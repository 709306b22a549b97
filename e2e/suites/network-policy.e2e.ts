/**
 * The chart's NetworkPolicy, by packets: what the server's pod can reach and who can reach it, where policies are enforced. On the
 * local provider, which only stores them, by rules of this project (e2e/network-policy); with kind by its own network plugin.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { selfSigned } from '../../server/test/certificate.ts';
import { type FakeIdp, startFakeIdp } from '../../server/test/fake-idp.ts';
import { type Helm, installedHelm } from '../chart/helm.ts';
import { type ImageValues, imageOnCluster } from '../image/load.ts';
import {
  apply,
  clusterManifest,
  deleteNamespace,
  getObject,
  kubectl,
  makeNamespace,
  until,
} from './support/kubernetes.ts';
import {
  connections,
  type Enforcer,
  enforceNetworkPolicies,
  nameServer,
  nodePod,
  type Outcome,
  request,
} from './support/network-policy.ts';
import { deploy, type Endpoint, endpointOf, release, rpc, valuesFor } from './support/release.ts';

let image: ImageValues;
let helm: Helm;
/** The release; another namespace; and a release whose callers sign in, with their identity provider. */
let [tools, elsewhere, office] = ['', '', ''];
let enforcer: Enforcer;

beforeAll(async () => {
  image = await imageOnCluster(inject('cluster'));
  helm = await installedHelm(inject('cluster'));
  [tools, elsewhere, office] = (await Promise.all(
    ['t-policy', 't-elsewhere', 't-office'].map(makeNamespace),
  )) as [string, string, string];
  enforcer = await enforceNetworkPolicies([tools, office]);
  await apply(
    clusterManifest(tools, 'orders'),
    nodePod(tools, 'neighbour', image),
    nodePod(elsewhere, 'stranger', image),
    nodePod(elsewhere, 'friend', image),
  );
});
afterAll(async () => {
  await Promise.all([tools, elsewhere, office].filter(Boolean).map(deleteNamespace));
  await enforcer?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: whatever Kubernetes answers, for assertions
type Pod = any;

/** The one pod of the server. */
async function serverPod(namespace: string): Promise<Pod> {
  const selector = 'app.kubernetes.io/component=server';
  const { items } = JSON.parse(await kubectl('get', 'pods', '-n', namespace, '-l', selector, '-o', 'json'));
  const [only] = items.filter(({ metadata }: Pod) => metadata.deletionTimestamp === undefined);
  return only;
}

/** Installs or upgrades with a policy; `values` is a tree, given as JSON. */
async function policed(namespace: string, values: object, ...args: string[]): Promise<void> {
  const { networkPolicy = {}, ...rest } = values as { networkPolicy?: object };
  const all = { ...rest, networkPolicy: { enabled: true, ...networkPolicy } };
  const json = Object.entries(all).flatMap(([key, value]) => [
    '--set-json',
    `${key}=${JSON.stringify(value)}`,
  ]);
  await deploy(helm, namespace, ...valuesFor(image), ...json, ...args);
  await enforcer.settled();
}

/** `helm test`, and what it prints, log included. */
async function helmTest(namespace: string): Promise<{ passed: boolean; log: string }> {
  const args = ['test', release, '--namespace', namespace, '--logs', '--timeout', '90s'];
  return helm.run(...args).then(
    (log) => ({ passed: true, log }),
    ({ stdout, stderr }) => ({ passed: false, log: `${stdout}${stderr}` }),
  );
}

/**
 * Has `helm test` fail, with this in its log. Its pod is new, and could be quicker than those who enforce what it may not do; then
 * there is another test.
 */
async function expectFailedHelmTest(namespace: string, told: RegExp): Promise<void> {
  const result = expect.poll(() => helmTest(namespace), { timeout: 120_000 });
  await result.toEqual({ passed: false, log: expect.stringMatching(told) });
}

/** Waits until connections out of a pod come out so: where the cluster enforces by itself, nobody says when it has taken notice. */
async function expectConnections<Name extends string>(
  [namespace, pod]: [string, string],
  targets: Record<Name, string>,
  expected: Record<Name, Outcome>,
): Promise<void> {
  await expect
    .poll(() => connections(namespace, pod, targets), { timeout: 60_000, interval: 500 })
    .toEqual(expected);
}

/** Where the API server listens, found as docs/install.md says. */
async function apiServer(): Promise<{ address: string; port: number }> {
  const slices = await kubectl(
    ...['get', 'endpointslices', '--namespace', 'default', '-l', 'kubernetes.io/service-name=kubernetes'],
    ...['-o', 'json'],
  );
  const [{ endpoints, ports }] = JSON.parse(slices).items;
  return { address: endpoints[0].addresses[0], port: ports[0].port };
}

/** Address of the pod with a label, as soon as it has one. */
const addressOf = (label: string, namespace: string): Promise<string> =>
  until(`a pod with ${label} has an address`, 120, async () => {
    const path = 'jsonpath={.items[0].status.podIP}';
    return (await kubectl('get', 'pods', '-n', namespace, '-l', label, '-o', path)) || undefined;
  });

describe('a release with a network policy and no other value of it', () => {
  let endpoint: Endpoint;
  beforeAll(async () => {
    await policed(tools, { rbac: { preset: 'edit' } });
    endpoint = await endpointOf(tools);
  });

  it('passes helm test', async () => {
    expect(await helmTest(tools)).toMatchObject({
      passed: true,
      log: expect.stringContaining('"ready":true'),
    });
  });

  it('answers through its Service, what there is and what a dry run finds', async () => {
    const call = (name: string, args: object) => rpc(endpoint, 'tools/call', { name, arguments: args });
    const { structuredContent: listed } = await call('list_postgres_clusters', {});
    expect(listed.clusters).toMatchObject([{ name: 'orders' }]);
    const created = await call('create_postgres_cluster', { name: 'second', instances: 1, dry_run: true });
    expect(created.isError, JSON.stringify(created.content)).not.toBe(true);
  });

  it('lets everybody in, to the server and to its metrics', async () => {
    const { podIP } = (await serverPod(tools)).status;
    const targets = { mcp: `${podIP}:3000`, metrics: `${podIP}:9464`, service: `${release}.${tools}.svc:80` };
    const open = { mcp: 'open', metrics: 'open', service: 'open' };
    await expectConnections([tools, 'neighbour'], targets, open);
    await expectConnections([elsewhere, 'stranger'], targets, open);
    const { status, body } = await request(elsewhere, 'stranger', `http://${podIP}:9464/metrics`);
    expect({ status, body }).toEqual({ status: 200, body: expect.stringContaining('cnpg_mcp_build_info') });
  });

  it('lets out to DNS and the API server, and to nothing else that another pod reaches', async () => {
    const { metadata, status } = await serverPod(tools);
    const postgres = await addressOf('cnpg.io/podRole=instance', tools);
    const operator = await addressOf('app.kubernetes.io/name=cloudnative-pg', 'cnpg-system');
    const { address, port } = await apiServer();
    const wanted = {
      // That there is an address to connect to was asked over UDP.
      'the API server by name': 'kubernetes.default.svc:443',
      'the API server itself': `${address}:${port}`,
      'DNS over TCP': `${await nameServer(tools, 'neighbour')}:53`,
    };
    const others = {
      'the Service of PostgreSQL': `orders-rw.${tools}.svc:5432`,
      PostgreSQL: `${postgres}:5432`,
      'its instance manager': `${postgres}:8000`,
      'metrics of PostgreSQL': `${postgres}:9187`,
      'metrics of the operator': `${operator}:8080`,
      'the kubelet': `${status.hostIP}:10250`,
    };
    const all = { ...wanted, ...others };
    const outcomes = (targets: object, outcome: Outcome) =>
      Object.fromEntries(Object.keys(targets).map((name) => [name, outcome]));
    await expectConnections([tools, 'neighbour'], all, outcomes(all, 'open'));
    await expectConnections([tools, metadata.name], all, {
      ...outcomes(wanted, 'open'),
      ...outcomes(others, 'timeout'),
    });
  });

  it('lets in whom ingressFrom and metricsFrom name, each to its port, and nobody else', async () => {
    const from = (app: string): object => ({
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': elsewhere } },
      podSelector: { matchLabels: { app } },
    });
    const { podIP } = (await serverPod(tools)).status;
    await policed(tools, {
      rbac: { preset: 'edit' },
      networkPolicy: { ingressFrom: [from('friend')], metricsFrom: [from('stranger')] },
    });
    const targets = { mcp: `${podIP}:3000`, metrics: `${podIP}:9464`, service: `${release}.${tools}.svc:80` };
    const only = (...names: string[]): Record<keyof typeof targets, Outcome> => {
      const outcome = (name: string): Outcome => (names.includes(name) ? 'open' : 'timeout');
      return { mcp: outcome('mcp'), metrics: outcome('metrics'), service: outcome('service') };
    };
    await Promise.all([
      expectConnections([elsewhere, 'friend'], targets, only('mcp', 'service')),
      expectConnections([elsewhere, 'stranger'], targets, only('metrics')),
      expectConnections([tools, 'neighbour'], targets, only()),
    ]);
    expect(await helmTest(tools)).toMatchObject({ passed: true });
  });

  it('stays ready and is never restarted: probes come from the node', async () => {
    const { status } = await serverPod(tools);
    expect(status.containerStatuses).toMatchObject([{ ready: true, restartCount: 0 }]);
    const ready = status.conditions.filter(({ type }: Pod) => type === 'Ready');
    expect(ready).toMatchObject([{ status: 'True' }]);
  });

  it('passes helm test with the address and the port that the API server is found at', async () => {
    const { address, port } = await apiServer();
    await policed(tools, {
      rbac: { preset: 'edit' },
      networkPolicy: { apiServer: { cidrs: [`${address}/32`], ports: [port] } },
    });
    expect(await helmTest(tools)).toMatchObject({ passed: true });
  });

  it('fails helm test with the address of its Service instead, and is told what to name', async () => {
    const { spec } = await getObject('service', 'kubernetes', 'default');
    await policed(tools, {
      rbac: { preset: 'edit' },
      test: { timeoutSeconds: 30 },
      networkPolicy: { apiServer: { cidrs: [`${spec.clusterIP}/32`], ports: [443] } },
    });
    await expectFailedHelmTest(
      tools,
      /FAIL +api-reachable: .* cannot be reached: .* Remedy: .*networkPolicy\.apiServer/,
    );
  });
});

describe('a release whose callers sign in at an identity provider in the cluster', () => {
  const audience = 'https://mcp.example.com/mcp';
  let idp: FakeIdp;
  let issuer: string;
  let values: object;
  beforeAll(async () => {
    // It signs the tokens here; the pod publishes its key under the name that the cluster knows it by.
    idp = await startFakeIdp(audience);
    const host = `idp.${office}.svc`;
    issuer = `https://${host}:8443`;
    const { certificate, key } = selfSigned('idp', undefined, host);
    const documents = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
      '/keys': { keys: [idp.publicKey()] },
    };
    const program = `
      const { readFileSync } = require('node:fs');
      const file = (name) => readFileSync('/files/' + name);
      const documents = JSON.parse(file('documents'));
      require('node:https').createServer({ cert: file('certificate'), key: file('key') }, ({ url }, answer) => {
        answer.writeHead(documents[url] ? 200 : 404, { 'content-type': 'application/json' });
        answer.end(JSON.stringify(documents[url]));
      }).listen(8443);`;
    const stringData = { certificate, key, documents: JSON.stringify(documents) };
    await apply(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'idp', namespace: office }, stringData },
      nodePod(office, 'idp', image, { program, files: 'idp' }),
      nodePod(office, 'neighbour', image),
    );
    await kubectl('wait', '--for=condition=Ready', 'pod/idp', 'pod/neighbour', '-n', office, '--timeout=60s');
    values = {
      auth: { mode: 'config' },
      config: { publicUrl: audience, auth: { issuer, audiences: [audience], caFile: '/idp/certificate' } },
      extraVolumes: [
        { name: 'idp', secret: { secretName: 'idp', items: [{ key: 'certificate', path: 'certificate' }] } },
      ],
      extraVolumeMounts: [{ name: 'idp', mountPath: '/idp', readOnly: true }],
    };
  });
  afterAll(() => idp?.close());

  /** What the pod of the server answers to somebody with a good token. */
  async function list(): Promise<{ status: number; body: string }> {
    const { podIP } = (await serverPod(office)).status;
    return request(office, 'neighbour', `http://${podIP}:3000/mcp`, {
      method: 'POST',
      headers: {
        host: `${release}.${office}.svc`,
        authorization: `Bearer ${await idp.token({ iss: issuer })}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'list_postgres_clusters', arguments: {} },
      }),
    });
  }

  it('lets nobody in while its policy does not name the provider; answer, log and helm test say why', async () => {
    // Its pod cannot become ready.
    await policed(office, values, '--wait=hookOnly');
    // Not before it is isolated, or it could be quicker than those who isolate it.
    await apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'idp', namespace: office },
      spec: { selector: { app: 'idp' }, ports: [{ port: 8443 }] },
    });
    const reason = `The identity provider ${issuer} cannot be used`;
    await until('the server has tried', 60, async () =>
      (await kubectl('logs', '-n', office, `deployment/${release}`)).includes(reason),
    );
    expect(await list()).toMatchObject({
      status: 503,
      body: expect.stringContaining('identity provider cannot be'),
    });
    await expectFailedHelmTest(
      office,
      /FAIL +sign-in: .*cannot be used.* Remedy: .*networkPolicy\.identityProvider/,
    );
  });

  it('lets them in as soon as it does', async () => {
    const cidrs = [`${await addressOf('app=idp', office)}/32`];
    const networkPolicy = { identityProvider: { enabled: true, cidrs, ports: [8443] } };
    await policed(office, { ...values, networkPolicy });
    expect(await list()).toMatchObject({ status: 200, body: expect.stringContaining('clusters') });
    expect(await helmTest(office)).toMatchObject({ passed: true });
  });
});
