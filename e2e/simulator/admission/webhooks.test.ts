import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { cluster, cnpg, object, patch, send, simulate } from '../test-client.ts';
import type { Fields } from '../types.ts';

const path = (kind: string) => `${cnpg('default')}/${kind.toLowerCase()}s`;

/** Creates an object and returns the answer; most tests want its message. */
async function create(kind: string, name: string, spec: Fields, simulator?: Simulator) {
  return (await send(simulator ?? (await simulate()), 'POST', path(kind), object(kind, name, spec))).body;
}

const storage = { size: '1Gi' };
const denied = (webhook: string, subject: string, what: string) =>
  `admission webhook "${webhook}.cnpg.io" denied the request: ${subject} is invalid: ${what}`;
const onCluster = (what: string, name = 'a') =>
  denied('vcluster', `Cluster.postgresql.cnpg.io "${name}"`, what);

describe('a Cluster that is created', () => {
  it('gets the defaults of the operator', async () => {
    const { spec } = await create('Cluster', 'a', { instances: 2, storage });
    expect(spec).toMatchObject({
      imageName: 'ghcr.io/cloudnative-pg/postgresql:18.4-system-trixie',
      affinity: { podAntiAffinityType: 'preferred' },
      bootstrap: {
        initdb: { database: 'app', owner: 'app', encoding: 'UTF8', localeCType: 'C', localeCollate: 'C' },
      },
      monitoring: { customQueriesConfigMap: [{ key: 'queries', name: 'cnpg-default-monitoring' }] },
      postgresql: { parameters: { wal_level: 'logical', archive_mode: 'on' } },
      replicationSlots: {
        highAvailability: { enabled: true, slotPrefix: '_cnpg_' },
        synchronizeReplicas: { enabled: true },
      },
    });
  });

  it('names its owner after its database, and keeps what it says', async () => {
    const { spec } = await create('Cluster', 'a', {
      storage,
      bootstrap: { initdb: { database: 'orders' } },
      postgresql: { parameters: { wal_keep_size: '1GB' } },
    });
    expect(spec.bootstrap.initdb).toMatchObject({ database: 'orders', owner: 'orders' });
    expect(spec.postgresql.parameters).toMatchObject({ wal_keep_size: '1GB', wal_level: 'logical' });
  });

  it.each([
    [
      'no size',
      { storage: {} },
      'spec.storage.size: Invalid value: "": Size not configured. Please add it, or a storage request in the pvcTemplate.',
    ],
    [
      'a size that is none',
      { storage: { size: 'big' } },
      'spec.storage.size: Invalid value: "big": Size value isn\'t valid',
    ],
    [
      'the tag latest',
      { imageName: 'x/y:latest' },
      "spec.imageName: Invalid value: \"x/y:latest\": Can't use 'latest' as image tag as we can't detect upgrades",
    ],
    [
      'no tag',
      { imageName: 'x/y' },
      "spec.imageName: Invalid value: \"x/y\": Can't use 'latest' as image tag as we can't detect upgrades",
    ],
    [
      'a tag that is no version',
      { imageName: 'x/y:abc' },
      'spec.imageName: Invalid value: "x/y:abc": invalid version tag',
    ],
    [
      'an old PostgreSQL',
      { imageName: 'x/y:12.4' },
      'spec.imageName: Invalid value: "x/y:12.4": Unsupported PostgreSQL version. Versions 13 or newer are supported',
    ],
    [
      'a reserved role',
      { managed: { roles: [{ name: 'pg_monitor' }] } },
      'spec.managed.roles: Invalid value: "pg_monitor": This role is reserved for operator use',
    ],
    [
      'a role twice',
      { managed: { roles: [{ name: 'b' }, { name: 'b' }] } },
      'spec.managed.roles: Invalid value: "b": Role name is duplicate of another',
    ],
    [
      'a role with and without a password',
      { managed: { roles: [{ name: 'b', disablePassword: true, passwordSecret: { name: 's' } }] } },
      'spec.managed.roles: Invalid value: "b": This role both sets and disables a password',
    ],
    [
      'too many synchronous replicas',
      { instances: 2, postgresql: { synchronous: { method: 'any', number: 2 } } },
      'spec.postgresql.synchronous: Invalid value: {"method":"any","number":2,"dataDurability":"required","failoverQuorum":false}: Invalid synchronous configuration: the number of synchronous replicas must be less than the total number of instances and the provided standby names.',
    ],
    [
      'a fixed parameter',
      { postgresql: { parameters: { port: '1' } } },
      'spec.postgresql.parameters.port: Invalid value: "1": Can\'t set fixed configuration parameter',
    ],
    [
      'a parameter that is none',
      { postgresql: { parameters: { 'a b': '1' } } },
      /^.*spec\.postgresql\.parameters\.a b: Invalid value: "a b": must be a valid PostgreSQL configuration parameter name/,
    ],
    [
      'minSyncReplicas above maxSyncReplicas',
      { instances: 3, minSyncReplicas: 2, maxSyncReplicas: 1 },
      'spec.minSyncReplicas: Invalid value: 2: minSyncReplicas cannot be greater than maxSyncReplicas',
    ],
    [
      'a supervised single instance',
      { primaryUpdateStrategy: 'supervised' },
      'spec.primaryUpdateStrategy: Invalid value: "supervised": supervised update strategy is not allowed for clusters with a single instance',
    ],
    [
      'a source that is not there',
      { bootstrap: { pg_basebackup: { source: 'q' } } },
      'spec.bootstrap.pg_basebackup.source: Invalid value: "q": External cluster q not found',
    ],
    [
      'an owner without a database',
      { bootstrap: { initdb: { owner: 'o' }, recovery: { source: 'q' } } },
      /Only one bootstrap method can be specified at a time/,
    ],
    [
      'an object store without credentials',
      { backup: { barmanObjectStore: { destinationPath: 's3://x' } } },
      'spec.backup.barmanObjectStore: Invalid value: {"destinationPath":"s3://x"}: missing credentials. One and only one of azureCredentials, s3Credentials and googleCredentials are required',
    ],
    [
      'two WAL archivers',
      {
        plugins: [
          { name: 'a', isWALArchiver: true },
          { name: 'b', isWALArchiver: true },
        ],
      },
      'spec.plugins: Invalid value: ["a","b"]: Cannot enable more than one WAL archiver plugin',
    ],
    [
      'a lease that is renewed too late',
      { primaryLease: { leaseDurationSeconds: 5 } },
      'spec.primaryLease.leaseDurationSeconds: Invalid value: 5: leaseDurationSeconds must be greater than renewDeadlineSeconds',
    ],
  ])('is refused with %s', async (_, spec, what) => {
    const body = await create('Cluster', 'a', { instances: 1, storage, ...spec });
    expect(body).toMatchObject({ code: 422, reason: 'Invalid' });
    if (typeof what === 'string') expect(body.message).toBe(onCluster(what));
    else expect(body.message).toMatch(what);
  });

  it.each([
    ['a.b', 'metadata.name: Invalid value: "a.b": cluster name must be a valid DNS label'],
    ['1a', 'metadata.name: Invalid value: "1a": cluster name must be a valid DNS label'],
    [
      'a'.repeat(51),
      `metadata.name: Invalid value: "${'a'.repeat(51)}": the maximum length of a cluster name is 50 characters`,
    ],
  ])('is refused with the name %s', async (name, what) => {
    expect((await create('Cluster', name, { storage })).message).toBe(onCluster(what, name));
  });

  it('lists everything that is wrong', async () => {
    const body = await create('Cluster', 'a', { storage: {}, imageName: 'x:latest' });
    expect(body.details.causes.map(({ field }: Fields) => field).sort()).toEqual([
      'spec.imageName',
      'spec.storage.size',
    ]);
    expect(body.message).toMatch(/is invalid: \[.*, .*\]$/);
  });

  it('is accepted with warnings about what is deprecated', async () => {
    const simulator = await simulate();
    const s3Credentials = { inheritFromIAMRole: true };
    const spec = {
      storage,
      backup: { barmanObjectStore: { destinationPath: 's3://x', s3Credentials } },
      nodeMaintenanceWindow: {},
    };
    const { status, headers } = await send(simulator, 'POST', path('Cluster'), object('Cluster', 'a', spec));
    expect(status).toBe(201);
    expect(headers.get('warning')).toMatch(
      /299 - "Native support for Barman Cloud backups and recovery is deprecated/,
    );
    expect(headers.get('warning')).toMatch(/299 - "Consider using `.spec.enablePDB`/);
  });

  it('is not looked at when validation is disabled, and says so', async () => {
    const simulator = await simulate();
    const bypassed = cluster('a', { imageName: 'x:latest' });
    bypassed.metadata.annotations = { 'cnpg.io/validation': 'disabled' };
    const { status, headers } = await send(simulator, 'POST', path('Cluster'), bypassed);
    expect(status).toBe(201);
    expect(headers.get('warning')).toMatch(/validation webhook is disabled/);
  });
});

describe('a Cluster that is changed', () => {
  const change = async (spec: Fields, first: Fields = {}) => {
    const simulator = await simulate();
    await create('Cluster', 'a', { instances: 1, storage: { size: '2Gi' }, ...first }, simulator);
    await patch(simulator, `${path('Cluster')}/a/status`, {
      status: { pgDataImageInfo: { image: 'x:17', majorVersion: 17 } },
    });
    return (await patch(simulator, `${path('Cluster')}/a`, { spec })).body;
  };
  const onChange = (what: string) => denied('vcluster', 'Cluster.cluster.cnpg.io "a"', what);

  it.each([
    [
      'shrink',
      { storage: { size: '1Gi' } },
      {},
      'spec.storage: Invalid value: "1Gi": can\'t shrink existing storage from 2Gi to 1Gi',
    ],
    [
      'lose its WAL volume',
      { walStorage: null },
      { walStorage: { size: '1Gi' } },
      'spec.walStorage: Invalid value: null: walStorage cannot be disabled once configured',
    ],
    [
      'change its user id',
      { postgresUID: 27 },
      {},
      'spec.postgresUID: Invalid value: 27: UID is an immutable field in the spec',
    ],
    [
      'go back to an older major version',
      { imageName: 'x:16' },
      { imageName: 'x:17' },
      'spec.imageName: Invalid value: "16": can\'t downgrade from major 17 to 16',
    ],
  ])('may not %s', async (_, spec, first, what) => {
    expect((await change(spec, first)).message).toBe(onChange(what));
  });

  it('may grow', async () => {
    expect((await change({ storage: { size: '3Gi' } })).spec.storage.size).toBe('3Gi');
  });
});

describe('the other webhooks', () => {
  const cluster = { name: 'c' };

  it.each([
    [
      'Backup',
      { cluster, method: 'plugin' },
      denied(
        'vbackup',
        'Backup.postgresql.cnpg.io "x"',
        'spec.pluginConfiguration: Invalid value: null: cannot be empty when the backup method is plugin',
      ),
    ],
    [
      'Backup',
      { cluster, online: true },
      denied(
        'vbackup',
        'Backup.postgresql.cnpg.io "x"',
        'spec.online: Invalid value: true: Online parameter can be specified only if the backup method is volumeSnapshot',
      ),
    ],
    [
      'ScheduledBackup',
      { cluster, schedule: 'bad' },
      denied(
        'vscheduledbackup',
        'ScheduledBackup.postgresql.cnpg.io "x"',
        'spec.schedule: Invalid value: "bad": Expected 5 to 6 fields, found 1: bad',
      ),
    ],
    [
      'Pooler',
      { cluster: { name: 'x' }, pgbouncer: {} },
      denied(
        'vpooler',
        'Pooler.postgresql.cnpg.io "x"',
        'metadata.name: Invalid value: "x": the pooler resource cannot have the same name of a cluster',
      ),
    ],
    [
      'Pooler',
      { cluster, pgbouncer: { parameters: { zz: '1' } } },
      denied(
        'vpooler',
        'Pooler.postgresql.cnpg.io "x"',
        'spec.cluster.parameters: Invalid value: "zz": Invalid or reserved parameter',
      ),
    ],
    [
      'Database',
      { cluster, name: 'd', owner: 'o', schemas: [{ name: 's' }, { name: 's' }] },
      denied('vdatabase', 'Database .postgresql.cnpg.io "x"', 'spec.schemas[1].name: Duplicate value: "s"'),
    ],
    [
      'Database',
      { cluster, name: 'd', owner: 'o', servers: [{ name: 's', fdw: 'f' }] },
      denied(
        'vdatabase',
        'Database .postgresql.cnpg.io "x"',
        'spec.servers[0].fdw: Invalid value: "f": referenced fdw not defined in spec.fdws',
      ),
    ],
  ])('refuse a wrong %s: %j', async (kind, spec, message) => {
    expect((await create(kind, 'x', spec)).message).toBe(message);
  });

  it('warn of a schedule of five fields', async () => {
    const simulator = await simulate();
    const spec = { cluster, schedule: '0 3 * * *' };
    const { status, headers } = await send(
      simulator,
      'POST',
      path('ScheduledBackup'),
      object('ScheduledBackup', 'x', spec),
    );
    expect([status, headers.get('warning')]).toEqual([
      201,
      '299 - "Schedule parameter may not have the right number of arguments (usually six arguments are needed)"',
    ]);
  });
});
