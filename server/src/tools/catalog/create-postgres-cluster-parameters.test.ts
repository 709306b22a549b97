import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Harness, startHarness } from '../../../test/harness.ts';
import { createPostgresCluster } from './create-postgres-cluster.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness({ operator: false });
});
afterEach(() => harness.close());

const create = (args: Record<string, unknown>) =>
  harness.call(createPostgresCluster, { name: 'orders', namespace: 'default', ...args });

const stored = () => harness.simulator.state.get('clusters', 'default', 'orders');

describe('the parameters of create_postgres_cluster', () => {
  it.each([
    [{ max_conections: '50' }, /did you mean max_connections\?/],
    [{ work_mem: 'banana' }, /does not start with work_mem "banana"/],
  ])('are refused when PostgreSQL would not start with them: %j', async (parameters, reason) => {
    for (const dry_run of [true, false]) {
      const answer = await create({ parameters, dry_run });
      expect(answer.error?.code).toBe('refused');
      expect(answer.text).toMatch(reason);
    }
    expect(stored()).toBeUndefined();
  });

  it('are left to the operator where the operator sets them, as the answer advises', async () => {
    const answer = await create({ dry_run: true, parameters: { port: '5433' } });
    expect(answer.error).toMatchObject({
      code: 'invalid_object',
      hint: 'The operator sets this itself: leave it out.',
    });
    expect(answer.text).toContain('spec.postgresql.parameters.port');
  });

  it('are judged by the version of the image, wherever that is said', async () => {
    const parameters = { io_method: 'worker' };
    const refused = /PostgreSQL 17 does not start with the parameter io_method.* there is one since 18/;
    expect((await create({ parameters, postgres_version: '17.2' })).text).toMatch(refused);
    const image = 'registry.example/postgresql:17.2-bookworm';
    const warned = await create({ dry_run: true, parameters, image, postgres_version: '18' });
    expect(warned.structured.warnings[0]).toMatch(refused);
    const accepted = await create({ dry_run: true, parameters, postgres_version: '18' });
    expect(accepted.structured.warnings.join()).not.toContain('io_method');
    await harness.close();
    const postgresImages = { '17': 'registry.example/pg@sha256:00', lts: 'registry.example/pg:17-lts' };
    harness = await startHarness({ operator: false, settings: { postgresImages } });
    for (const postgres_version of ['17', 'lts']) {
      expect((await create({ parameters, postgres_version })).text).toMatch(refused);
    }
    expect(stored()).toBeUndefined();
  });
});
