import { describe, expect, it } from 'vitest';
import { resources } from '../resources.ts';
import { pathOf, podProxyPath } from './paths.ts';

describe('paths', () => {
  it.each([
    [{ type: resources.clusters }, '/apis/postgresql.cnpg.io/v1/clusters'],
    [{ type: resources.clusters, namespace: 'a' }, '/apis/postgresql.cnpg.io/v1/namespaces/a/clusters'],
    [{ type: resources.pods, namespace: 'a', name: 'p-1' }, '/api/v1/namespaces/a/pods/p-1'],
    [{ type: resources.storageclasses, name: 'fast.ssd' }, '/apis/storage.k8s.io/v1/storageclasses/fast.ssd'],
    [
      { type: resources.clusters, namespace: 'a', name: 'b', subresource: 'status' },
      '/apis/postgresql.cnpg.io/v1/namespaces/a/clusters/b/status',
    ],
  ])('lead to the resource', (target, path) => {
    expect(pathOf(target)).toBe(path);
  });

  it('pass over the namespace of a kind that has none', () => {
    expect(pathOf({ type: resources.namespaces, namespace: 'a', name: 'b' })).toBe('/api/v1/namespaces/b');
  });

  it('encode the query and leave out what is not given', () => {
    const query = { labelSelector: 'a=b,c in (d,e)', limit: 2, continue: undefined };
    expect(pathOf({ type: resources.pods }, query)).toBe(
      '/api/v1/pods?labelSelector=a%3Db%2Cc+in+%28d%2Ce%29&limit=2',
    );
  });

  it.each([
    '',
    '.',
    '..',
    '../secrets',
    'a/b',
    'a%2fb',
    'A',
    'a_b',
    '-a',
    'a-',
    'a b',
    'a?b',
    'a#b',
    'a\n',
    'é',
    'a..b',
    'x'.repeat(254),
  ])('refuse %j as the name of an object', (name) => {
    expect(() => pathOf({ type: resources.pods, namespace: 'a', name })).toThrow(
      'cannot be the name of a Pod',
    );
    expect(() => podProxyPath('a', name, 'https', 'pg/status')).toThrow('cannot be the name of a Pod');
  });

  it.each(['', '..', 'a.b', 'kube/system', 'x'.repeat(64)])('refuse %j as a namespace', (namespace) => {
    expect(() => pathOf({ type: resources.pods, namespace })).toThrow('cannot be the name of a namespace');
  });

  it('never name an object of a namespaced kind without its namespace', () => {
    expect(() => pathOf({ type: resources.pods, name: 'a' })).toThrow('without its namespace');
  });

  it("lead to the instance manager's pages", () => {
    expect(podProxyPath('a', 'p-1', 'https', 'pg/status')).toBe(
      '/api/v1/namespaces/a/pods/https:p-1:8000/proxy/pg/status',
    );
    expect(podProxyPath('a', 'p-1', 'http', 'metrics')).toBe(
      '/api/v1/namespaces/a/pods/p-1:9187/proxy/metrics',
    );
  });
});
