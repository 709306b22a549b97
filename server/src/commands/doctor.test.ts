import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { doctorWorld } from '../../test/doctor-world.ts';
import { accessQuestions } from '../permissions.ts';
import { catalogue } from '../tools/catalog/index.ts';
import type { Tool } from '../tools/define-tool.ts';
import { checkGroups } from './doctor-check.ts';

const { path, start, doctor, checks } = doctorWorld();

describe('cnpg-mcp doctor', () => {
  it('finds nothing wrong where everything is in place, and says so in one line a check', async () => {
    await start();
    const { status, out } = await doctor();
    expect(status).toBe(0);
    expect(out).toMatch(
      /^ {2}ok {4}cluster-configured: http:\/\/127\.0\.0\.1:\d+, from context "simulated" of /m,
    );
    expect(out).toMatch(/^ {2}ok {4}identity: simulated /m);
    expect(out).toMatch(/^ {2}ok {4}operator-version: Operator 1\.30\.0, with DatabaseRole\.$/m);
    for (const { name } of catalogue) expect(out).toContain(`  ok    rights ${name} in default: `);
    expect(out).toMatch(/^\d+ checks: 0 failed, 0 with a warning\.$/m);
  });

  it('changes nothing', async () => {
    const { requests } = await start();
    await doctor();
    const writes = requests.filter(({ method, path }) => method !== 'GET' && !/reviews(\?|$)/.test(path));
    expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  it('says that there is no kubeconfig, and what to do', async () => {
    const { status, check } = await checks();
    expect(status).toBe(3);
    expect(check('cluster-configured')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('KUBECONFIG'),
    });
    expect(check('api-reachable')?.status).toBe('skipped');
  });

  it('says that the API server cannot be reached, and which value of the chart lets the server out to it', async () => {
    const { faults } = await start();
    await faults.down();
    const { status, check } = await checks();
    expect(status).toBe(3);
    expect(check('cluster-configured')?.status).toBe('ok');
    expect(check('api-reachable')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('networkPolicy.apiServer'),
    });
  });

  it('says that the credentials are not accepted', async () => {
    const { faults } = await start();
    faults.expireToken();
    const { status, check } = await checks();
    expect(status).toBe(3);
    expect(check('api-reachable')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('Renew'),
    });
  });

  it('fails when none of the namespaces exists that may be touched, and warns while there may be others', async () => {
    await start();
    for (const [status, found, ...args] of [
      [1, 'failed', '--namespaces=nowhere'],
      [1, 'failed', '--namespaces=nothing,nowhere'],
      [0, 'warning', '--namespaces=default,nowhere'],
      [0, 'warning', '--namespace=nowhere'],
      [0, 'warning', '--pre', '--namespaces=nowhere'],
    ] as const) {
      const report = await checks(...args);
      expect([args, report.status, report.check('namespace nowhere')?.status]).toEqual([args, status, found]);
    }
  });

  it('says before an installation that Helm can make a namespace that is missing, and else that somebody has to', async () => {
    await start();
    const remedy = async (...args: string[]) =>
      (await checks('--namespace=nowhere', ...args)).check('namespace nowhere')?.remedy;
    expect(await remedy('--pre')).toBe(
      'Create it (helm install --create-namespace makes the one of the release), or set another namespace.',
    );
    expect(await remedy()).toBe('Create it, or set another namespace.');
  });

  it('asks nothing more of an API server that stops answering, and says so once', async () => {
    const { faults, requests } = await start();
    faults.add({ match: { resource: 'selfsubjectaccessreviews' }, drop: true });
    const { status, out } = await doctor('--namespaces=default,nowhere');
    expect(status).toBe(3);
    const [first] = catalogue.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(out).toMatch(
      new RegExp(
        `^ {2}FAIL {2}api-reachable during rights ${first?.name} in default: .* cannot be reached`,
        'm',
      ),
    );
    expect(out.match(/FAIL/g)).toHaveLength(1);
    expect(out).toMatch(/^ {2}skip {2}rights: Needs what failed above\.$/m);
    const reviewed = requests.filter(({ resource }) => resource === 'selfsubjectaccessreviews');
    // Each question of the first tool is repeated, as every request is whose connection breaks.
    const questions = accessQuestions(first as Tool, 'default').length;
    expect(reviewed.length).toBeLessThanOrEqual(questions * 4);
  });

  it('takes what answers with JSON that is none of Kubernetes for no API server, and not for a defect', async () => {
    const server = createServer((_request, response) => response.end('null'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { url, kubeconfig } = await start();
    const other = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await writeFile(path('kubeconfig'), kubeconfig.replaceAll(url, other));
    const { status, check } = await checks();
    server.close();
    expect(status).toBe(3);
    expect(check('cluster-configured')?.message).toContain(other);
    expect(check('api-reachable')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('address'),
    });
  });

  it('says that the operator is not installed', async () => {
    await start({ crds: false });
    const { status, check } = await checks();
    expect(status).toBe(1);
    expect(check('operator-installed')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('Install'),
    });
  });

  it('refuses an output that it does not know', async () => {
    expect(await doctor('--output=xml')).toMatchObject({
      status: 2,
      error: expect.stringContaining('text, short or json'),
    });
  });

  it('does not need to see the version of the operator, which takes the right to list all pods', async () => {
    const { deny } = await start();
    deny({ verb: 'list', resource: 'pods', namespace: '' });
    const { status, check } = await checks();
    expect(status).toBe(0);
    expect(check('operator-version')).toMatchObject({
      status: 'skipped',
      message: expect.stringContaining('1.30 or later'),
    });
  });

  it('does not blame rights alone where the image of the operator is named by a digest', async () => {
    await start({ operatorVersion: 'main@sha256:0' });
    const { check } = await checks();
    expect(check('operator-version')).toMatchObject({
      status: 'skipped',
      message: expect.stringMatching(
        /^Not seen: these rights .*, or its image has no version in its name\. /,
      ),
    });
  });

  it('warns of an operator that is older than those it knows', async () => {
    await start({ operatorVersion: '1.27.1' });
    const { status, check } = await checks();
    expect(status).toBe(0);
    expect(check('operator-version')).toMatchObject({ status: 'warning', message: 'Operator 1.27.1.' });
  });

  it('counts the clusters that it can really read', async () => {
    const { state } = await start();
    expect((await checks()).check('clusters-readable default')?.message).toBe('0 PostgreSQL clusters.');
    for (const name of ['a', 'b']) {
      const metadata = { name, namespace: 'default' };
      state.put({ apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', metadata, spec: { instances: 1 } });
    }
    expect((await checks()).check('clusters-readable default')?.message).toBe('2 PostgreSQL clusters.');
  });

  it('prints in short only what is wrong, and where to read on', async () => {
    const { deny } = await start();
    expect((await doctor('--output=short')).out).toMatch(/^\d+ checks: 0 failed, 0 with a warning\.\n$/);
    deny({ verb: 'delete', resource: 'clusters' });
    const lines = (await doctor('--output=short')).out.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^warn {2}rights delete_postgres_cluster in default: .* See \S+\/docs\/doctor\.md#rights$/,
    );
  });
});

describe('docs/doctor.md', () => {
  it('explains every check under a heading of its own, and nothing else', async () => {
    const page = await readFile(new URL('../../../docs/doctor.md', import.meta.url), 'utf8');
    const explained = [...page.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    expect(explained).toEqual(Object.keys(checkGroups));
  });

  it('is where every line that is wrong leads', async () => {
    const { check } = await checks();
    expect(check('cluster-configured')?.documentation).toMatch(/\/docs\/doctor\.md#cluster-configured$/);
  });
});
