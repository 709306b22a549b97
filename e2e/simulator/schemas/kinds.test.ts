import { describe, expect, it } from 'vitest';
import { cnpg, object, patch, send, simulate } from '../test-client.ts';
import type { Fields } from '../types.ts';

const path = (kind: string) => `${cnpg('default')}/${kind.toLowerCase()}s`;
const create = async (kind: string, spec: Fields) =>
  (await send(await simulate(), 'POST', path(kind), object(kind, 'x', spec))).body;

const cluster = { name: 'c' };
const unchecked =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

describe('the schemas fill in the defaults', () => {
  it.each([
    ['Backup', { cluster }, { method: 'barmanObjectStore' }],
    [
      'ScheduledBackup',
      { cluster, schedule: '0 0 0 * * *' },
      { method: 'barmanObjectStore', backupOwnerReference: 'none' },
    ],
    [
      'Pooler',
      { cluster, pgbouncer: {} },
      { type: 'rw', instances: 1, pgbouncer: { poolMode: 'session', paused: false } },
    ],
    [
      'Database',
      { cluster, name: 'd', owner: 'o', extensions: [{ name: 'e' }] },
      { ensure: 'present', databaseReclaimPolicy: 'retain', extensions: [{ ensure: 'present' }] },
    ],
    [
      'DatabaseRole',
      { cluster, name: 'r' },
      { connectionLimit: -1, inherit: true, databaseRoleReclaimPolicy: 'retain' },
    ],
    [
      'Publication',
      { cluster, name: 'p', dbname: 'd', target: { allTables: true } },
      { publicationReclaimPolicy: 'retain' },
    ],
  ])('of %s', async (kind, spec, expected) => {
    expect((await create(kind, spec)).spec).toMatchObject(expected);
  });
});

describe('the schemas refuse', () => {
  it.each([
    [
      'a value of another type',
      'Cluster',
      { instances: '3' },
      `[spec.instances: Invalid value: "string": spec.instances in body must be of type integer: "string", ${unchecked}]`,
    ],
    [
      'a value that is no choice',
      'Cluster',
      { instances: 1, logLevel: 'loud' },
      `[spec.logLevel: Unsupported value: "loud": supported values: "error", "warning", "info", "debug", "trace", ${unchecked}]`,
    ],
    [
      'a value below the minimum',
      'Cluster',
      { instances: 0, storage: { size: '1Gi' } },
      'spec.instances: Invalid value: 0: spec.instances in body should be greater than or equal to 1',
    ],
    [
      'a text of another form',
      'Cluster',
      { instances: 1, storage: { size: '1Gi' }, backup: { retentionPolicy: 'x' } },
      'spec.backup.retentionPolicy: Invalid value: "x": spec.backup.retentionPolicy in body should match \'^[1-9][0-9]*[dwm]$\'',
    ],
    ['a missing field', 'Pooler', { cluster }, `[spec.pgbouncer: Required value, ${unchecked}]`],
    [
      'a missing field in a list',
      'Cluster',
      { instances: 1, managed: { roles: [{}] } },
      `[spec.managed.roles[0].name: Required value, ${unchecked}]`,
    ],
    [
      'a time that is none',
      'DatabaseRole',
      { cluster, name: 'r', validUntil: 'tomorrow' },
      `[spec.validUntil: Invalid value: "tomorrow": spec.validUntil in body must be of type date-time: "tomorrow", ${unchecked}]`,
    ],
    [
      'a key twice',
      'ImageCatalog',
      { images: [{ major: 17, image: 'x', extensions: [{ name: 'a' }, { name: 'a' }] }] },
      'spec.images[0].extensions[1]: Duplicate value: {"name":"a"}',
    ],
    [
      'too few items',
      'ImageCatalog',
      { images: [] },
      'spec.images: Invalid value: 0: spec.images in body should have at least 1 items',
    ],
  ])('%s', async (_, kind, spec, what) => {
    const body = await create(kind, spec);
    expect(body).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(body.message).toBe(`${kind}.postgresql.cnpg.io "x" is invalid: ${what}`);
  });
});

