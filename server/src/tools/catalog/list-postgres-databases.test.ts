import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { putCluster } from '../../../test/clusters.ts';
import { type Harness, startHarness } from '../../../test/harness.ts';
import { demo } from '../../../test/running-cluster.ts';
import { listPostgresDatabases } from './list-postgres-databases.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({ operator: false });
  putCluster(harness.simulator, 'orders', demo);
});
afterEach(() => harness.close());

const list = (args: Record<string, unknown> = {}) =>
  harness.call(listPostgresDatabases, { cluster_name: 'orders', namespace: demo, ...args });

function put(name: string, spec: object, status?: object): void {
  harness.simulator.state.put({
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name, namespace: demo },
    spec: { cluster: { name: 'orders' }, name: 'billing', owner: 'clerk', ...spec },
    ...(status && { status }),
  });
}

describe('list_postgres_databases', () => {
  it('lists what is declared for this cluster, with what the operator says of this generation', async () => {
    put('any-name', { databaseReclaimPolicy: 'delete' }, { applied: true, observedGeneration: 1 });
    put('else', { cluster: { name: 'orders-2' } });
    put('new', { name: 'my_db', ensure: 'absent' });
    put('old', { name: 'old' }, { applied: true, observedGeneration: 0 });
    const answer = await list({ format: 'json' });
    expect(answer.structured).toEqual({
      cluster: 'orders',
      namespace: demo,
      scope: `namespace ${demo} (as asked)`,
      count: 3,
      total: 3,
      application_database: { name: 'shop', owner: 'shop' },
      databases: [
        {
          crd_name: 'any-name',
          database_name: 'billing',
          owner: 'clerk',
          ensure: 'present',
          reclaim_policy: 'delete',
          applied: true,
          status: 'applied',
        },
        expect.objectContaining({
          crd_name: 'new',
          ensure: 'absent',
          reclaim_policy: 'retain',
          applied: null,
          status: 'unknown',
        }),
        expect.objectContaining({ crd_name: 'old', applied: true, status: 'pending' }),
      ],
    });
    expect(JSON.parse(answer.text)).toEqual(answer.structured);
  });

  it('reads well as text, and marks what PostgreSQL says as data', async () => {
    put('any-name', {}, { applied: false, message: 'ERROR: role "clerk" does not exist' });
    const { text } = await list();
    expect(text.replaceAll(/(data|end) \w+»/g, '$1 id»')).toBe(
      [
        'Found 1 declared databases for cluster orders in namespace demo (as asked):',
        '',
        '**billing** (Database any-name)',
        '- Owner: clerk',
        '- Ensure: present',
        '- Reclaim policy: retain',
        '- Status: failed «data id» ERROR: role "clerk" does not exist «end id»',
        '',
        'Application database, made by bootstrap: shop, owner shop',
      ].join('\n'),
    );
  });

  it('gives long lists in parts, and every database once', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `db${String(index).padStart(2, '0')}`);
    for (const name of names) put(name, { name });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { structured } = await list({ limit: 10, ...(cursor && { cursor }) });
      seen.push(...structured.databases.map((one: { database_name: string }) => one.database_name));
      cursor = structured.next_cursor;
    } while (cursor);
    expect(seen).toEqual(names);
  });

  it('names what is missing: the cluster, the namespace, the right', async () => {
    expect((await list({ cluster_name: 'nosuch' })).structured.error.code).toBe('not_found');
    expect((await list({ namespace: 'nosuch' })).structured.error.code).toBe('namespace_not_found');
    for (const resource of ['clusters', 'databases'] as const) {
      harness.simulator.deny({ resource });
      expect((await list()).structured.error).toMatchObject({
        code: 'forbidden',
        missing_right: { resource },
      });
      harness.simulator.resetAccess();
    }
  });

  it('says so when there are none', async () => {
    expect((await list()).text).toContain(
      'No databases are declared for cluster orders in namespace demo (as asked).',
    );
  });
});
