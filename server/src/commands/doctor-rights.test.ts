/** What `doctor` says about rights: of the tools that are offered, and of a person who installs. */
import { describe, expect, it } from 'vitest';
import { doctorWorld } from '../../test/doctor-world.ts';

const { start, doctor, checks } = doctorWorld();

describe('cnpg-mcp doctor', () => {
  it('names the missing right, and who lacks it: a warning for a tool that changes something', async () => {
    const { deny } = await start();
    deny({ verb: 'delete', resource: 'clusters' });
    const { status, check } = await checks();
    expect(status).toBe(0);
    expect(check('rights delete_postgres_cluster in default')).toMatchObject({
      status: 'warning',
      message: 'simulated lacks delete clusters.postgresql.cnpg.io.',
      remedy: expect.stringContaining('readOnly'),
    });
    expect(check('rights list_postgres_clusters in default')?.status).toBe('ok');
  });

  it('does not call it a fault that Secrets are granted by name', async () => {
    const { deny } = await start();
    for (const verb of ['get', 'patch', 'delete']) deny({ verb, resource: 'secrets' });
    const { status, check } = await checks();
    expect(status).toBe(0);
    expect(check('rights update_postgres_role in default')).toMatchObject({
      status: 'skipped',
      remedy: expect.stringContaining('add-on secrets'),
    });
    deny({ verb: 'create', resource: 'secrets' });
    expect((await checks()).check('rights update_postgres_role in default')?.status).toBe('warning');
  });

  it('fails when a tool that only looks lacks a right', async () => {
    const { deny } = await start();
    deny({ verb: 'list', resource: 'clusters' });
    const { status, check } = await checks();
    expect(status).toBe(1);
    expect(check('rights list_postgres_clusters in default')?.status).toBe('failed');
    expect(check('clusters-readable default')?.status).toBe('failed');
  });

  it('does not mind the lack of an optional right, and says what it is for', async () => {
    const { deny } = await start();
    deny({ resource: 'pods' });
    const { status, check } = await checks();
    expect(status).toBe(0);
    expect(check('rights get_cluster_status in default')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('list pods'),
    });
  });

  it('looks at the tools that are offered, in the namespaces that are configured', async () => {
    await start();
    const { out } = await doctor('--read-only', '--namespaces=default,nowhere');
    expect(out).not.toContain('rights delete_postgres_cluster');
    expect(out).toContain('rights get_cluster_status in nowhere');
    expect(out).toMatch(/^ {2}warn {2}namespace nowhere: Does not exist\. Remedy/m);
    expect(out).toMatch(/^ {2}skip {2}clusters-readable nowhere: There is no such namespace\.$/m);
  });

  describe('--pre', () => {
    it('looks at what an installation needs, and at no tool', async () => {
      await start();
      const { status, check } = await checks('--pre');
      expect(status).toBe(0);
      for (const id of ['may-install default', 'may-grant default']) expect(check(id)?.status).toBe('ok');
      expect(check('storage-class')?.message).toBe('standard is the default.');
      expect(check('rights get_cluster_status in default')).toBeUndefined();
    });

    it('warns where no storage class is the default', async () => {
      const { state } = await start();
      for (const { metadata } of state.list('storageclasses'))
        state.remove('storageclasses', undefined, metadata.name);
      const { status, check } = await checks('--pre');
      expect(status).toBe(0);
      expect(check('storage-class')?.status).toBe('warning');
    });

    it('names what the caller may not make', async () => {
      const { deny } = await start();
      deny({ verb: 'create', resource: 'deployments' });
      const { status, check } = await checks('--pre');
      expect(status).toBe(1);
      expect(check('may-install default')).toMatchObject({
        status: 'failed',
        message: 'May not create deployments.apps.',
      });
    });

    it('says how to install where the chart may not look for the roles of the operator', async () => {
      const { deny } = await start();
      deny({ resource: 'clusterroles' });
      const { status, check } = await checks('--pre');
      expect(status).toBe(0);
      expect(check('may-install default')).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('get clusterroles.rbac.authorization.k8s.io'),
        remedy: expect.stringContaining('--set rbac.cnpgRoles=create'),
      });
    });

    it('does not mind rights of add-ons, which are off unless they are named', async () => {
      const { deny } = await start();
      deny({ verb: 'escalate' });
      deny({ resource: 'storageclasses' });
      expect((await checks('--pre', '--read-only')).check('may-grant default')).toMatchObject({
        status: 'ok',
        message: expect.stringMatching(
          /without add-ons\. Not those of the add-ons storage, .*list storageclasses/,
        ),
      });
    });

    it('names the rights that the caller lacks and so cannot grant, unless escalating is allowed', async () => {
      const { deny } = await start();
      deny({ verb: 'delete', resource: 'clusters' });
      expect((await checks('--pre')).check('may-grant default')?.status).toBe('ok');
      deny({ verb: 'escalate' });
      const { status, check } = await checks('--pre');
      expect(status).toBe(0);
      expect(check('may-grant default')).toMatchObject({
        status: 'warning',
        message: expect.stringContaining('delete clusters.postgresql.cnpg.io'),
      });
      expect((await checks('--pre', '--read-only')).check('may-grant default')?.status).toBe('ok');
    });
  });
});
