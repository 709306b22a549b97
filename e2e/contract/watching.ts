import { describe, expect, it } from 'vitest';
import type { Subject } from './gateway.contract.ts';
import { database, errorOf, field } from './support.ts';

export function watchingContract(subject: Subject): void {
  describe('watching', () => {
    it('sees one object come, change and go, and no other', async () => {
      const { gateway, namespace } = subject();
      const key = { namespace, name: 'watched' };
      const seen: (string | undefined)[] = [];
      const steps: (() => Promise<unknown>)[] = [
        async () => {
          await gateway.create('databases', database(namespace, 'beside'));
          await gateway.create('databases', database(namespace, 'watched'));
        },
        () => gateway.patch('databases', key, { type: 'merge', body: { spec: { owner: 'other' } } }),
        () => gateway.remove('databases', key),
      ];
      const done: Promise<unknown>[] = [];
      const last = await gateway.watchUntil('databases', { ...key, timeoutSeconds: 15 }, (objects) => {
        const [object] = objects;
        expect(object?.metadata ?? {}).not.toHaveProperty('managedFields');
        seen.push(object && `${object.metadata.name} of ${field(object, 'spec', 'owner')}`);
        const next = steps.shift();
        if (next) done.push(next());
        return next ? 'continue' : { done: objects.length };
      });
      await Promise.all(done);
      expect(seen).toEqual([undefined, 'watched of app', 'watched of other', undefined]);
      expect(last).toBe(0);
    });

    it('sees an object leave when it no longer has the label', async () => {
      const { gateway, namespace } = subject();
      const labelSelector = 'contract.example/watched=yes';
      const labelled = database(namespace, 'labelled');
      labelled.metadata.labels = { 'contract.example/watched': 'yes' };
      await gateway.create('databases', labelled);
      const key = { namespace, name: 'labelled' };
      const unlabel = { metadata: { labels: { 'contract.example/watched': 'no' } } };
      let change: Promise<unknown> | undefined;
      const counts: number[] = [];
      await gateway.watchUntil('databases', { namespace, labelSelector, timeoutSeconds: 15 }, (objects) => {
        counts.push(objects.length);
        change ??= gateway.patch('databases', key, { type: 'merge', body: unlabel });
        return objects.length === 0 ? { done: true } : 'continue';
      });
      await change;
      expect(counts).toEqual([1, 0]);
    });

    it('gives up at its deadline', async () => {
      const { gateway, namespace } = subject();
      const options = { namespace, name: 'never', timeoutSeconds: 1 };
      const error = await errorOf(gateway.watchUntil('databases', options, () => 'continue'));
      expect(error.code).toBe('timeout');
      expect(error.message).toContain('1 s');
    });

    it('stops when it is cancelled', async () => {
      const { gateway, namespace } = subject();
      const cancel = new AbortController();
      const options = { namespace, name: 'never', signal: cancel.signal };
      const watching = gateway.watchUntil('databases', options, () => {
        setImmediate(() => cancel.abort());
        return 'continue';
      });
      expect((await errorOf(watching)).code).toBe('cancelled');
    });

    it('is refused to a user who may neither watch nor read', async () => {
      const { gateway, namespace, stranger } = subject();
      const limited = gateway.as({ user: stranger, groups: [] });
      let decisions = 0;
      const watching = limited.watchUntil('databases', { namespace, name: 'never' }, () => {
        decisions += 1;
        return 'continue';
      });
      expect((await errorOf(watching)).code).toBe('forbidden');
      expect(decisions).toBe(0);
    });
  });
}
