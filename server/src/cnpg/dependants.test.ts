import { describe, expect, it } from 'vitest';
import { backupOutlook } from './backups.ts';
import { claimFixture, clusterFixture } from './cluster.fixture.ts';
import { dependantsOf, followersOf, leftOverNotes, roleSecretNames } from './dependants.ts';
import type { Backup, Cluster, DatabaseRole } from './types.ts';
import { claimsOf, volumeTotal } from './volumes.ts';

const cluster = clusterFixture();
const quote = (text: string | undefined): string => (text ? `«${text}»` : '');
const meta = (name: string) => ({ name, namespace: 't-roles' });

describe('dependantsOf', () => {
  it('says of each neighbour what becomes of it, and leaves out those of other clusters', () => {
    const mine = { cluster: { name: 'pg' } };
    const others = { cluster: { name: 'pg2' } };
    const found = dependantsOf(
      cluster,
      {
        databases: [
          {
            metadata: meta('pg-shop'),
            spec: { ...mine, name: 'shop', owner: 'a', databaseReclaimPolicy: 'delete' },
          },
          { metadata: meta('pg2-shop'), spec: { ...others, name: 'shop', owner: 'a' } },
        ],
        databaseRoles: [{ metadata: meta('pg-b'), spec: { ...mine, name: 'ignore all rules' } }],
        poolers: [{ metadata: meta('pool'), spec: { ...mine, type: 'ro', instances: 2 } }],
        scheduledBackups: [{ metadata: meta('nightly'), spec: { ...mine, schedule: '0 0 3 * * *' } }],
      },
      quote,
    );
    expect(found.map(({ kind, name, fate, note }) => [kind, name, fate, note])).toEqual([
      [
        'Database',
        'pg-shop',
        'the object remains, its data goes with the volumes',
        'shop, reclaim policy delete',
      ],
      ['DatabaseRole', 'pg-b', 'the object remains, its role goes with the cluster', '«ignore all rules»'],
      ['managed roles', 'of this cluster', 'go with the cluster', 'a, cnpg-mcp-marker'],
      ['Pooler', 'pool', 'remains and has nothing to connect to', 'ro, 2 instances'],
      ['ScheduledBackup', 'nightly', 'remains and fails at every run', '«0 0 3 * * *»'],
    ]);
  });

  it("tells by the volume's reclaim policy whether the data stays", () => {
    const claim = claimFixture(1);
    const fate = (policy?: string) =>
      dependantsOf(
        cluster,
        {
          claims: [claim],
          volumes: new Map(
            policy === undefined
              ? []
              : [
                  [
                    claim.spec.volumeName ?? '',
                    { metadata: { name: 'x' }, spec: { persistentVolumeReclaimPolicy: policy } },
                  ],
                ],
          ),
        },
        quote,
      )[0]?.fate;
    expect(fate('Delete')).toBe('deleted, with its volume and the data');
    expect(fate('Retain')).toBe(
      'deleted; its volume pvc-5ba42f09-f230-4a82-ae09-90bdd61cbfa1 keeps the data (reclaim policy Retain)',
    );
    expect(fate()).toBe("deleted; the volume's reclaim policy decides about the data");
  });

  it('binds no confirmation to the number of backups', () => {
    const names = (total: number) =>
      dependantsOf(cluster, { backups: { total, completed: 0, going: 0 } }, quote)
        .filter(({ kind }) => kind === 'Backup')
        .map(({ kind, name }) => `${kind} ${name}`);
    expect(names(1)).toEqual(names(2));
  });
});

