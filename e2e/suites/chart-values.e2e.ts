/** Values that the chart refuses: before anything is installed, by both majors of Helm, and in words that say which value to change. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownSettings } from '../../server/scripts/chart/own-settings.ts';
import { defaults, mayBeMissing, paths } from '../chart/files.ts';
import { type Helm, helms, manifests, template } from '../chart/helm.ts';

let both: Helm[];
let folder: string;
beforeAll(async () => {
  both = await helms(inject('cluster'));
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-values-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function valuesFile(values: object): Promise<string> {
  const path = join(folder, `${Math.random()}.yaml`);
  // JSON: what YAML 1.2 writes without quotes, the YAML 1.1 of Helm may read as a boolean.
  await writeFile(path, JSON.stringify(values));
  return path;
}

const wrong: [string, object, string][] = [
  ['a misspelt value', { replicaCount: 2 }, "'replicaCount' not allowed"],
  ['a misspelt setting of the server', { config: { readonly: true } }, "'readonly' not allowed"],
  [
    'a preset that does not exist',
    { rbac: { preset: 'admin' } },
    "'/rbac/preset': value must be one of 'view', 'operate', 'edit'",
  ],
  [
    'an acknowledgement without a value',
    { rbac: { preset: 'edit', clusterWide: true, acknowledgeClusterWideWrites: null } },
    "'/rbac': missing property 'acknowledgeClusterWideWrites'",
  ],
  [
    'the other acknowledgement without a value',
    { auth: { mode: 'none', acknowledgeAnonymous: null } },
    "'/auth': missing property 'acknowledgeAnonymous'",
  ],
  [
    'connections to the API server at no port',
    { networkPolicy: { enabled: true, apiServer: { ports: null } } },
    "'/networkPolicy/apiServer': missing property 'ports'",
  ],
  [
    'a setting of the server without a value',
    { config: { auth: null } },
    "'/config/auth': got null, want object",
  ],
  [
    'more missing pods than a number can be',
    { podDisruptionBudget: { maxUnavailable: Number.MAX_SAFE_INTEGER } },
    "'/podDisruptionBudget/maxUnavailable'",
  ],
  [
    'a variable that is no text',
    { extraEnv: [{ name: 'A', value: 1 }] },
    "'/extraEnv/0/value': got number, want string",
  ],
  ['a digest that is none', { image: { digest: 'latest' } }, "'/image/digest'"],
  ['a port as text', { service: { port: 'http' } }, "'/service/port': got string, want integer"],
  [
    'a secret in the configuration',
    { config: { confirmationKey: 'x'.repeat(40) } },
    "'confirmationKey' not allowed",
  ],
  [
    'a number where the server wants another',
    { config: { maxInstances: 0 } },
    "'/config/maxInstances': minimum",
  ],
  ['an address that is none', { config: { publicUrl: 'mcp.example.com' } }, "'/config/publicUrl'"],
  ['a proxy that is no address', { config: { trustProxy: ['proxy'] } }, "'/config/trustProxy/0'"],
  ['a host with a scheme', { config: { allowedHosts: ['https://a'] } }, "'/config/allowedHosts/0'"],
  ['an image that cannot be pulled', { image: { repository: 'Foo/Bar' } }, "'/image/repository'"],
  ['a quantity that is none', { resources: { limits: { memory: 'abc' } } }, "'/resources/limits/memory'"],
  ['more than all pods', { podDisruptionBudget: { maxUnavailable: '200%' } }, 'maxUnavailable'],
  ['a host with an empty part', { ingress: { hosts: ['a..b'] } }, "'/ingress/hosts/0'"],
  ['a gateway without a name', { httpRoute: { parentRefs: [{ port: 80 }] } }, "missing property 'name'"],
  ['a way of rollout that is none', { strategy: { type: 'Rolling' } }, "'/strategy/type'"],
  ...['10.0.0.1', '10.0.0.1/33', '999.0.0.1/8', 'fd00::/129', 'a/8'].map((cidr): [string, object, string] => [
    `a range that is none: ${cidr}`,
    { networkPolicy: { apiServer: { cidrs: [cidr] } } },
    "'/networkPolicy/apiServer/cidrs/0'",
  ]),
  ['a namespace that cannot be one', { rbac: { namespaces: ['Shop'] } }, "'/rbac/namespaces/0'"],
];

describe('the schema', () => {
  it.each(wrong)('refuses %s, and names the place', async (_, values, message) => {
    const file = await valuesFile(values);
    for (const helm of both) await expect(template(helm, 'shop', '-f', file)).rejects.toThrow(message);
  });

  it('refuses every key without a value, unless nothing is lost without it', async () => {
    const wrongly: string[] = [];
    for (const helm of both) {
      for (const path of paths(defaults)) {
        const key = path.join('.');
        const message = await template(helm, 'shop', '--set', `${key}=null`).then(
          () => 'taken',
          (thrown: Error) => thrown.message,
        );
        const expected = mayBeMissing(path) ? 'taken' : `missing property '${path.at(-1)}'`;
        if (!message.includes(expected)) wrongly.push(`${helm.name} ${key}: ${message}`);
      }
    }
    expect(wrongly).toEqual([]);
  }, 120_000);
});

const events = { audit: { events: true } };
const issuer = 'https://login.example.com';
const [edit, unnamed] = [{ preset: 'edit' }, { create: false }];

/** A sentence for each of these must name what is to be changed. */
const impossible: [string, object, string][] = [
  [
    'writing in the whole cluster without an acknowledgement',
    { rbac: { preset: 'edit', clusterWide: true } },
    'rbac.clusterWide with rbac.preset edit lets the server change what is in every namespace',
  ],
  [
    'cluster roles of one’s own in the whole cluster without an acknowledgement',
    { rbac: { clusterWide: true, existingClusterRoles: ['cluster-admin'] } },
    'or say that it is meant: rbac.acknowledgeClusterWideWrites.',
  ],
  [
    'namespaces together with the whole cluster',
    { rbac: { clusterWide: true, namespaces: ['a'] } },
    'rbac.namespaces and rbac.clusterWide exclude each other: leave one out.',
  ],
  [
    'Secrets for a preset that touches none',
    { rbac: { addOns: { secrets: ['a'] } } },
    'rbac.addOns.secrets is of use with rbac.preset edit only',
  ],
  [
    'groups to act for without a user',
    { rbac: { impersonation: { groups: ['a'] } } },
    'rbac.impersonation.groups needs rbac.impersonation.users',
  ],
  [
    'nobody signing in, without an acknowledgement',
    { auth: { mode: 'none' } },
    'or say that it is meant: auth.acknowledgeAnonymous.',
  ],
  [
    'tokens where none are asked for',
    { auth: { mode: 'none', acknowledgeAnonymous: true, existingSecret: 'tokens' } },
    'auth.existingSecret holds tokens, which are of no use with auth.mode none',
  ],
  ['an Ingress for no host', { ingress: { enabled: true } }, 'ingress.enabled needs ingress.hosts'],
  [
    'a route without a gateway',
    { httpRoute: { enabled: true } },
    'httpRoute.enabled needs httpRoute.parentRefs',
  ],
  [
    'an Ingress for names that nobody lists',
    { ingress: { enabled: true, hosts: ['*.example.com'] } },
    '*.example.com stands for many names, and the server answers only to those that it knows',
  ],
  [
    'a route for whatever names its gateway has',
    { httpRoute: { enabled: true, parentRefs: [{ name: 'a' }] } },
    'httpRoute.enabled without httpRoute.hostnames: the server answers only to names that it knows',
  ],
  [
    'a route for names that nobody lists',
    { httpRoute: { enabled: true, parentRefs: [{ name: 'a' }], hostnames: ['a.example', '*.b.example'] } },
    '*.b.example stands for many names',
  ],
  ...[0, '0%'].map((maxSurge): [string, object, string] => [
    `a rollout that can neither add a pod (${maxSurge}) nor take one away`,
    { strategy: { rollingUpdate: { maxSurge } } },
    'strategy.rollingUpdate: maxSurge and maxUnavailable must not both be 0',
  ]),
  [
    'a port of the node for a Service inside',
    { service: { nodePort: 30_000 } },
    'service.nodePort is of use with service.type NodePort or LoadBalancer only',
  ],
  [
    'scaling by nothing',
    { autoscaling: { enabled: true, targetCPUUtilizationPercentage: null } },
    'autoscaling.enabled needs something to aim at',
  ],
  [
    'scaling by a part of nothing',
    {
      autoscaling: { enabled: true, targetMemoryUtilizationPercentage: 80 },
      resources: { requests: { cpu: '1', memory: null } },
    },
    'autoscaling.targetMemoryUtilizationPercentage is a part of resources.requests.memory, which has no value',
  ],
  [
    'reading metrics for longer than until the next time',
    { metrics: { serviceMonitor: { interval: '1m', scrapeTimeout: '61s' } } },
    'metrics.serviceMonitor.scrapeTimeout (61s) must not be longer than metrics.serviceMonitor.interval (1m)',
  ],
  [
    'fewest pods above most pods',
    { autoscaling: { enabled: true, minReplicas: 6 } },
    'autoscaling.minReplicas must not be',
  ],
  [
    'rights for an account that nobody named',
    { serviceAccount: unnamed },
    'serviceAccount.name must say which account',
  ],
  [
    'acting for a part of Kubernetes',
    { rbac: { impersonation: { users: ['system:admin'] } } },
    'rbac.impersonation: system:admin is a part of Kubernetes',
  ],
  [
    'events without the right to make them',
    { rbac: edit, config: events },
    'switch rbac.addOns.auditEvents on',
  ],
  [
    'sign-in by a configuration without one',
    { auth: { mode: 'config' } },
    'config.auth.issuer must say where',
  ],
  [
    'sign-in for tokens that are issued for anybody',
    { auth: { mode: 'config' }, config: { auth: { issuer } } },
    'config.publicUrl or config.auth.audiences must say',
  ],
  [
    'callers who sign in and do not',
    { auth: { mode: 'none', acknowledgeAnonymous: true }, config: { publicUrl: issuer, auth: { issuer } } },
    'auth.mode none and config.auth.issuer contradict each other',
  ],
  [
    'acting for callers by the token that the chart makes',
    { config: { auth: { impersonation: { enabled: true } } } },
    'config.auth.impersonation must know whom each caller acts as',
  ],
  [
    'an address that only the pod itself reaches',
    { config: { host: '127.0.0.1' } },
    'config.host is 127.0.0.1',
  ],
  ['a Service whose name starts with a digit', { fullnameOverride: '123' }, 'set fullnameOverride'],
  ['a variable twice', { extraEnv: [{ name: 'A' }, { name: 'A' }] }, 'extraEnv: A is there twice'],
  [
    'a volume of the chart',
    { extraVolumes: [{ name: 'tmp', emptyDir: {} }] },
    'extraVolumes: tmp is there twice',
  ],
  [
    'a mount over one of the chart',
    { extraVolumeMounts: [{ name: 'a', mountPath: '/etc/cnpg-mcp/config/' }] },
    'extraVolumeMounts: /etc/cnpg-mcp/config is there twice',
  ],
  ...['name', 'instance', 'component'].map((key): [string, object, string] => [
    `a label ${key} of the pods that is not the chart’s`,
    { podLabels: { [`app.kubernetes.io/${key}`]: 'x' } },
    `podLabels: the label app.kubernetes.io/${key} is the chart's own`,
  ]),
  [
    'a label of a monitor that is the chart’s',
    { metrics: { serviceMonitor: { labels: { 'helm.sh/chart': 'x' } } } },
    'metrics.serviceMonitor.labels: the label helm.sh/chart',
  ],
  [
    'an annotation that replaces the pods',
    { podAnnotations: { 'checksum/config': 'x' } },
    'podAnnotations: checksum/config',
  ],
];

