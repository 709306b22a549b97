import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { cnpg, core, object, patch, send, simulate, types } from '../test-client.ts';
import type { Fields } from '../types.ts';

const roles = `${cnpg('default')}/databaseroles`;

function apply(simulator: Simulator, manager: string, spec: Fields, more = '') {
  const configuration = { ...object('DatabaseRole', 'r', spec) };
  return patch(simulator, `${roles}/r?fieldManager=${manager}${more}`, configuration, types.apply);
}

const base = { cluster: { name: 'c' }, name: 'r' };

/** The fields that each manager owns, as FieldsV1. */
function owners(body: Fields): Record<string, Fields> {
  return Object.fromEntries(
    (body.metadata.managedFields as Fields[]).map((entry) => [entry.manager, entry.fieldsV1['f:spec']]),
  );
}

describe('server-side apply', () => {
  it('creates what is not there and owns what it said, not the defaults', async () => {
    const simulator = await simulate();
    const { status, body } = await apply(simulator, 'one', { ...base, login: true });
    expect(status).toBe(201);
    expect(body.spec).toMatchObject({ login: true, connectionLimit: -1 });
    expect(owners(body)).toEqual({ one: { 'f:cluster': {}, 'f:name': {}, 'f:login': {} } });
    expect(body.metadata.managedFields[0]).toMatchObject({ operation: 'Apply', fieldsType: 'FieldsV1' });
  });

  it('takes YAML', async () => {
    const simulator = await simulate();
    const yaml =
      'apiVersion: postgresql.cnpg.io/v1\nkind: DatabaseRole\nmetadata: {name: r}\nspec: {cluster: {name: c}, name: r}\n';
    expect((await patch(simulator, `${roles}/r?fieldManager=one`, yaml, types.apply)).status).toBe(201);
  });

  it('refuses to change a field that another manager owns', async () => {
    const simulator = await simulate();
    await apply(simulator, 'one', { ...base, login: true });
    const { body } = await apply(simulator, 'two', { login: false });
    expect(body).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .spec.login',
      details: {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.login' }],
      },
    });
  });

  it('names every conflict, by manager', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', roles, object('DatabaseRole', 'r', { ...base, comment: 'a' }));
    await apply(simulator, 'one', { login: true });
    const { body } = await apply(simulator, 'two', { login: false, comment: 'b' });
    expect(body.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "a-test" using postgresql.cnpg.io/v1:\n- .spec.comment\nconflicts with "one":\n- .spec.login',
    );
  });

  it('takes the field over when forced', async () => {
    const simulator = await simulate();
    await apply(simulator, 'one', { ...base, login: true });
    const { body } = await apply(simulator, 'two', { login: false }, '&force=true');
    expect(body.spec.login).toBe(false);
    expect(owners(body)).toEqual({ one: { 'f:cluster': {}, 'f:name': {} }, two: { 'f:login': {} } });
  });

  it('shares a field that both set to the same value', async () => {
    const simulator = await simulate();
    await apply(simulator, 'one', { ...base, login: true });
    const { body } = await apply(simulator, 'two', { login: true });
    expect(owners(body)).toMatchObject({ one: { 'f:login': {} }, two: { 'f:login': {} } });
  });

  it('removes what it no longer says, unless somebody else says it', async () => {
    const simulator = await simulate();
    await apply(simulator, 'one', { ...base, login: true, createdb: true, comment: 'x' });
    await apply(simulator, 'two', { createdb: true });
    const { body } = await apply(simulator, 'one', base);
    expect(body.spec.login).toBeUndefined();
    expect(body.spec.comment).toBeUndefined();
    expect(body.spec.createdb).toBe(true);
  });

  it('that changes nothing keeps the resourceVersion', async () => {
    const simulator = await simulate();
    const { body } = await apply(simulator, 'one', base);
    expect((await apply(simulator, 'one', base)).body).toEqual(body);
  });

  it('merges keyed lists item by item', async () => {
    const simulator = await simulate();
    const path = `${cnpg('default')}/clusters/c`;
    const selector = (name: string) => ({ name, selector: { matchLabels: { app: name } } });
    const configuration = (instances: number, name: string) =>
      object('Cluster', 'c', { instances, storage: { size: '1Gi' }, podSelectorRefs: [selector(name)] });
    await patch(simulator, `${path}?fieldManager=one`, configuration(1, 'a'), types.apply);
    const { body } = await patch(simulator, `${path}?fieldManager=two`, configuration(1, 'b'), types.apply);
    expect(body.spec.podSelectorRefs).toEqual([selector('a'), selector('b')]);
  });

  it('stores nothing on a dry run', async () => {
    const simulator = await simulate();
    expect((await apply(simulator, 'one', base, '&dryRun=All')).status).toBe(201);
    expect(simulator.state.list('databaseroles')).toEqual([]);
  });

  it('turns stringData into data before it compares', async () => {
    const simulator = await simulate();
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { a: 'b' } };
    const path = `${core('default')}/secrets/s`;
    await patch(simulator, `${path}?fieldManager=one`, secret, types.apply);
    const { body } = await patch(
      simulator,
      `${path}?fieldManager=two`,
      { ...secret, stringData: { a: 'c' } },
      types.apply,
    );
    expect(body.message).toBe('Apply failed with 1 conflict: conflict with "one": .data.a');
  });

  it.each([
    [
      'without a field manager',
      '',
      base,
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    [
      'with a field that the kind does not have',
      '?fieldManager=one',
      { ...base, foo: 1 },
      500,
      'failed to create typed patch object (/r; postgresql.cnpg.io/v1, Kind=DatabaseRole): .spec.foo: field not declared in schema',
    ],
  ])('is refused %s', async (_, query, spec, code, message) => {
    const simulator = await simulate();
    const { body } = await patch(
      simulator,
      `${roles}/r${query}`,
      object('DatabaseRole', 'r', spec),
      types.apply,
    );
    expect(body).toMatchObject({ code, message });
  });

  it('is the only patch that can be forced', async () => {
    const simulator = await simulate();
    await apply(simulator, 'one', base);
    expect((await patch(simulator, `${roles}/r?force=true`, {})).body.message).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    );
  });
});

describe('managedFields', () => {
  it('move to who changes a field last, and note the subresource', async () => {
    const simulator = await simulate();
    await send(
      simulator,
      'POST',
      `${roles}?fieldManager=first`,
      object('DatabaseRole', 'r', { ...base, comment: 'a' }),
    );
    await patch(simulator, `${roles}/r?fieldManager=second`, { spec: { comment: 'b' } });
    await patch(simulator, `${roles}/r/status?fieldManager=operator`, { status: { applied: true } });
    const entries = simulator.state.get('databaseroles', 'default', 'r')?.metadata.managedFields ?? [];
    expect(entries.map(({ manager, operation, subresource }) => [manager, operation, subresource])).toEqual([
      ['first', 'Update', undefined],
      ['second', 'Update', undefined],
      ['operator', 'Update', 'status'],
    ]);
    expect(entries[1]?.fieldsV1).toEqual({ 'f:spec': { 'f:comment': {} } });
    expect(entries[2]?.fieldsV1).toEqual({ 'f:status': { 'f:applied': {} } });
  });
});
