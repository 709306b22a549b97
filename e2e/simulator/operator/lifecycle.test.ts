import { describe, expect, it, vi } from 'vitest';
import type { Simulator } from '../index.ts';
import { cluster, cnpg, core, object, patch, send, simulate } from '../test-client.ts';
import type { Fields, KubeObject, SimulatorOptions } from '../types.ts';

const clusters = `${cnpg('default')}/clusters`;
const healthy = 'Cluster in healthy state';

const until = (simulator: Simulator, predicate: (cluster: KubeObject) => boolean) =>
  simulator.state.until('clusters', 'default', 'a', (found) => found !== undefined && predicate(found));

/** Waits until as many instances as asked for are ready and the phase says so. */
const untilHealthy = (simulator: Simulator, more: (cluster: KubeObject) => boolean = () => true) =>
  until(
    simulator,
    (found) =>
      found.status?.phase === healthy &&
      found.status.readyInstances === found.spec?.instances &&
      found.status.instances === found.spec?.instances &&
      more(found),
  );

async function run(spec: Fields = {}, options: SimulatorOptions = {}) {
  const simulator = await simulate({ operator: true, ...options });
  await send(simulator, 'POST', clusters, cluster('a', spec));
  return simulator;
}

const names = (simulator: Simulator, resource: string) =>
  simulator.state.list(resource, 'default').map(({ metadata }) => metadata.name);
const reasons = (simulator: Simulator, about: string) =>
  simulator.state
    .list('events', 'default')
    .filter((event) => event.involvedObject.name === about)
    .map((event) => event.reason as string);

