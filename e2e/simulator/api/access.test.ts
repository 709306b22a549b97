import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { cluster, cnpg, core, object, patch, send, simulate } from '../test-client.ts';
import type { Fields } from '../types.ts';

const clusters = `${cnpg('default')}/clusters`;

function mayI(simulator: Simulator, resourceAttributes: Fields, headers: Record<string, string> = {}) {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  return send(simulator, 'POST', path, { spec: { resourceAttributes } }, headers).then(
    ({ body }) => body.status.allowed,
  );
}

describe('without a rule', () => {
  it('everything is allowed', async () => {
    const simulator = await simulate();
    expect((await send(simulator, 'POST', clusters, cluster('a'))).status).toBe(201);
    expect(await mayI(simulator, { verb: 'delete', resource: 'secrets', namespace: 'default' })).toBe(true);
  });
});

describe('a denied request', () => {
  it.each([
    [
      'get of an object',
      'GET',
      `${clusters}/a`,
      { verb: 'get', resource: 'clusters' },
      'clusters.postgresql.cnpg.io "a" is forbidden: User "simulated" cannot get resource "clusters" in API group "postgresql.cnpg.io" in the namespace "default"',
    ],
    [
      'list in a namespace',
      'GET',
      clusters,
      { verb: 'list', group: 'postgresql.cnpg.io' },
      'clusters.postgresql.cnpg.io is forbidden: User "simulated" cannot list resource "clusters" in API group "postgresql.cnpg.io" in the namespace "default"',
    ],
    [
      'list everywhere',
      'GET',
      '/apis/postgresql.cnpg.io/v1/clusters',
      { resource: 'clusters' },
      'clusters.postgresql.cnpg.io is forbidden: User "simulated" cannot list resource "clusters" in API group "postgresql.cnpg.io" at the cluster scope',
    ],
    [
      'subresource of the core group',
      'GET',
      `${core('default')}/pods/x/log`,
      { resource: 'pods/log' },
      'pods "x" is forbidden: User "simulated" cannot get resource "pods/log" in API group "" in the namespace "default"',
    ],
    [
      'status',
      'PATCH',
      `${clusters}/a/status`,
      { resource: 'clusters', subresource: 'status' },
      'clusters.postgresql.cnpg.io "a" is forbidden: User "simulated" cannot patch resource "clusters/status" in API group "postgresql.cnpg.io" in the namespace "default"',
    ],
  ])('is answered in the words of the API server: %s', async (_, method, path, rule, message) => {
    const simulator = await simulate();
    simulator.deny(rule);
    const { body } = await send(simulator, method, path);
    expect(body).toMatchObject({ code: 403, reason: 'Forbidden', message });
  });

  it('for a resource leaves out its subresources when the rule says so', async () => {
    const simulator = await simulate();
    simulator.deny({ resource: 'clusters', subresource: '', verb: 'patch' });
    await send(simulator, 'POST', clusters, cluster('a'));
    expect((await patch(simulator, `${clusters}/a/status`, { status: { phase: 'x' } })).status).toBe(200);
    expect((await patch(simulator, `${clusters}/a`, {})).status).toBe(403);
  });
});

describe('rules', () => {
  it('are decided by the newest that matches', async () => {
    const simulator = await simulate();
    simulator.deny({ user: 'simulated' });
    simulator.allow({ verb: 'list', resource: 'clusters', namespace: 'default' });
    expect((await send(simulator, 'GET', clusters)).status).toBe(200);
    expect((await send(simulator, 'GET', `${cnpg('other')}/clusters`)).status).toBe(403);
    simulator.resetAccess();
    expect((await send(simulator, 'GET', `${cnpg('other')}/clusters`)).status).toBe(200);
  });

  it('are what the reviews answer', async () => {
    const simulator = await simulate();
    simulator.deny({ verb: 'delete', resource: 'clusters' });
    const group = 'postgresql.cnpg.io';
    expect(await mayI(simulator, { verb: 'delete', group, resource: 'clusters', namespace: 'default' })).toBe(
      false,
    );
    expect(await mayI(simulator, { verb: 'get', group, resource: 'clusters', namespace: 'default' })).toBe(
      true,
    );
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    const { status } = (await send(simulator, 'POST', path, { spec: { namespace: 'default' } })).body;
    const rule = (status.resourceRules as Fields[]).find(({ resources }) => resources.includes('clusters'));
    expect(rule?.verbs).not.toContain('delete');
    expect(rule?.verbs).toContain('get');
    expect(status.incomplete).toBe(false);
  });

  it('cannot be asked about nothing', async () => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      spec: {},
    });
    expect(body).toMatchObject({ code: 422, reason: 'Invalid' });
  });
});

describe('who one is', () => {
  const whoAmI = async (simulator: Simulator, headers: Record<string, string> = {}) =>
    (await send(simulator, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, headers)).body;

  it('is the user of the kubeconfig', async () => {
    const simulator = await simulate();
    expect((await whoAmI(simulator)).status.userInfo).toEqual({
      username: 'simulated',
      groups: ['system:authenticated'],
    });
  });

  it.each([['another'], ['']])('is nobody with the token "%s"', async (token) => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'GET', clusters, undefined, { authorization: `Bearer ${token}` });
    expect(body).toMatchObject({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
    expect(simulator.requests[0]).toMatchObject({ user: '', status: 401 });
  });

  it('is the impersonated user, with the groups', async () => {
    const simulator = await simulate();
    const body = await whoAmI(simulator, { 'impersonate-user': 'ann', 'impersonate-group': 'dba' });
    expect(body.status.userInfo).toEqual({ username: 'ann', groups: ['dba', 'system:authenticated'] });
    expect(simulator.requests[0]).toMatchObject({ user: 'ann', groups: ['dba', 'system:authenticated'] });
  });
});