describe('what cannot work', () => {
  it.each(impossible)('is refused in a sentence: %s', async (_, values, message) => {
    const file = await valuesFile(values);
    for (const helm of both) await expect(template(helm, 'shop', '-f', file)).rejects.toThrow(message);
  });

  it('is said at once, whatever else cannot work', async () => {
    const file = await valuesFile({
      config: { host: '127.0.0.1' },
      serviceAccount: unnamed,
      fullnameOverride: '1',
    });
    await expect(template(both[0] as Helm, 'shop', '-f', file)).rejects.toThrow(
      /serviceAccount\.name must[\s\S]*config\.host is[\s\S]*set fullnameOverride/,
    );
  });

  const { variables, flags } = ownSettings();
  it.each([
    ...variables.map((name): [string, object] => [name, { extraEnv: [{ name, value: '4000' }] }]),
    ...flags.map((flag): [string, object] => [`--${flag}`, { extraArgs: [`--${flag}=4000`] }]),
    ...flags.map((flag): [string, object] => [`--${flag}`, { extraArgs: [`--${flag}`, '4000'] }]),
    ['--no-unsafe-allow-anonymous', { extraArgs: ['--no-unsafe-allow-anonymous'] }],
  ])('is a way around what the chart sets itself: %s', async (name, values) => {
    const file = await valuesFile(values);
    await expect(template(both[0] as Helm, 'shop', '-f', file)).rejects.toThrow(
      `${name} is set by the chart itself`,
    );
  });
});

