import { describe, expect, it } from 'vitest';
import type { JsonPatchStep, KubeObject } from '../../server/src/kube/gateway.ts';
import type { Subject } from './gateway.contract.ts';
import { cluster, database, errorOf, field, secret } from './support.ts';

export function writingContract(subject: Subject): void {
  const made = async (name: string, more: Record<string, unknown> = {}): Promise<KubeObject> => {
    const { gateway, namespace } = subject();
    return (await gateway.create('databases', database(namespace, name, more))).object;
  };
  const read = async (name: string): Promise<KubeObject> => {
    const { gateway, namespace } = subject();
    return gateway.get('databases', { namespace, name });
  };
  const merge = (name: string, body: Record<string, unknown>) => {
    const { gateway, namespace } = subject();
    return gateway.patch('databases', { namespace, name }, { type: 'merge', body });
  };
  const json = (name: string, body: JsonPatchStep[]) => {
    const { gateway, namespace } = subject();
    return gateway.patch('databases', { namespace, name }, { type: 'json', body });
  };

  describe('creating', () => {
    it('answers with the defaults of the schema, and passes over a status', async () => {
      const { gateway, namespace } = subject();
      const given = { ...database(namespace, 'new'), status: { applied: true } };
      const { object, warnings } = await gateway.create('databases', given);
      expect(object).toMatchObject({
        apiVersion: 'postgresql.cnpg.io/v1',
        kind: 'Database',
        metadata: { name: 'new', generation: 1, uid: expect.any(String) },
        spec: { ensure: 'present', databaseReclaimPolicy: 'retain' },
      });
      expect(object).not.toHaveProperty('status');
      expect(warnings).toEqual([]);
    });

    it("answers with the defaults of the operator's webhook", async () => {
      const { gateway, namespace } = subject();
      const { object } = await gateway.create('clusters', cluster(namespace, 'new'), { dryRun: true });
      expect(field(object, 'spec', 'imageName')).toMatch(/postgresql:\d+/);
      expect(field(object, 'spec', 'bootstrap', 'initdb')).toMatchObject({ database: 'app', owner: 'app' });
      expect(field(object, 'spec', 'postgresql', 'parameters', 'archive_mode')).toBe('on');
    });

    it("hands the operator's warnings over", async () => {
      const { gateway, namespace } = subject();
      const spec = { schedule: '0 0 * * *', cluster: { name: 'no-such-cluster' } };
      const { warnings } = await gateway.create(
        'scheduledbackups',
        { metadata: { name: 'five-fields', namespace }, spec },
        { dryRun: true },
      );
      expect(warnings.join()).toContain('six arguments are needed');
    });

    it('refuses what exists', async () => {
      await made('twice');
      const error = await errorOf(made('twice'));
      expect(error).toMatchObject({ code: 'already_exists', api: { status: 409, reason: 'AlreadyExists' } });
    });

    it('names a namespace that is missing', async () => {
      const { gateway, namespace } = subject();
      const nowhere = `${namespace}-none`;
      for (const creating of [
        () => gateway.create('databases', database(nowhere, 'new')),
        () => gateway.create('secrets', secret(nowhere, 'new')),
      ]) {
        const error = await errorOf(creating());
        expect(error.code).toBe('namespace_not_found');
        expect(error.message).toContain(nowhere);
      }
    });

    it('says that a namespace is on its way out', async () => {
      const { gateway, namespace } = subject();
      const leaving = `${namespace}-leaving`;
      await gateway.create('namespaces', { metadata: { name: leaving } });
      const held = secret(leaving, 'held');
      held.metadata.finalizers = ['contract.example/hold'];
      await gateway.create('secrets', held);
      await gateway.remove('namespaces', { name: leaving });
      const error = await errorOf(gateway.create('databases', database(leaving, 'late')));
      expect(error).toMatchObject({ code: 'conflict', api: { status: 403, reason: 'Forbidden' } });
      expect(error.message).toContain(`Namespace "${leaving}" is being deleted`);
      const release = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
      await gateway.patch('secrets', { namespace: leaving, name: 'held' }, release);
    });

    it('names a field that the kind does not have', async () => {
      const error = await errorOf(made('wrong', { colour: 'blue' }));
      expect(error).toMatchObject({
        code: 'invalid_object',
        details: { fields: ['spec.colour'], quoted: 'strict decoding error: unknown field "spec.colour"' },
      });
    });

    it('names a field whose value the schema refuses', async () => {
      const error = await errorOf(made('wrong', { ensure: 'maybe' }));
      expect(error).toMatchObject({
        code: 'invalid_object',
        api: { status: 422, reason: 'Invalid' },
        details: {
          fields: ['spec.ensure'],
          quoted: expect.stringContaining(
            'Unsupported value: "maybe": supported values: "present", "absent"',
          ),
        },
      });
      expect(error.message).toContain('spec.ensure');
      expect(error.message).not.toContain('maybe');
    });

    it("names a field whose value the operator's webhook refuses", async () => {
      const { gateway, namespace } = subject();
      const wrong = cluster(namespace, 'wrong', { storage: { size: 'huge' } });
      const error = await errorOf(gateway.create('clusters', wrong, { dryRun: true }));
      expect(error).toMatchObject({
        code: 'invalid_object',
        details: {
          fields: ['spec.storage.size'],
          quoted: expect.stringContaining(`Invalid value: "huge": Size value isn't valid`),
        },
      });
    });
  });

  describe('a dry run', () => {
    it('leaves nothing behind', async () => {
      const { gateway, namespace } = subject();
      const key = { namespace, name: 'dry' };
      const tried = await gateway.create('databases', database(namespace, 'dry'), { dryRun: true });
      expect(tried.object.metadata.uid).toEqual(expect.any(String));
      expect((await errorOf(read('dry'))).code).toBe('not_found');

      await made('dry');
      const before = await read('dry');
      const patch = { type: 'merge', body: { spec: { owner: 'other' } } } as const;
      const patched = await gateway.patch('databases', key, patch, { dryRun: true });
      expect(field(patched.object, 'spec', 'owner')).toBe('other');
      await gateway.remove('databases', key, { dryRun: true });
      expect(await read('dry')).toEqual(before);
    });

    it('finds what would be refused', async () => {
      const { gateway, namespace } = subject();
      await made('dry-twice');
      const again = gateway.create('databases', database(namespace, 'dry-twice'), { dryRun: true });
      expect((await errorOf(again)).code).toBe('already_exists');
    });
  });

  describe('patching', () => {
    it('merges: sets, removes by null, and counts a generation for the spec only', async () => {
      await made('merged', { connectionLimit: 10 });
      const { object } = await merge('merged', { spec: { connectionLimit: null, owner: 'other' } });
      expect(object.spec).not.toHaveProperty('connectionLimit');
      expect(field(object, 'spec', 'owner')).toBe('other');
      expect(object.metadata.generation).toBe(2);
      const labelled = await merge('merged', { metadata: { labels: { a: 'b' } } });
      expect(labelled.object.metadata).toMatchObject({ generation: 2, labels: { a: 'b' } });
    });

    it('leaves the version alone when nothing changes', async () => {
      const { metadata } = await made('unchanged');
      const { object } = await merge('unchanged', { spec: { owner: 'app' } });
      expect(object.metadata.resourceVersion).toBe(metadata.resourceVersion);
    });

    it('takes JSON patches, whose tests are preconditions', async () => {
      const { metadata } = await made('steps');
      const guard: JsonPatchStep[] = [
        { op: 'test', path: '/metadata/uid', value: metadata.uid },
        { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
      ];
      const { object } = await json('steps', [
        ...guard,
        { op: 'replace', path: '/spec/owner', value: 'other' },
      ]);
      expect(field(object, 'spec', 'owner')).toBe('other');
      const late = await errorOf(
        json('steps', [...guard, { op: 'replace', path: '/spec/owner', value: 'third' }]),
      );
      expect(late).toMatchObject({ code: 'conflict', api: { status: 422 } });
      expect(field(await read('steps'), 'spec', 'owner')).toBe('other');
    });

    it('tells a JSON patch that cannot be applied from one whose tests failed', async () => {
      await made('no-path');
      const error = await errorOf(json('no-path', [{ op: 'remove', path: '/spec/connectionLimit' }]));
      expect(error).toMatchObject({ code: 'invalid_object', api: { status: 422 } });
    });

    it('refuses a merge meant for an older version, or for another object of the same name', async () => {
      const { metadata } = await made('guarded');
      await merge('guarded', { spec: { owner: 'other' } });
      const { resourceVersion } = metadata;
      const old = await errorOf(
        merge('guarded', { metadata: { resourceVersion }, spec: { owner: 'third' } }),
      );
      expect(old).toMatchObject({ code: 'conflict', api: { status: 409, reason: 'Conflict' } });
      const uid = '00000000-0000-0000-0000-000000000000';
      const other = await errorOf(merge('guarded', { metadata: { uid }, spec: { owner: 'third' } }));
      expect(other).toMatchObject({ code: 'conflict', api: { status: 422 } });
      expect(field(await read('guarded'), 'spec', 'owner')).toBe('other');
    });

    it('refuses a merge meant for another Secret of the same name', async () => {
      const { gateway, namespace } = subject();
      await gateway.create('secrets', secret(namespace, 'guarded'));
      const body = { metadata: { uid: '00000000-0000-0000-0000-000000000000', labels: { a: 'b' } } };
      const key = { namespace, name: 'guarded' };
      expect((await errorOf(gateway.patch('secrets', key, { type: 'merge', body }))).code).toBe('conflict');
    });

    it('applies: creates, changes what is its own, and does not take what is not', async () => {
      const { gateway, namespace } = subject();
      const apply = (name: string, owner: string) => {
        const complete = { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Database' };
        const body = { ...database(namespace, name, { owner }), ...complete };
        return gateway.patch('databases', { namespace, name }, { type: 'apply', body });
      };
      await apply('applied', 'one');
      expect(field((await apply('applied', 'two')).object, 'spec', 'owner')).toBe('two');

      await made('owned');
      const error = await errorOf(apply('owned', 'mine'));
      expect(error).toMatchObject({ code: 'conflict', api: { status: 409, reason: 'Conflict' } });
      expect(error.details?.quoted).toContain('Apply failed with');
    });

    it('changes the status through its subresource only, and the rest not through it', async () => {
      const { gateway, namespace } = subject();
      const key = { namespace, name: 'with-status' };
      await made('with-status');
      const both = { type: 'merge', body: { spec: { owner: 'other' }, status: { applied: true } } } as const;
      const { object } = await gateway.patch('databases', key, both, { subresource: 'status' });
      expect(object).toMatchObject({ spec: { owner: 'app' }, status: { applied: true } });
      const body = { spec: { owner: 'other' }, status: { applied: false } };
      expect((await merge('with-status', body)).object).toMatchObject({
        spec: { owner: 'other' },
        status: { applied: true },
      });
    });

    it('refuses a field that the kind does not have', async () => {
      await made('strict');
      const error = await errorOf(merge('strict', { spec: { colour: 'blue' } }));
      expect(error).toMatchObject({ code: 'invalid_object', details: { fields: ['spec.colour'] } });
    });

    it('refuses a change of what is immutable', async () => {
      await made('fixed');
      const error = await errorOf(merge('fixed', { spec: { cluster: { name: 'other' } } }));
      expect(error).toMatchObject({ code: 'invalid_object', details: { fields: ['spec.cluster'] } });
    });

    it('says that the object is not there', async () => {
      const error = await errorOf(merge('missing', { spec: { owner: 'other' } }));
      expect(error.code).toBe('not_found');
    });
  });

  describe('removing', () => {
    it('removes this very object, and no other of its name', async () => {
      const { gateway, namespace } = subject();
      const key = { namespace, name: 'removed' };
      const { metadata } = await made('removed');
      const other = await errorOf(gateway.remove('databases', key, { uid: 'another' }));
      expect(other).toMatchObject({ code: 'conflict', api: { status: 409, reason: 'Conflict' } });
      expect(other.details?.quoted).toContain('the UID in the precondition (another) does not match');
      const older = await errorOf(gateway.remove('databases', key, { resourceVersion: '1' }));
      expect(older).toMatchObject({ code: 'conflict', api: { status: 409, reason: 'Conflict' } });

      const { uid, resourceVersion } = metadata;
      await gateway.remove('databases', key, { uid, resourceVersion });
      expect((await errorOf(read('removed'))).code).toBe('not_found');
    });

    it('says that there is nothing to remove', async () => {
      const { gateway, namespace } = subject();
      const removing = gateway.remove('databases', { namespace, name: 'missing' });
      expect((await errorOf(removing)).code).toBe('not_found');
    });

    it('leaves an object with a finalizer to whoever put it there', async () => {
      const { gateway, namespace } = subject();
      const key = { namespace, name: 'held' };
      const held = secret(namespace, 'held');
      held.metadata.finalizers = ['contract.example/hold'];
      await gateway.create('secrets', held);
      await gateway.remove('secrets', key);
      const leaving = await gateway.get('secrets', key);
      expect(leaving.metadata.deletionTimestamp).toEqual(expect.any(String));
      await gateway.patch('secrets', key, { type: 'merge', body: { metadata: { finalizers: null } } });
      expect((await errorOf(gateway.get('secrets', key))).code).toBe('not_found');
    });
  });
}