describe('a new Cluster', () => {
  it('goes through the phases of the operator', async () => {
    const simulator = await simulate({ operator: true });
    const phases: string[] = [];
    const watching = simulator.state.until('clusters', 'default', 'a', (found) => {
      const phase = found?.status?.phase;
      if (phase !== undefined && phases.at(-1) !== phase) phases.push(phase);
      return phase === healthy && found?.status?.readyInstances === 2;
    });
    await send(simulator, 'POST', clusters, cluster('a', { instances: 2 }));
    await watching;
    expect(phases).toEqual([
      'Setting up primary',
      'Waiting for the instances to become active',
      'Creating a new replica',
      'Waiting for the instances to become active',
      healthy,
    ]);
  });

  it('has pods, claims, services, Secrets, budgets and a lease', async () => {
    const simulator = await run({ instances: 3, walStorage: { size: '2Gi' } });
    await untilHealthy(simulator);
    await simulator.state.until('jobs', 'default', 'a-3-join', (job) => job === undefined);
    expect(
      names(simulator, 'pods').filter((name) => !name.includes('join') && !name.includes('initdb')),
    ).toEqual(['a-1', 'a-2', 'a-3']);
    expect(names(simulator, 'persistentvolumeclaims')).toEqual([
      'a-1',
      'a-1-wal',
      'a-2',
      'a-2-wal',
      'a-3',
      'a-3-wal',
    ]);
    expect(names(simulator, 'services')).toEqual(['a-r', 'a-ro', 'a-rw']);
    expect(names(simulator, 'secrets')).toEqual(['a-app', 'a-ca', 'a-replication', 'a-server']);
    expect(names(simulator, 'poddisruptionbudgets')).toEqual(['a', 'a-primary']);
    expect(simulator.state.get('leases', 'default', 'a')?.spec?.holderIdentity).toBe('a-1');
    expect(simulator.state.get('persistentvolumeclaims', 'default', 'a-1-wal')).toMatchObject({
      metadata: {
        labels: { 'cnpg.io/pvcRole': 'PG_WAL', 'cnpg.io/instanceName': 'a-1' },
        annotations: { 'cnpg.io/pvcStatus': 'ready' },
      },
      spec: { resources: { requests: { storage: '2Gi' } }, storageClassName: 'standard' },
      status: { phase: 'Bound', capacity: { storage: '2Gi' } },
    });
    const app = simulator.state.get('secrets', 'default', 'a-app');
    expect(app?.type).toBe('kubernetes.io/basic-auth');
    expect(Object.keys(app?.data).sort()).toEqual([
      'dbname',
      'fqdn-jdbc-uri',
      'fqdn-uri',
      'host',
      'jdbc-uri',
      'password',
      'pgpass',
      'port',
      'uri',
      'user',
      'username',
    ]);
  });

  it('spreads over nodes and labels the roles', async () => {
    const simulator = await run({ instances: 3 });
    const found = await untilHealthy(simulator);
    expect(found?.status?.topology.nodesUsed).toBe(3);
    const pod = simulator.state.get('pods', 'default', 'a-1');
    expect(pod?.metadata.labels).toMatchObject({
      'cnpg.io/cluster': 'a',
      'cnpg.io/instanceRole': 'primary',
      'cnpg.io/podRole': 'instance',
    });
    expect(pod?.spec?.containers[0].command).toContain('--status-port-tls');
    expect(simulator.state.get('pods', 'default', 'a-2')?.metadata.labels).toMatchObject({
      'cnpg.io/instanceRole': 'replica',
    });
  });

  it('has the status of a real one', async () => {
    const simulator = await run({ instances: 2 });
    const { status } = (await untilHealthy(simulator)) ?? {};
    expect(status).toMatchObject({
      instances: 2,
      readyInstances: 2,
      instanceNames: ['a-1', 'a-2'],
      instancesStatus: { healthy: ['a-1', 'a-2'] },
      currentPrimary: 'a-1',
      targetPrimary: 'a-1',
      timelineID: 1,
      systemID: expect.stringMatching(/^7\d{18}$/),
      healthyPVC: ['a-1', 'a-2'],
      pvcCount: 2,
      writeService: 'a-rw',
      readService: 'a-r',
      image: 'ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie',
      pgDataImageInfo: { majorVersion: 18 },
      selector: 'cnpg.io/cluster=a,cnpg.io/podRole=instance',
      certificates: {
        serverTLSSecret: 'a-server',
        expirations: { 'a-ca': expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC$/) },
      },
    });
    expect(status?.currentPrimaryTimestamp).toMatch(/\.\d{6}Z$/);
    expect(status?.phaseReason).toBeUndefined();
    const conditions: Fields[] = status?.conditions ?? [];
    expect(conditions.map((each) => [each.type, each.status, each.reason])).toEqual(
      expect.arrayContaining([
        ['Initialized', 'True', 'BootstrapCompleted'],
        ['ConsistentSystemID', 'True', 'Unique'],
        ['Ready', 'True', 'ClusterIsReady'],
        ['ContinuousArchiving', 'True', 'ContinuousArchivingSuccess'],
      ]),
    );
  });

  it('is left alone without an operator', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    await simulator.state.until('clusters', 'default', 'a', (found) => found !== undefined);
    expect(names(simulator, 'pods')).toEqual([]);
  });

  it('knows no lease and no selector under an older operator', async () => {
    const simulator = await run({}, { operatorVersion: '1.28.0' });
    const found = await untilHealthy(simulator);
    expect(names(simulator, 'leases')).toEqual([]);
    expect(found?.status?.selector).toBeUndefined();
    const conditions: Fields[] = found?.status?.conditions ?? [];
    expect(conditions.map(({ type }) => type)).not.toContain('Initialized');
  });
});