describe('impersonation', () => {
  it('puts the rules of the impersonated user in force', async () => {
    const simulator = await simulate();
    simulator.deny({ user: 'ann', resource: 'clusters' });
    expect((await send(simulator, 'GET', clusters)).status).toBe(200);
    const { body } = await send(simulator, 'GET', clusters, undefined, { 'impersonate-user': 'ann' });
    expect(body.message).toMatch(/User "ann" cannot list resource "clusters"/);
    expect(
      await mayI(
        simulator,
        { verb: 'list', group: 'postgresql.cnpg.io', resource: 'clusters' },
        { 'impersonate-user': 'ann' },
      ),
    ).toBe(false);
  });

  it.each([
    [
      'users',
      { 'impersonate-user': 'ann' },
      'users "ann" is forbidden: User "simulated" cannot impersonate resource "users" in API group "" at the cluster scope',
    ],
    [
      'groups',
      { 'impersonate-user': 'ann', 'impersonate-group': 'dba' },
      'groups "dba" is forbidden: User "simulated" cannot impersonate resource "groups" in API group "" at the cluster scope',
    ],
    [
      'serviceaccounts',
      { 'impersonate-user': 'system:serviceaccount:default:app' },
      'serviceaccounts "app" is forbidden: User "simulated" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "default"',
    ],
  ])('of %s can be denied', async (resource, headers, message) => {
    const simulator = await simulate();
    simulator.deny({ verb: 'impersonate', resource });
    expect((await send(simulator, 'GET', clusters, undefined, headers)).body).toMatchObject({
      code: 403,
      message,
    });
  });

  it('of groups alone is a mistake', async () => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'GET', clusters, undefined, { 'impersonate-group': 'dba' });
    expect(body.code).toBe(400);
    expect(body.message).toMatch(/without impersonating a user name$/);
  });

  it('takes several groups in headers of their own', async () => {
    const simulator = await simulate();
    const { request } = await import('node:http');
    await new Promise<void>((resolve) => {
      const headers = {
        authorization: 'Bearer simulated',
        'impersonate-user': 'ann',
        'impersonate-group': ['a', 'b'],
      };
      request(`${simulator.url}${clusters}`, { headers }, (response) =>
        response.resume().on('end', resolve),
      ).end();
    });
    expect(simulator.requests[0]?.groups).toEqual(['a', 'b', 'system:authenticated']);
  });
});

describe('recorded requests', () => {
  it('say what was asked for', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    await patch(simulator, `${clusters}/a/status?dryRun=All`, { status: {} });
    await send(simulator, 'GET', `${core('default')}/pods/https:a-1:8000/proxy/pg/status`);
    await send(simulator, 'GET', '/version');
    expect(simulator.requests).toMatchObject([
      {
        verb: 'create',
        group: 'postgresql.cnpg.io',
        resource: 'clusters',
        namespace: 'default',
        dryRun: false,
        status: 201,
        method: 'POST',
      },
      {
        verb: 'patch',
        resource: 'clusters',
        subresource: 'status',
        name: 'a',
        dryRun: true,
        contentType: 'application/merge-patch+json',
      },
      { verb: 'get', group: '', resource: 'pods', subresource: 'proxy', name: 'https:a-1:8000', status: 404 },
      { verb: 'get', group: '', resource: '', path: '/version', status: 200 },
    ]);
    simulator.clearRequests();
    expect(simulator.requests).toEqual([]);
  });

  it('name the namespace of a namespace itself', async () => {
    const simulator = await simulate();
    await send(simulator, 'GET', '/api/v1/namespaces/default');
    expect(simulator.requests[0]).toMatchObject({
      resource: 'namespaces',
      name: 'default',
      namespace: 'default',
    });
  });
});

describe('objects put past the API', () => {
  it('get uid, resourceVersion and generation, and make their namespace', async () => {
    const simulator = await simulate();
    const first = simulator.state.put({
      ...object('Cluster', 'a', { instances: 1 }),
      metadata: { name: 'a', namespace: 'new' },
    });
    expect(first.metadata).toMatchObject({
      generation: 1,
      uid: expect.any(String),
      resourceVersion: expect.any(String),
    });
    const second = simulator.state.put({ ...first, spec: { instances: 2 }, status: { phase: 'x' } });
    expect(second.metadata).toMatchObject({ generation: 2, uid: first.metadata.uid });
    expect((await send(simulator, 'GET', `${cnpg('new')}/clusters/a`)).body.status).toEqual({ phase: 'x' });
    expect(simulator.state.get('namespaces', undefined, 'new')?.status).toEqual({ phase: 'Active' });
  });

  it('are copies: changing one changes nothing', async () => {
    const simulator = await simulate();
    const put = simulator.state.put({ ...cluster('a'), metadata: { name: 'a', namespace: 'default' } });
    put.spec = {};
    expect(simulator.state.get('clusters', 'default', 'a')?.spec?.instances).toBe(1);
  });

  it('can be awaited, and the wait says what is missing', async () => {
    const simulator = await simulate();
    const wait = simulator.state.until('clusters', 'default', 'a', (found) => found !== undefined);
    simulator.state.put({ ...cluster('a'), metadata: { name: 'a', namespace: 'default' } });
    expect((await wait)?.metadata.name).toBe('a');
    await expect(
      simulator.state.until('clusters', 'default', 'b', (found) => found !== undefined, 10),
    ).rejects.toThrow('clusters default/b is not as awaited after 10 ms');
  });
});