describe('what only looks like it', () => {
  it.each([
    [
      'an identity provider that a variable names',
      { auth: { mode: 'config' }, extraEnv: [{ name: 'OIDC_ISSUER', value: issuer }] },
    ],
    ['no rights for an account that nobody named', { serviceAccount: unnamed, rbac: { create: false } }],
    ['the account default by its name', { serviceAccount: { ...unnamed, name: 'default' } }],
    ['every address of IPv6', { config: { host: '::' } }],
    [
      'an argument that only contains the name of another',
      { extraArgs: ['--log-level=debug', '--portable'] },
    ],
    [
      'every way to write a quantity',
      {
        resources: { requests: { memory: '.5Gi', cpu: '0.1' }, limits: { cpu: 1, memory: 1e9, pods: '1e3' } },
      },
    ],
    [
      'every kind of image',
      { image: { repository: 'registry.example.com:5000/a/b_c/d--e.f', tag: '_1.0-rc.1' } },
    ],
    [
      'ranges of both families',
      {
        networkPolicy: {
          enabled: true,
          apiServer: { cidrs: ['0.0.0.0/0', '10.96.0.1/32', '::/0', 'fd00::a/128'] },
        },
      },
    ],
    [
      'names of a kind, and those that clients use',
      { ingress: { enabled: true, hosts: ['*.example.com'] }, config: { allowedHosts: ['a.example.com'] } },
    ],
    [
      'the names of a gateway',
      {
        httpRoute: { enabled: true, parentRefs: [{ name: 'a' }] },
        config: { publicUrl: 'https://a.example.com/mcp' },
      },
    ],
    [
      'a rollout that takes a pod away first',
      { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } },
    ],
    ['a rollout by Recreate', { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 0 } } }],
    [
      'an acknowledgement of what is not done',
      { rbac: { acknowledgeClusterWideWrites: true }, auth: { acknowledgeAnonymous: true } },
    ],
  ])('is taken: %s', async (_, values) => {
    expect(await template(both[0] as Helm, 'shop', '-f', await valuesFile(values))).toContain(
      'kind: Deployment',
    );
  });
});

describe('a rollout', () => {
  it('by Recreate has nothing of the other kind, which the API server refuses', async () => {
    const file = await valuesFile({ strategy: { type: 'Recreate' } });
    for (const helm of both) {
      const deployment = manifests(await template(helm, 'shop', '-f', file)).find(
        ({ kind }) => kind === 'Deployment',
      );
      expect(deployment.spec.strategy).toEqual({ type: 'Recreate' });
    }
  });
});
