/** The server in pods, reached through its Service: while Helm upgrades it, and while its pods come and go. */
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { catalogue } from '../../server/src/tools/catalog/index.ts';
import { type Helm, installedHelm } from '../chart/helm.ts';
import { type ImageValues, imageOnCluster } from '../image/load.ts';
import { parseMetrics } from '../scripts/prometheus.ts';
import { deleteNamespace, getObject, kubectl, makeRestrictedNamespace, until } from './support/kubernetes.ts';
import {
  ask,
  deploy,
  type Endpoint,
  endpointOf,
  type Pod,
  podsOf,
  release,
  rpc,
  untilOnePod,
  valuesFor,
} from './support/release.ts';

const cluster = inject('cluster');

let image: ImageValues;
beforeAll(async () => {
  image = await imageOnCluster(cluster);
});

/** Pods that are not being deleted. */
async function pods(namespace: string): Promise<Pod[]> {
  return (await podsOf(namespace)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

const isReady = ({ status }: Pod): boolean =>
  status.conditions?.some(({ type, status: is }: Pod) => type === 'Ready' && is === 'True') === true;

describe('a release', () => {
  let namespace: string;
  let helm: Helm;
  beforeAll(async () => {
    helm = await installedHelm(cluster);
    namespace = await makeRestrictedNamespace('t-image');
  });
  afterAll(() => deleteNamespace(namespace));

  it('offers more when it is upgraded from looking to editing, and less when it is rolled back', async () => {
    await deploy(helm, namespace, ...valuesFor(image));
    const endpoint = await endpointOf(namespace);
    const offered = async (): Promise<string[]> => {
      const { tools } = await rpc(endpoint, 'tools/list', {});
      return tools.map(({ name }: { name: string }) => name).sort();
    };
    const all = catalogue.map(({ name }) => name).sort();
    const looking = catalogue.filter(({ effect }) => effect === 'read').map(({ name }) => name);
    const create = (): Promise<Pod> =>
      rpc(endpoint, 'tools/call', {
        name: 'create_postgres_cluster',
        arguments: { name: 'upgraded', instances: 1, dry_run: true },
      });
    expect(await offered()).toEqual(looking.sort());
    expect(await create()).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'policy_denied' } },
    });

    await deploy(helm, namespace, ...valuesFor(image), '--set', 'rbac.preset=edit');
    await untilOnePod(namespace);
    expect(await offered()).toEqual(all);
    // The operator's webhooks have seen the new cluster, and nothing is made.
    expect((await create()).isError).not.toBe(true);
    expect(await getObject('cluster', 'upgraded', namespace)).toBeUndefined();

    await helm.run('rollback', release, '1', '--namespace', namespace, '--wait', '--timeout', '120s');
    await untilOnePod(namespace);
    expect(await offered()).toEqual(looking.sort());
  });
});

describe('two pods behind the Service', () => {
  let namespace: string;
  let endpoint: Endpoint;
  beforeAll(async () => {
    namespace = await makeRestrictedNamespace('t-image');
    const helm = await installedHelm(cluster);
    // All calls come from one token, which may otherwise make 50 in a second.
    const values = ['replicas=2', 'config.limits.principal.perSecond=5000'];
    await deploy(helm, namespace, ...valuesFor(image), '--set', values.join());
    endpoint = await endpointOf(namespace);
  });
  afterAll(() => deleteNamespace(namespace));

  const list = (agent?: Agent): Promise<Pod> =>
    rpc(endpoint, 'tools/call', { name: 'list_postgres_clusters', arguments: {} }, agent);

  it('have an image below 180 MB', async () => {
    const [node] = JSON.parse(await kubectl('get', 'nodes', '-o', 'json')).items;
    const found = node.status.images.find(({ names }: Pod) =>
      names.some((name: string) => name.endsWith(`:${image.tag}`)),
    );
    expect(found.sizeBytes).toBeLessThan(180e6);
  });

  it('serve 5,000 calls without one that fails, while each of them is deleted and replaced', async () => {
    const total = 5000;
    const [callers, pause] = [10, 50];
    const agent = new Agent({ keepAlive: true, maxSockets: callers });
    let [sent, answered, replaced] = [0, 0, false];
    const failures: string[] = [];
    const caller = async (): Promise<void> => {
      while (sent < total || !replaced) {
        sent += 1;
        try {
          expect((await list(agent)).structuredContent).toMatchObject({ clusters: [] });
          answered += 1;
        } catch (thrown) {
          failures.push(`call ${sent}: ${(thrown as Error).message}`);
        }
        // Spread over the time that replacing takes, rather than as fast as this machine can.
        await delay(pause);
      }
    };
    const replace = async (): Promise<void> => {
      try {
        for (const { metadata } of await pods(namespace)) {
          await kubectl('delete', 'pod', metadata.name, '-n', namespace);
          await until(
            'two pods are ready',
            120,
            async () => (await pods(namespace)).filter(isReady).length === 2,
          );
        }
      } finally {
        replaced = true;
      }
    };
    const before = (await pods(namespace)).map(({ metadata }) => metadata.uid);
    await Promise.all([replace(), ...Array.from({ length: callers }, caller)]);
    agent.destroy();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThanOrEqual(total);
    const after = (await pods(namespace)).map(({ metadata }) => metadata.uid);
    expect(after.filter((uid) => before.includes(uid))).toEqual([]);
  });

  it('were ready within 3 seconds of their start, the quicker one at least', async () => {
    // Each has replaced another, so they have not started at the same time; the machine has other things to do as well.
    const seconds = (await pods(namespace)).map(({ status }) => {
      const ready = status.conditions.find(({ type }: Pod) => type === 'Ready');
      const started = status.containerStatuses[0].state.running.startedAt;
      return (Date.parse(ready.lastTransitionTime) - Date.parse(started)) / 1000;
    });
    expect(Math.min(...seconds)).toBeLessThanOrEqual(3);
  });

  it('show metrics that Prometheus takes, and nothing that a caller has made up', async () => {
    await rpc(endpoint, 'tools/call', { name: 'made_up_tool', arguments: {} }).catch(() => undefined);
    await rpc(endpoint, 'made/up', {}).catch(() => undefined);
    await ask(endpoint, { path: '/made-up?token=made-up' });
    await list();
    // From inside: the Service of the metrics is not for the outside.
    const pages = await Promise.all(
      (await pods(namespace)).map(({ metadata }) =>
        kubectl('get', '--raw', `/api/v1/namespaces/${namespace}/pods/${metadata.name}:9464/proxy/metrics`),
      ),
    );
    expect(pages).toHaveLength(2);
    for (const page of pages) {
      expect(page).not.toMatch(/made.up/);
      const families = parseMetrics(`${page}\n`);
      const build = families.find(({ name }) => name === 'cnpg_mcp_build_info');
      expect(build?.samples).toMatchObject([{ value: 1, labels: { version: '0.1.0' } }]);
      const tools = families
        .flatMap(({ samples }) => samples)
        .flatMap(({ labels }) => labels.gen_ai_tool_name ?? []);
      const known = ['', '_OTHER', ...catalogue.map(({ name }) => name)];
      expect(tools.filter((name) => !known.includes(name))).toEqual([]);
    }
    const calls = pages
      .flatMap((page) => parseMetrics(`${page}\n`))
      .filter(({ name }) => name === 'cnpg_mcp_tool_calls_total')
      .flatMap(({ samples }) => samples)
      .filter(({ labels }) => labels.gen_ai_tool_name === 'list_postgres_clusters');
    expect(calls.length).toBeGreaterThan(0);
  });
});
