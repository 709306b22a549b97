import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cnpg, send, simulate } from '../test-client.ts';
import type { Fields } from '../types.ts';

const names = (list: Fields) => (list.resources as Fields[]).map(({ name }) => name as string);

describe('discovery', () => {
  it('tells the version of Kubernetes', async () => {
    const simulator = await simulate();
    expect((await send(simulator, 'GET', '/version')).body).toMatchObject({
      major: '1',
      minor: '36',
      gitVersion: 'v1.36.4',
    });
  });

  it('lists groups and their resources', async () => {
    const simulator = await simulate();
    expect((await send(simulator, 'GET', '/api')).body.versions).toEqual(['v1']);
    expect(names((await send(simulator, 'GET', '/api/v1')).body)).toEqual(
      expect.arrayContaining(['pods', 'pods/log', 'pods/proxy', 'secrets', 'events']),
    );
    const { body } = await send(simulator, 'GET', '/apis');
    expect((body.groups as Fields[]).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['postgresql.cnpg.io', 'policy', 'batch']),
    );
    const list = (await send(simulator, 'GET', '/apis/postgresql.cnpg.io/v1')).body;
    expect(names(list)).toEqual(
      expect.arrayContaining([
        'clusters',
        'clusters/status',
        'clusters/scale',
        'databaseroles',
        'failoverquorums',
      ]),
    );
    expect((list.resources as Fields[]).find(({ name }) => name === 'clusters')).toMatchObject({
      namespaced: true,
      kind: 'Cluster',
      verbs: expect.arrayContaining(['watch']),
    });
    expect((list.resources as Fields[]).find(({ name }) => name === 'clusterimagecatalogs')?.namespaced).toBe(
      false,
    );
  });

  it('shows the definitions of the kinds with their schemas', async () => {
    const simulator = await simulate();
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/databases.postgresql.cnpg.io';
    const { body } = await send(simulator, 'GET', path);
    const [version] = body.spec.versions;
    const { spec } = version.schema.openAPIV3Schema.properties;
    expect(spec.required).toEqual(['cluster', 'name', 'owner']);
    expect(spec.properties.ensure).toEqual({
      type: 'string',
      enum: ['present', 'absent'],
      default: 'present',
    });
    expect(spec.properties.name['x-kubernetes-validations'][0]).toEqual({
      rule: 'self == oldSelf',
      message: 'name is immutable',
    });
    expect(version.additionalPrinterColumns).toContainEqual({
      name: 'Applied',
      type: 'boolean',
      jsonPath: '.status.applied',
    });
    expect(body.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Established', status: 'True' }),
    );
  });

  it.each([['/apis/nope.io/v1/things'], [`${cnpg('default')}/things`], ['/nope']])(
    'knows no %s',
    async (path) => {
      const simulator = await simulate();
      const { status, body } = await send(simulator, 'GET', path);
      expect([status, body.text]).toEqual([404, '404 page not found\n']);
    },
  );
});

describe('without the definitions of CloudNativePG', () => {
  it('its kinds are not served until they are installed', async () => {
    const simulator = await simulate({ crds: false });
    expect((await send(simulator, 'GET', '/apis/postgresql.cnpg.io/v1')).status).toBe(404);
    expect((await send(simulator, 'GET', `${cnpg('default')}/clusters`)).status).toBe(404);
    simulator.installCrds();
    expect((await send(simulator, 'GET', `${cnpg('default')}/clusters`)).status).toBe(200);
  });
});

describe('an operator before 1.30', () => {
  it('has no DatabaseRole, no lease settings, no image catalogs for poolers', async () => {
    const simulator = await simulate({ operatorVersion: '1.28.0' });
    expect(names((await send(simulator, 'GET', '/apis/postgresql.cnpg.io/v1')).body)).not.toContain(
      'databaseroles',
    );
    const fields = async (kind: string) => {
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${kind}.postgresql.cnpg.io`;
      return (await send(simulator, 'GET', path)).body.spec.versions[0].schema.openAPIV3Schema.properties.spec
        .properties;
    };
    expect(Object.keys(await fields('clusters'))).not.toContain('primaryLease');
    expect(Object.keys((await fields('poolers')).pgbouncer.properties)).not.toContain('imageCatalogRef');
  });
});

describe('the kubeconfig', () => {
  it('has one context with the token and the namespace default', async () => {
    const simulator = await simulate();
    const config = parse(simulator.kubeconfig) as Fields;
    expect(config['current-context']).toBe('simulated');
    expect(config.clusters[0].cluster).toEqual({ server: simulator.url, 'insecure-skip-tls-verify': true });
    expect(config.contexts[0]).toMatchObject({ name: 'simulated', context: { namespace: 'default' } });
    expect(config.users[0].user).toEqual({ token: 'simulated' });
    expect(simulator.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });
});
