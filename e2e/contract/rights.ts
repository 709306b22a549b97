import { describe, expect, it } from 'vitest';
import type { Subject } from './gateway.contract.ts';
import { errorOf } from './support.ts';

export function rightsContract(subject: Subject): void {
  const cnpg = 'postgresql.cnpg.io';

  describe('rights', () => {
    it('names the missing right and who lacks it', async () => {
      const { gateway, namespace, stranger } = subject();
      const limited = gateway.as({ user: stranger, groups: [] });
      const error = await errorOf(limited.get('clusters', { namespace, name: 'any' }));
      expect(error).toMatchObject({
        code: 'forbidden',
        api: { status: 403, reason: 'Forbidden' },
        missingRight: {
          verb: 'get',
          group: cnpg,
          resource: 'clusters',
          namespace,
          name: 'any',
          identity: stranger,
        },
      });
      expect(error.message).toContain(`${stranger} may not get clusters.${cnpg} in namespace "${namespace}"`);
    });

    it('names the subresource of a missing right', async () => {
      const { gateway, namespace, stranger } = subject();
      const limited = gateway.as({ user: stranger, groups: [] });
      const log = limited.podLog({ namespace, name: 'any' }, { container: 'postgres', tailLines: 1 });
      expect((await errorOf(log)).missingRight).toMatchObject({
        verb: 'get',
        group: '',
        resource: 'pods',
        subresource: 'log',
      });
    });

    it('says that a right is missing in the whole cluster', async () => {
      const { gateway, stranger } = subject();
      const error = await errorOf(gateway.as({ user: stranger, groups: [] }).list('clusters', {}));
      expect(error.missingRight).toEqual({
        verb: 'list',
        group: cnpg,
        resource: 'clusters',
        identity: stranger,
      });
    });

    it('answers questions about rights in the order asked', async () => {
      const { gateway, namespace, stranger } = subject();
      const questions = [
        { verb: 'get', group: '', resource: 'pods', subresource: 'log', namespace },
        { verb: 'create', group: cnpg, resource: 'clusters', namespace },
        { verb: 'list', group: cnpg, resource: 'clusters' },
      ];
      const own = await gateway.mayI(questions);
      expect(own.map(({ allowed, reason: _, ...question }) => [question, allowed])).toEqual(
        questions.map((question) => [question, true]),
      );
      const others = await gateway.as({ user: stranger, groups: [] }).mayI(questions);
      expect(others.map(({ allowed }) => allowed)).toEqual([false, false, false]);
    });

    it('acts as another user, in several groups', async () => {
      const { gateway, stranger } = subject();
      const identity = await gateway.as({ user: stranger, groups: ['one', 'two, three'] }).whoAmI();
      expect(identity.username).toBe(stranger);
      expect(identity.groups.toSorted()).toEqual(['one', 'system:authenticated', 'two, three']);
      expect((await gateway.whoAmI()).username).not.toBe(stranger);
    });
  });
}
