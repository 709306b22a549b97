import { beforeAll, describe, expect, it } from 'vitest';
import type { Subject } from './gateway.contract.ts';
import { database, errorOf, secret } from './support.ts';

const tier = 'contract.example/tier';

export function readingContract(subject: Subject, forgets: boolean): void {
  describe('reading', () => {
    const names = ['page-a', 'page-b', 'page-c', 'page-d', 'page-e'];
    beforeAll(async () => {
      const { gateway, namespace } = subject();
      for (const name of names) {
        await gateway.create(
          'secrets',
          secret(namespace, name, { [tier]: name === 'page-c' ? 'odd' : 'even' }),
        );
      }
    });
    const page = { labelSelector: `${tier} in (odd,even)` };

    it('gets an object with its kind and identity, and without the bookkeeping of managed fields', async () => {
      const { gateway, namespace } = subject();
      const found = await gateway.get('secrets', { namespace, name: 'page-a' });
      expect(found).toMatchObject({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'page-a', namespace, uid: expect.any(String), resourceVersion: expect.any(String) },
      });
      expect(found.metadata).not.toHaveProperty('managedFields');
    });

    it('says that an object is not there', async () => {
      const { gateway, namespace } = subject();
      const error = await errorOf(gateway.get('databases', { namespace, name: 'missing' }));
      expect(error).toMatchObject({ code: 'not_found', api: { status: 404, reason: 'NotFound' } });
      expect(error.message).toContain(`Database "missing" in namespace "${namespace}"`);
    });

    it('reads from a namespace that does not exist as from an empty one', async () => {
      const { gateway, namespace } = subject();
      const nowhere = `${namespace}-none`;
      expect((await gateway.list('databases', { namespace: nowhere })).items).toEqual([]);
      const error = await errorOf(gateway.get('databases', { namespace: nowhere, name: 'missing' }));
      expect(error.code).toBe('not_found');
    });

    it('refuses a name that is none before it reaches the API server', async () => {
      const { gateway, namespace } = subject();
      const error = await errorOf(gateway.get('secrets', { namespace, name: '../secrets' }));
      expect(error).toMatchObject({ code: 'invalid_arguments', api: undefined });
    });

    it('lists everything in the order of names, each item with its kind', async () => {
      const { gateway, namespace } = subject();
      const { items, continue: token } = await gateway.list('secrets', { namespace, ...page });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(names);
      expect(items.every(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Secret')).toBe(true);
      expect(token).toBeUndefined();
    });

    it('selects by labels and by name', async () => {
      const { gateway, namespace } = subject();
      const odd = await gateway.list('secrets', { namespace, labelSelector: `${tier}=odd` });
      expect(odd.items.map(({ metadata }) => metadata.name)).toEqual(['page-c']);
      const named = await gateway.list('secrets', { namespace, fieldSelector: 'metadata.name=page-d' });
      expect(named.items.map(({ metadata }) => metadata.name)).toEqual(['page-d']);
    });

    it('lists over all namespaces', async () => {
      const { gateway, namespace } = subject();
      const { items } = await gateway.list('secrets', { labelSelector: `${tier}=odd` });
      expect(items.map(({ metadata }) => metadata.namespace)).toContain(namespace);
    });

    it('goes from page to page, and a page shows the list as it was when the first was read', async () => {
      const { gateway, namespace } = subject();
      const first = await gateway.list('databases', { namespace, limit: 2 });
      expect(first).toEqual({ items: [], resourceVersion: expect.any(String) });

      for (const name of ['list-a', 'list-c', 'list-d']) {
        await gateway.create('databases', database(namespace, name));
      }
      const one = await gateway.list('databases', { namespace, limit: 1 });
      expect(one).toMatchObject({ items: [{ metadata: { name: 'list-a' } }], remaining: 2 });
      await gateway.create('databases', database(namespace, 'list-b'));
      const two = await gateway.list('databases', { namespace, limit: 1, continue: one.continue });
      expect(two).toMatchObject({ items: [{ metadata: { name: 'list-c' } }], remaining: 1 });
      const three = await gateway.list('databases', { namespace, limit: 1, continue: two.continue });
      expect(three.items.map(({ metadata }) => metadata.name)).toEqual(['list-d']);
      expect(three.continue).toBeUndefined();
      expect([two.resourceVersion, three.resourceVersion]).toEqual([
        one.resourceVersion,
        one.resourceVersion,
      ]);
    });

    if (forgets) {
      it('says how to go on when a continuation token has expired', async () => {
        const { gateway, namespace, expire } = subject();
        const { continue: token = '' } = await gateway.list('secrets', { namespace, limit: 2 });
        const expired = expire(token);
        const error = await errorOf(gateway.list('secrets', { namespace, limit: 2, continue: expired }));
        expect(error).toMatchObject({ code: 'conflict', api: { status: 410, reason: 'Expired' } });
        expect(error.hint).toContain('Start again');
      });
    }

    it('takes a continuation token that was never given out for an expired one', async () => {
      const { gateway, namespace } = subject();
      const error = await errorOf(gateway.list('secrets', { namespace, limit: 2, continue: 'abc' }));
      expect(error).toMatchObject({ code: 'conflict', api: { status: 400 } });
      expect(error.hint).toContain('Start again');
    });

    it('says that a pod is not there, whatever is wanted of it', async () => {
      const { gateway, namespace } = subject();
      const key = { namespace, name: 'missing' };
      const log = await errorOf(gateway.podLog(key, { container: 'postgres', tailLines: 10 }));
      const status = await errorOf(gateway.podProxy(key, 'pg/status'));
      expect([log.code, status.code]).toEqual(['not_found', 'not_found']);
    });

    it('knows what the cluster offers', async () => {
      const capabilities = await subject().gateway.capabilities({ operatorVersion: true });
      expect(capabilities.kubernetesVersion).toMatch(/^v1\.\d+\.\d+/);
      expect(capabilities.operatorVersion).toMatch(/^1\.\d+\.\d+/);
      expect(capabilities.cnpgKinds).toContain('clusters');
      expect(capabilities.databaseRoles).toBe(capabilities.cnpgKinds.has('databaseroles'));
    });
  });
}