describe('a Cluster that cannot come up', () => {
  it('stays in "Setting up primary" when its storage class is not there: only the event tells', async () => {
    const simulator = await run({ storage: { size: '1Gi', storageClass: 'nope' } });
    await simulator.state.until('persistentvolumeclaims', 'default', 'a-1', () =>
      reasons(simulator, 'a-1').includes('ProvisioningFailed'),
    );
    const [event] = simulator.state
      .list('events', 'default')
      .filter(({ reason }) => reason === 'ProvisioningFailed');
    expect(event?.message).toBe('storageclass.storage.k8s.io "nope" not found');
    expect(simulator.state.get('persistentvolumeclaims', 'default', 'a-1')?.status).toEqual({
      phase: 'Pending',
    });
    expect(simulator.state.get('clusters', 'default', 'a')?.status?.phase).toBe('Setting up primary');
    simulator.state.put({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'nope' },
      provisioner: 'x',
    });
    await untilHealthy(simulator);
  });

  it('waits for an image that cannot be pulled', async () => {
    const simulator = await run({ imageName: 'registry/does-not-exist:18.4' });
    const waiting = () =>
      simulator.state.list('pods', 'default').find(({ metadata }) => metadata.name.startsWith('a-1-initdb'))
        ?.status?.containerStatuses?.[0].state.waiting;
    await simulator.state.until('clusters', 'default', 'a', () => true);
    const job = await untilPod(
      simulator,
      'a-1-initdb',
      (pod) => pod.status?.containerStatuses?.[0].state.waiting?.reason === 'ImagePullBackOff',
    );
    expect(waiting().message).toMatch(/^Back-off pulling image "registry\/does-not-exist:18\.4"/);
    expect(reasons(simulator, job.metadata.name)).toEqual(
      expect.arrayContaining(['Pulling', 'Failed', 'BackOff']),
    );
    expect(simulator.state.get('clusters', 'default', 'a')?.status?.phase).toBe('Setting up primary');
  });

  it('replaces the pod of an initdb job that fails, and reports nothing', async () => {
    const simulator = await run({ postgresql: { parameters: { max_connections: 'many' } } });
    const failed = () =>
      simulator.state.list('pods', 'default').filter(({ status }) => status?.phase === 'Failed');
    await vi.waitFor(() => expect(failed().length).toBeGreaterThanOrEqual(2), 10_000);
    expect(failed()[0]?.status?.containerStatuses?.[0].state.terminated).toMatchObject({
      exitCode: 1,
      reason: 'Error',
    });
    const job = simulator.state.get('jobs', 'default', 'a-1-initdb');
    expect(job?.status?.completionTime).toBeUndefined();
    expect(simulator.state.get('clusters', 'default', 'a')?.status?.phase).toBe('Setting up primary');
  });

  it('says so when its image catalog is not there, and makes nothing', async () => {
    const imageCatalogRef = {
      apiGroup: 'postgresql.cnpg.io',
      kind: 'ImageCatalog',
      name: 'images',
      major: 17,
    };
    const simulator = await run({ imageCatalogRef });
    const found = await until(
      simulator,
      ({ status }) => status?.phase === 'Cluster has incomplete or invalid image catalog',
    );
    expect(found?.status).toMatchObject({ phaseReason: 'catalog ImageCatalog/images not found' });
    expect(found?.status?.instanceNames).toBeUndefined();
    expect(names(simulator, 'secrets')).toEqual([]);
    await send(
      simulator,
      'POST',
      `${cnpg('default')}/imagecatalogs`,
      object('ImageCatalog', 'images', { images: [{ major: 17, image: 'x:17.6' }] }),
    );
    expect((await untilHealthy(simulator))?.status?.image).toBe('x:17.6');
  });

  it('names a plugin that nobody knows', async () => {
    const simulator = await run({ plugins: [{ name: 'nosuch.plugin.io' }] });
    const found = await until(simulator, ({ status }) => status?.phase !== undefined);
    expect(found?.status).toMatchObject({
      phase: 'Cluster cannot proceed to reconciliation due to an unknown plugin being required',
      phaseReason: expect.stringMatching(/^Unknown plugin: 'nosuch\.plugin\.io'\./),
    });
  });
});

/** Waits for a pod whose name begins so. */
async function untilPod(
  simulator: Simulator,
  prefix: string,
  predicate: (pod: KubeObject) => boolean,
): Promise<KubeObject> {
  const find = () =>
    simulator.state
      .list('pods', 'default')
      .find((pod) => pod.metadata.name.startsWith(prefix) && predicate(pod));
  await simulator.state.until('pods', 'default', prefix, () => find() !== undefined);
  const pod = find();
  if (pod === undefined) throw new Error(`there is no pod ${prefix}`);
  return pod;
}

