/** What happens when things go wrong around the server: nothing is lost, nothing doubled, and the answer says what is known. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { limitedKubeconfig, makeGate } from './support/gate.ts';
import {
  apply,
  clusterManifest,
  deleteNamespace,
  getObject,
  kubectl,
  makeNamespace,
  names,
  servedKinds,
  until,
  untilHealthy,
} from './support/kubernetes.ts';
import { type RunningServer, startServer } from './support/server.ts';

let namespace: string;
const servers: RunningServer[] = [];

async function start(...args: Parameters<typeof startServer>): Promise<RunningServer> {
  const server = await startServer(...args);
  servers.push(server);
  return server;
}

beforeAll(async () => {
  namespace = await makeNamespace('e2e-faults');
  await apply(clusterManifest(namespace, 'steady'));
  await untilHealthy(namespace, 'steady');
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  if (namespace) await deleteNamespace(namespace);
});

function createArguments(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const { postgresImages, storageClass } = inject('cluster');
  const [postgres_version] = Object.keys(postgresImages);
  return {
    name,
    namespace,
    instances: 1,
    storage_size: '400Mi',
    storage_class: storageClass,
    postgres_version,
    ...more,
  };
}

describe('without an API server', () => {
  it('starts, says so, and works as soon as there is one, through every outage', async () => {
    const gate = await makeGate();
    const server = await start('http', { kubeconfig: gate.kubeconfig });
    const ready = async () => (await fetch(`${server.url}/readyz`)).status;
    const list = () => server.call('list_postgres_clusters', { namespace });
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    for (let outage = 0; outage < 2; outage += 1) {
      await gate.shut();
      await until('it reports that it is not ready', 20, async () => (await ready()) === 503);
      const answer = await list();
      expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'cluster_unreachable' } } });
      await gate.open();
      await until('it reports that it is ready', 20, async () => (await ready()) === 200);
      expect((await list()).structured).toMatchObject({ count: 1 });
    }
    await gate.close();
  });
});

describe('a creation that cannot succeed', () => {
  it('names a storage class that does not exist, long before the timeout', async () => {
    const server = await start('stdio');
    const started = Date.now();
    const answer = await server.call(
      'create_postgres_cluster',
      createArguments('no-class', { storage_class: 'no-such-class', wait: true, timeout: 300 }),
    );
    expect(answer).toMatchObject({ isError: true, structured: { state: 'failed' } });
    expect(answer.text).toContain('no-such-class');
    expect(Date.now() - started).toBeLessThan(120_000);
    await kubectl('delete', 'cluster', 'no-class', '-n', namespace, '--wait=false');
  });

  it('names an image that cannot be pulled, long before the timeout', async () => {
    const server = await start('stdio');
    const started = Date.now();
    const image = 'localhost/does-not-exist:17';
    const answer = await server.call(
      'create_postgres_cluster',
      createArguments('no-image', { image, wait: true, timeout: 300 }),
    );
    expect(answer).toMatchObject({ isError: true, structured: { state: 'failed' } });
    expect(answer.text).toContain(image);
    expect(Date.now() - started).toBeLessThan(150_000);
    await kubectl('delete', 'cluster', 'no-image', '-n', namespace, '--wait=false');
  });
});

describe('a server that is killed while it waits for a new cluster', () => {
  it('has lost nothing, and its successor doubles nothing', async () => {
    const first = await startServer('http');
    const waiting = first.call(
      'create_postgres_cluster',
      createArguments('survivor', { wait: true, timeout: 300 }),
    );
    const lost = expect(waiting).rejects.toThrow();
    await until('the cluster object exists', 60, () => getObject('cluster', 'survivor', namespace));
    await first.kill();
    await lost;
    const second = await start('http');
    const again = await second.call('create_postgres_cluster', createArguments('survivor'));
    expect(again.isError).toBe(true);
    expect(again.text).toContain('exists');
    await untilHealthy(namespace, 'survivor');
    const status = await second.call('get_cluster_status', { name: 'survivor', namespace });
    expect(status.structured).toMatchObject({ ready_instances: 1 });
    await kubectl('delete', 'cluster', 'survivor', '-n', namespace, '--wait=false');
  });
});

describe('missing rights', () => {
  it('are named with verb, resource, namespace and who lacks them', async () => {
    const kubeconfig = await limitedKubeconfig(namespace, 'viewer', [
      '--verb=get,list,watch',
      `--resource=${await servedKinds('clusters', 'databaseroles')}`,
    ]);
    const server = await start('http', { kubeconfig });
    const before = await names('secrets', namespace);
    expect((await server.call('list_postgres_clusters')).structured).toMatchObject({ count: 1 });
    const answer = await server.call('create_postgres_cluster', createArguments('forbidden'));
    expect(answer.structured.error).toMatchObject({
      code: 'forbidden',
      missing_right: {
        verb: 'create',
        resource: 'clusters',
        namespace,
        identity: `system:serviceaccount:${namespace}:viewer`,
      },
    });
    const role = await server.call('create_postgres_role', { cluster_name: 'steady', role_name: 'limited' });
    expect(role.structured.error).toMatchObject({
      code: 'forbidden',
      missing_right: { resource: 'secrets' },
    });
    expect(await names('secrets', namespace)).toEqual(before);
  });

  it('a role whose entry may not be written leaves no Secret behind', async () => {
    const kubeconfig = await limitedKubeconfig(namespace, 'half', [
      '--verb=get,list,watch,create,delete',
      `--resource=${await servedKinds('clusters', 'databaseroles', 'databases')},secrets`,
    ]);
    const server = await start('stdio', { kubeconfig });
    const before = await names('secrets', namespace);
    const answer = await server.call('create_postgres_role', {
      cluster_name: 'steady',
      role_name: 'limited',
    });
    expect(answer.structured.error).toMatchObject({
      code: 'forbidden',
      missing_right: { verb: 'patch', resource: 'clusters' },
    });
    expect(await names('secrets', namespace)).toEqual(before);
  });
});

describe('somebody else at the same time', () => {
  it('a cluster that was made anew between plan and confirmation is not deleted', async () => {
    const server = await start('http');
    await apply(clusterManifest(namespace, 'anew'));
    const plan = await server.call('delete_postgres_cluster', { name: 'anew', namespace });
    await kubectl('delete', 'cluster', 'anew', '-n', namespace);
    const { confirm_name, confirm_token } = plan.structured.confirmation;
    const gone = await server.call('delete_postgres_cluster', {
      name: 'anew',
      namespace,
      confirm_deletion: true,
      confirm_name,
      confirm_token,
    });
    expect(gone.structured.error.code).toBe('not_found');
    await apply(clusterManifest(namespace, 'anew'));
    const other = await server.call('delete_postgres_cluster', {
      name: 'anew',
      namespace,
      confirm_deletion: true,
      confirm_name,
      confirm_token,
    });
    expect(other.structured.error.code).toBe('confirmation_invalid');
    expect((await getObject('cluster', 'anew', namespace)).metadata.deletionTimestamp).toBeUndefined();
    await kubectl('delete', 'cluster', 'anew', '-n', namespace, '--wait=false');
  });

  it('two servers writing to one role list lose nothing and double nothing', async () => {
    const [one, two] = await Promise.all([start('http'), start('stdio')]);
    const roles = Array.from({ length: 8 }, (_, index) => `writer_${index}`);
    const answers = await Promise.all(
      roles.map((role_name, index) =>
        (index % 2 === 0 ? one : two).call('create_postgres_role', {
          cluster_name: 'steady',
          namespace,
          role_name,
        }),
      ),
    );
    for (const answer of answers) expect(answer.isError, answer.text).toBe(false);
    const both = await Promise.all(
      [one, two].map((server) =>
        server.call('create_postgres_role', { cluster_name: 'steady', namespace, role_name: 'contested' }),
      ),
    );
    expect(both.filter(({ isError }) => !isError)).toHaveLength(1);
    const { spec } = await getObject('cluster', 'steady', namespace);
    expect(spec.managed.roles.map(({ name }: { name: string }) => name).sort()).toEqual(
      ['contested', ...roles].sort(),
    );
    for (const { passwordSecret } of spec.managed.roles)
      expect(await getObject('secret', passwordSecret.name, namespace)).toBeDefined();
  });
});