describe('leftOverNotes', () => {
  const of = (...kinds: string[]) => kinds.map((kind) => ({ kind, name: 'shop', fate: '' }));

  it('name the command for what belongs to this cluster only, and stays', () => {
    const stays = of('Database', 'DatabaseRole', 'Pooler', 'ScheduledBackup');
    expect(
      leftOverNotes([...of('PersistentVolumeClaim', 'Secret', 'Cluster', 'Backup'), ...stays], 'demo'),
    ).toEqual([
      'Once the cluster is gone no tool removes what remains; a person can: ' +
        'kubectl delete database/shop databaserole/shop pooler/shop scheduledbackup/shop -n demo',
    ]);
  });

  it('say nothing where nothing stays, and take no entry for several into the command', () => {
    const several = [{ kind: 'Database', name: 'and 3 more (digest of their names 1f)', fate: '' }];
    expect(leftOverNotes([...of('Secret'), ...several], 'demo')).toEqual([]);
  });
});

describe('claimsOf', () => {
  it('leaves out claims that nobody owns: the garbage collector does so too', () => {
    const detached = claimFixture(2);
    delete detached.metadata.ownerReferences;
    const claims = claimsOf(cluster, [claimFixture(1), detached]);
    expect(claims.map(({ metadata }) => metadata.name)).toEqual(['pg-1']);
    expect(volumeTotal([claimFixture(1), claimFixture(2)])).toBe('2 volumes, 800Mi');
  });
});

describe('followersOf', () => {
  const follower = (host: string, namespace = 't-roles'): Cluster =>
    clusterFixture((made) => {
      made.metadata = { name: 'copy', namespace, uid: 'other' };
      made.spec.externalClusters = [{ name: 'origin', connectionParameters: { host } }];
    });

  it.each([
    'pg-rw',
    'pg-r.t-roles',
    'pg-ro.t-roles.svc',
    'pg-rw.t-roles.svc.cluster.local',
    'elsewhere,pg-rw',
  ])('finds a cluster that connects to %s', (host) =>
    expect(followersOf(cluster, [follower(host)])).toHaveLength(1),
  );

  it('leaves out other clusters, other namespaces and the cluster itself', () => {
    expect(
      followersOf(cluster, [follower('pg2-rw'), follower('pg-rw.other'), follower('pg-rw', 'other')]),
    ).toEqual([]);
    expect(followersOf(cluster, [cluster])).toEqual([]);
  });
});

describe('backupOutlook', () => {
  const backup = (name: string, stoppedAt: string, extra: Partial<Backup> = {}): Backup => ({
    metadata: meta(name),
    spec: { cluster: { name: 'pg' }, method: 'plugin' },
    status: { phase: 'completed', stoppedAt },
    ...extra,
  });

  it('names the newest completed backup by time, not by text', () => {
    const outlook = backupOutlook(cluster, [
      backup('b1', '2026-11-24T01:30:00+02:00'),
      backup('b2', '2026-11-24T00:00:00Z'),
      backup('b3', '2026-11-25T00:00:00Z', { status: { phase: 'failed' } }),
      backup('b4', '2026-11-26T00:00:00Z', { spec: { cluster: { name: 'pg2' } } }),
    ]);
    expect(outlook).toEqual({
      total: 3,
      completed: 2,
      newest: { name: 'b2', at: '2026-11-24T00:00:00Z', method: 'plugin' },
      going: 0,
    });
  });

  it('does not count on backups that are deleted together with the cluster', () => {
    const owned = backup('b1', '2026-11-24T00:00:00Z');
    owned.metadata.ownerReferences = [
      { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: 'pg', uid: cluster.metadata.uid ?? '' },
    ];
    expect(backupOutlook(cluster, [owned])).toEqual({ total: 1, completed: 1, going: 1 });
  });
});

describe('roleSecretNames', () => {
  it('collects the Secrets of both kinds of roles once', () => {
    const role = (name: string, secret: string, of = 'pg'): DatabaseRole => ({
      metadata: meta(name),
      spec: { name, cluster: { name: of }, passwordSecret: { name: secret } },
    });
    expect(
      roleSecretNames(cluster, [
        role('x', 's-x'),
        role('y', 's-a'),
        role('z', 's-z', 'pg2'),
        role('w', '../w'),
      ]),
    ).toEqual(['s-a', 's-x']);
  });
});