describe('scaling', () => {
  it('up gives the new instance the lowest free number', async () => {
    const simulator = await run({ instances: 2 });
    await untilHealthy(simulator);
    await patch(simulator, `${clusters}/a`, { spec: { instances: 3 } });
    expect((await untilHealthy(simulator))?.status?.instanceNames).toEqual(['a-1', 'a-2', 'a-3']);
  });

  it('down removes the highest number, with its volumes', async () => {
    const simulator = await run({ instances: 3 });
    await untilHealthy(simulator);
    await patch(simulator, `${clusters}/a`, { spec: { instances: 2 } });
    await untilHealthy(simulator);
    await simulator.state.until('persistentvolumeclaims', 'default', 'a-3', (claim) => claim === undefined);
    expect(reasons(simulator, 'a')).toContain('ScaleDown');
    expect(simulator.state.get('poddisruptionbudgets', 'default', 'a')).toBeUndefined();
    expect(simulator.state.list('persistentvolumes')).toHaveLength(2);
  });

  it('down never removes the primary', async () => {
    const simulator = await run({ instances: 2 });
    await untilHealthy(simulator);
    await patch(simulator, `${clusters}/a/status`, { status: { targetPrimary: 'a-2' } });
    await untilHealthy(simulator, ({ status }) => status?.currentPrimary === 'a-2');
    await patch(simulator, `${clusters}/a`, { spec: { instances: 1 } });
    expect((await untilHealthy(simulator))?.status?.instanceNames).toEqual(['a-2']);
  });
});

describe('volumes', () => {
  it('grow with the Cluster', async () => {
    const simulator = await run();
    await untilHealthy(simulator);
    await patch(simulator, `${clusters}/a`, { spec: { storage: { size: '2Gi' } } });
    await until(simulator, ({ status }) => status?.resizingPVC?.includes('a-1') === true);
    const claim = await simulator.state.until(
      'persistentvolumeclaims',
      'default',
      'a-1',
      (found) => found?.status?.capacity?.storage === '2Gi',
    );
    expect(claim?.spec?.resources.requests.storage).toBe('2Gi');
    await until(simulator, ({ status }) => status?.resizingPVC === undefined);
  });

  it('stay as they are where their class does not let them grow', async () => {
    const simulator = await run({ storage: { size: '1Gi', storageClass: 'fixed-size' } });
    await untilHealthy(simulator);
    const { body } = await patch(simulator, `${clusters}/a`, { spec: { storage: { size: '2Gi' } } });
    await untilHealthy(simulator, ({ metadata }) => metadata.generation === body.metadata.generation);
    expect(
      simulator.state.get('persistentvolumeclaims', 'default', 'a-1')?.spec?.resources.requests.storage,
    ).toBe('1Gi');
  });
});

describe('deleting a Cluster', () => {
  it('takes pods, volumes and its own Secrets with it, and nobody else’s', async () => {
    const simulator = await run({ instances: 2 });
    await untilHealthy(simulator);
    await send(simulator, 'POST', `${core('default')}/secrets`, { metadata: { name: 'mine' } });
    await send(
      simulator,
      'POST',
      `${cnpg('default')}/poolers`,
      object('Pooler', 'p', { cluster: { name: 'a' }, pgbouncer: {} }),
    );
    await simulator.state.until('services', 'default', 'p', (service) => service !== undefined);
    await send(simulator, 'DELETE', `${clusters}/a`);
    for (const name of ['a-1', 'a-2']) {
      await simulator.state.until('pods', 'default', name, (pod) => pod === undefined);
      await simulator.state.until('persistentvolumeclaims', 'default', name, (claim) => claim === undefined);
    }
    expect(names(simulator, 'secrets')).toEqual(['mine']);
    expect(names(simulator, 'services')).toEqual(['p']);
    expect(names(simulator, 'poolers')).toEqual(['p']);
    expect(simulator.postgres.databases('default', 'a')).toEqual([]);
  });
});
