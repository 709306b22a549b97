import { describe, expect, it } from 'vitest';
import { cluster, cnpg, core, patch, send, simulate, types } from '../test-client.ts';

const clusters = `${cnpg('default')}/clusters`;

async function withCluster() {
  const simulator = await simulate();
  const { body } = await send(
    simulator,
    'POST',
    clusters,
    cluster('a', { postgresql: { parameters: { work_mem: '8MB' } } }),
  );
  return { simulator, before: body };
}

describe('a merge patch', () => {
  it('merges maps and removes with null', async () => {
    const { simulator } = await withCluster();
    const parameters = { work_mem: null, max_connections: '200' };
    const { body } = await patch(simulator, `${clusters}/a`, { spec: { postgresql: { parameters } } });
    expect(body.spec.postgresql.parameters).toMatchObject({ max_connections: '200', wal_level: 'logical' });
    expect(body.spec.postgresql.parameters.work_mem).toBeUndefined();
  });

  it('replaces lists', async () => {
    const { simulator } = await withCluster();
    await patch(simulator, `${clusters}/a`, { spec: { postgresql: { pg_hba: ['one', 'two'] } } });
    const { body } = await patch(simulator, `${clusters}/a`, { spec: { postgresql: { pg_hba: ['three'] } } });
    expect(body.spec.postgresql.pg_hba).toEqual(['three']);
  });

  it.each([
    [
      'carries an old resourceVersion',
      { metadata: { resourceVersion: '1' }, spec: { instances: 2 } },
      409,
      /the object has been modified/,
    ],
    [
      'carries another uid',
      { metadata: { uid: 'x' } },
      422,
      /metadata\.uid: Invalid value: "x": field is immutable/,
    ],
    ['carries another name', { metadata: { name: 'b' } }, 400, /does not match the name on the URL/],
    ['is a list', [], 400, /^error decoding patch: json: cannot unmarshal array into Go value of type map/],
    ['is no JSON', '{bad', 400, /^error decoding patch: invalid character 'b'/],
  ])('is refused when it %s', async (_, change, status, message) => {
    const { simulator, before } = await withCluster();
    const { body } = await patch(simulator, `${clusters}/a`, change);
    expect(body.code).toBe(status);
    expect(body.message).toMatch(message);
    expect(simulator.state.get('clusters', 'default', 'a')).toEqual(before);
  });

  it('applies when its resourceVersion is the newest', async () => {
    const { simulator, before } = await withCluster();
    const { resourceVersion } = before.metadata;
    const { status } = await patch(simulator, `${clusters}/a`, {
      metadata: { resourceVersion },
      spec: { instances: 2 },
    });
    expect(status).toBe(200);
  });
});

describe('a JSON patch', () => {
  const apply = async (...operations: unknown[]) => {
    const { simulator } = await withCluster();
    return patch(simulator, `${clusters}/a`, operations, types.json);
  };

  it('tests, adds, replaces, moves, copies and removes', async () => {
    const { body } = await apply(
      { op: 'test', path: '/spec/instances', value: 1 },
      { op: 'replace', path: '/spec/instances', value: 2 },
      { op: 'add', path: '/spec/postgresql/pg_hba', value: ['a'] },
      { op: 'add', path: '/spec/postgresql/pg_hba/-', value: 'c' },
      { op: 'add', path: '/spec/postgresql/pg_hba/1', value: 'b' },
      { op: 'copy', from: '/spec/postgresql/pg_hba', path: '/spec/postgresql/pg_ident' },
      { op: 'remove', path: '/spec/postgresql/pg_ident/0' },
      { op: 'move', from: '/spec/storage/size', path: '/spec/description' },
      { op: 'add', path: '/spec/storage/size', value: '1Gi' },
      { op: 'add', path: '/metadata/annotations', value: { 'a/b': 'c' } },
      { op: 'replace', path: '/metadata/annotations/a~1b', value: 'd' },
    );
    expect(body.spec).toMatchObject({
      instances: 2,
      description: '1Gi',
      postgresql: { pg_hba: ['a', 'b', 'c'], pg_ident: ['b', 'c'] },
    });
    expect(body.metadata.annotations).toEqual({ 'a/b': 'd' });
  });

  it.each([
    ['whose test fails', { op: 'test', path: '/spec/instances', value: 4 }],
    ['that removes what is not there', { op: 'remove', path: '/spec/nope' }],
    ['below what is not there', { op: 'replace', path: '/spec/nope/x', value: 1 }],
    ['with an operation that does not exist', { op: 'frob', path: '/spec' }],
  ])('%s is rejected without a word about it', async (_, operation) => {
    const { body } = await apply({ op: 'add', path: '/spec/description', value: 'x' }, operation);
    expect(body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'the server rejected our request due to an error in our request',
      reason: 'Invalid',
      details: {},
      code: 422,
    });
  });
});

describe('a strategic merge patch', () => {
  it('is not for custom kinds', async () => {
    const { simulator } = await withCluster();
    expect((await patch(simulator, `${clusters}/a`, {}, types.strategic)).body).toMatchObject({
      code: 415,
      reason: 'UnsupportedMediaType',
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    });
  });

  it('merges the lists of built-in kinds by their keys', async () => {
    const { simulator } = await withCluster();
    const path = `${core('default')}/configmaps/c`;
    simulator.state.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'default', finalizers: ['a/b'] },
    });
    const { body } = await patch(simulator, path, { metadata: { finalizers: ['c/d'] } }, types.strategic);
    expect(body.metadata.finalizers).toEqual(['c/d', 'a/b']);
  });
});