describe('the rules of the kinds', () => {
  it.each([
    [
      'Database',
      { cluster, name: 'postgres', owner: 'o' },
      'spec.name: Invalid value: "postgres": the name postgres is reserved',
    ],
    [
      'Database',
      { cluster, name: 'd', owner: 'o', icuLocale: 'de' },
      'spec: Invalid value: "object": no such key: localeProvider evaluating rule: icuLocale is only available when localeProvider is set to `icu`',
    ],
    [
      'DatabaseRole',
      { cluster, name: 'pg_x' },
      'spec: Invalid value: role names starting with pg_ are reserved by PostgreSQL',
    ],
    [
      'DatabaseRole',
      { cluster, name: 'r', ensure: 'absent' },
      'spec: Invalid value: ensure: absent is not supported for DatabaseRole; delete the resource with databaseRoleReclaimPolicy: delete instead',
    ],
    [
      'DatabaseRole',
      { cluster, name: 'r', disablePassword: true, passwordSecret: { name: 's' } },
      'spec: Invalid value: passwordSecret and disablePassword are mutually exclusive',
    ],
    ['DatabaseRole', { cluster, name: '' }, 'spec: Invalid value: role name must not be empty'],
    [
      'DatabaseRole',
      { cluster, name: 'r', login: false, clientCertificate: {} },
      'spec: Invalid value: clientCertificate requires the role to have login enabled',
    ],
    [
      'Publication',
      { cluster, name: 'p', dbname: 'd', target: {} },
      'spec.target: Invalid value: allTables and objects are mutually exclusive',
    ],
    [
      'ImageCatalog',
      {
        images: [
          { major: 17, image: 'x' },
          { major: 17, image: 'y' },
        ],
      },
      'spec.images: Invalid value: Images must have unique major versions',
    ],
  ])('refuse a %s %j', async (kind, spec, what) => {
    expect((await create(kind, spec)).message).toBe(`${kind}.postgresql.cnpg.io "x" is invalid: ${what}`);
  });

  it.each([
    [
      'Database',
      { cluster, name: 'd', owner: 'o', locale: 'C' },
      { name: 'e', cluster: { name: 'b' } },
      '[spec.cluster: Invalid value: cluster reference is immutable after creation, spec.name: Invalid value: "e": name is immutable]',
    ],
    ['DatabaseRole', { cluster, name: 'r' }, { name: 'q' }, 'spec: Invalid value: name is immutable'],
    [
      'Backup',
      { cluster },
      { cluster: { name: 'b' } },
      'spec: Invalid value: BackupSpec is immutable once set',
    ],
    [
      'Cluster',
      { instances: 1, storage: { size: '1Gi' }, serviceAccountName: 'a' },
      { serviceAccountName: 'b' },
      'spec.serviceAccountName: Invalid value: "b": serviceAccountName is immutable',
    ],
  ])('keep what is immutable in a %s', async (kind, spec, change, what) => {
    const simulator = await simulate();
    await send(simulator, 'POST', path(kind), object(kind, 'x', spec));
    expect((await patch(simulator, `${path(kind)}/x`, { spec: change })).body.message).toBe(
      `${kind}.postgresql.cnpg.io "x" is invalid: ${what}`,
    );
  });

  it('let an older operator move a Database to another cluster', async () => {
    const simulator = await simulate({ operatorVersion: '1.28.0' });
    await send(
      simulator,
      'POST',
      path('Database'),
      object('Database', 'x', { cluster, name: 'd', owner: 'o' }),
    );
    expect(
      (await patch(simulator, `${path('Database')}/x`, { spec: { cluster: { name: 'b' } } })).status,
    ).toBe(200);
  });
});
