import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { cluster, cnpg, core, object, patch, send, simulate } from '../test-client.ts';

const clusters = `${cnpg('default')}/clusters`;
const gone = (found: unknown) => found === undefined;

async function withCluster() {
  const simulator = await simulate();
  const { body } = await send(simulator, 'POST', clusters, cluster('a'));
  return {
    simulator,
    uid: body.metadata.uid as string,
    resourceVersion: body.metadata.resourceVersion as string,
  };
}

function putOwned(simulator: Simulator, uid: string, name = 'owned'): void {
  const owner = {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    name: 'a',
    uid,
    blockOwnerDeletion: true,
  };
  simulator.state.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default', ownerReferences: [owner] },
  });
}

describe('delete', () => {
  it('answers a Status with the uid', async () => {
    const { simulator, uid } = await withCluster();
    expect((await send(simulator, 'DELETE', `${clusters}/a`)).body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'a', group: 'postgresql.cnpg.io', kind: 'clusters', uid },
    });
    expect((await send(simulator, 'GET', `${clusters}/a`)).body).toMatchObject({
      code: 404,
      reason: 'NotFound',
      message: 'clusters.postgresql.cnpg.io "a" not found',
    });
  });

  it.each([
    [
      'uid',
      { uid: 'x' },
      /^Operation cannot be fulfilled on Cluster\.postgresql\.cnpg\.io "a": the UID in the precondition \(x\) does not match the UID in record \([0-9a-f-]+\)\. The object might have been deleted and then recreated$/,
    ],
    [
      'resourceVersion',
      { resourceVersion: '1' },
      /the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
    ],
  ])('is refused when the precondition on the %s fails', async (_, preconditions, message) => {
    const { simulator } = await withCluster();
    const { body } = await send(simulator, 'DELETE', `${clusters}/a`, { preconditions });
    expect(body).toMatchObject({ code: 409, reason: 'Conflict' });
    expect(body.message).toMatch(message);
    expect(simulator.state.get('clusters', 'default', 'a')).toBeDefined();
  });

  it('goes through when the preconditions hold', async () => {
    const { simulator, uid, resourceVersion } = await withCluster();
    const { status } = await send(simulator, 'DELETE', `${clusters}/a`, {
      preconditions: { uid, resourceVersion },
    });
    expect(status).toBe(200);
  });

  it('refuses a propagation policy that does not exist', async () => {
    const { simulator } = await withCluster();
    const { body } = await send(simulator, 'DELETE', `${clusters}/a?propagationPolicy=Maybe`);
    expect(body.message).toBe(
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Maybe": supported values: "Foreground", "Background", "Orphan", "nil"',
    );
  });
});

describe('finalizers', () => {
  it('keep the object, marked, until the last one is removed', async () => {
    const { simulator } = await withCluster();
    await patch(simulator, `${clusters}/a`, { metadata: { finalizers: ['a/b'] } });
    const { body } = await send(simulator, 'DELETE', `${clusters}/a`);
    expect(body.metadata).toMatchObject({
      finalizers: ['a/b'],
      deletionGracePeriodSeconds: 0,
      generation: 2,
    });
    expect(body.metadata.deletionTimestamp).toMatch(/Z$/);
    await patch(simulator, `${clusters}/a`, { metadata: { finalizers: null } });
    expect((await send(simulator, 'GET', `${clusters}/a`)).status).toBe(404);
  });

  it('cannot be added to an object that is being deleted', async () => {
    const { simulator } = await withCluster();
    await patch(simulator, `${clusters}/a`, { metadata: { finalizers: ['a/b'] } });
    await send(simulator, 'DELETE', `${clusters}/a`);
    const { body } = await patch(simulator, `${clusters}/a`, { metadata: { finalizers: ['a/b', 'c/d'] } });
    expect(body.message).toBe(
      'Cluster.postgresql.cnpg.io "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"c/d"}',
    );
  });
});

describe('what belongs to a deleted object', () => {
  it('goes after it in the background', async () => {
    const { simulator, uid } = await withCluster();
    putOwned(simulator, uid);
    await send(simulator, 'DELETE', `${clusters}/a`);
    await simulator.state.until('secrets', 'default', 'owned', gone);
  });

  it('goes before it in the foreground', async () => {
    const { simulator, uid } = await withCluster();
    putOwned(simulator, uid);
    const { body } = await send(simulator, 'DELETE', `${clusters}/a?propagationPolicy=Foreground`);
    expect(body.metadata.finalizers).toEqual(['foregroundDeletion']);
    await simulator.state.until('secrets', 'default', 'owned', gone);
    await simulator.state.until('clusters', 'default', 'a', gone);
  });

  it('stays as an orphan when asked', async () => {
    const { simulator, uid } = await withCluster();
    putOwned(simulator, uid);
    await send(simulator, 'DELETE', `${clusters}/a`, { propagationPolicy: 'Orphan' });
    await simulator.state.until('clusters', 'default', 'a', gone);
    const orphan = await simulator.state.until(
      'secrets',
      'default',
      'owned',
      (found) => found?.metadata.ownerReferences === undefined,
    );
    expect(orphan?.metadata.name).toBe('owned');
  });
});

describe('a deleted namespace', () => {
  it('is emptied and then gone, once nothing holds its content', async () => {
    const simulator = await simulate();
    simulator.state.put({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'n' } });
    simulator.state.put({
      ...object('Database', 'd', { cluster: { name: 'c' }, name: 'd', owner: 'o' }),
      metadata: { name: 'd', namespace: 'n', finalizers: ['a/b'] },
    });
    const { body } = await send(simulator, 'DELETE', '/api/v1/namespaces/n');
    expect(body.status).toEqual({ phase: 'Terminating' });
    await simulator.state.until('secrets', 'n', 's', gone);
    expect(simulator.state.get('namespaces', undefined, 'n')).toBeDefined();
    await patch(simulator, `${cnpg('n')}/databases/d`, { metadata: { finalizers: null } });
    await simulator.state.until('namespaces', undefined, 'n', gone);
  });
});

describe('a claim', () => {
  it('stays while a pod uses it', async () => {
    const simulator = await simulate();
    const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c' }, spec: {} };
    await send(simulator, 'POST', `${core('default')}/persistentvolumeclaims`, claim);
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }];
    simulator.state.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default' },
      spec: { volumes },
    });
    const { body } = await send(simulator, 'DELETE', `${core('default')}/persistentvolumeclaims/c`);
    expect(body.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
    simulator.state.remove('pods', 'default', 'p');
    await simulator.state.until('persistentvolumeclaims', 'default', 'c', gone);
  });
});

describe('deletecollection', () => {
  it('deletes what the selector names', async () => {
    const simulator = await simulate();
    for (const [name, team] of [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'x'],
    ]) {
      await send(simulator, 'POST', `${core('default')}/configmaps`, {
        metadata: { name, labels: { team } },
      });
    }
    await send(simulator, 'DELETE', `${core('default')}/configmaps?labelSelector=team%3Dx`);
    expect(simulator.state.list('configmaps', 'default').map(({ metadata }) => metadata.name)).toEqual(['b']);
    expect(simulator.requests.at(-1)?.verb).toBe('deletecollection');
  });
});
