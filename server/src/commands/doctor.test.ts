import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../../e2e/simulator/index.ts';
import type { SimulatorOptions } from '../../../e2e/simulator/types.ts';
import { runOnTerminal } from '../../test/terminal.ts';
import { accessQuestions } from '../permissions.ts';
import { catalogue } from '../tools/catalog/index.ts';
import type { Tool } from '../tools/define-tool.ts';
import { type Check, check, checkGroups, compareVersions } from './doctor-check.ts';

let simulator: Simulator | undefined;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-doctor-'));
});
afterEach(async () => {
  await simulator?.close();
  simulator = undefined;
  await rm(folder, { recursive: true });
});

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  simulator = await startSimulator({ operator: false, ...options });
  await writeFile(join(folder, 'kubeconfig'), simulator.kubeconfig);
  return simulator;
}

const doctor = (...args: string[]) =>
  runOnTerminal(['doctor', '--kubeconfig', join(folder, 'kubeconfig'), ...args]);

/** The checks by id, or by id and subject. */
async function checks(...args: string[]): Promise<{ status: number; check(id: string): Check | undefined }> {
  const { status, out } = await doctor('--output=json', ...args);
  const report = JSON.parse(out) as { ok: boolean; checks: Check[] };
  expect(report.ok).toBe(status === 0);
  const named = ({ id, subject }: Check): string => (subject === undefined ? id : `${id} ${subject}`);
  return { status, check: (name) => report.checks.find((check) => named(check) === name) };
}

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
    await writeFile(join(folder, 'kubeconfig'), kubeconfig.replaceAll(url, other));
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
    expect(out).toMatch(/^ {2}warn {2}namespace nowhere: Does not exist\./m);
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

  describe('of a server on HTTP', () => {
    const http = (...lines: string[]) => settingsFile('transport: http', ...lines);
    async function settingsFile(...lines: string[]): Promise<string> {
      const path = join(folder, 'config.yaml');
      await writeFile(path, lines.join('\n'));
      return `--config=${path}`;
    }

    it('says where it would listen', async () => {
      await start();
      const { status, check } = await checks(await http('port: 4000'));
      expect(status).toBe(0);
      expect(check('listening')?.message).toBe('127.0.0.1:4000, and 9464 for health and metrics.');
      expect(check('confirmation-key')?.status).toBe('ok');
    });

    it('takes the flags of serve', async () => {
      await start();
      const { check } = await checks('--transport=http', '--port=4000', '--auth-tokens-file=/missing');
      expect(check('listening')?.message).toMatch(/^127\.0\.0\.1:4000,/);
      expect(check('sign-in')).toMatchObject({
        status: 'failed',
        message: expect.stringContaining('/missing'),
      });
    });

    it('says who may call', async () => {
      await start();
      const signIn = async (...lines: string[]): Promise<Check | undefined> =>
        (await checks(await http(...lines))).check('sign-in');
      expect((await signIn())?.status).toBe('ok');
      const open = ['host: 0.0.0.0', 'allowedHosts: [mcp.example.com]', 'unsafeAllowAnonymous: true'];
      expect((await signIn(...open))?.status).toBe('warning');
      const tokens = join(folder, 'tokens.yaml');
      expect(await signIn(`auth: {tokensFile: ${tokens}}`)).toMatchObject({
        status: 'failed',
        message: expect.stringContaining(tokens),
      });
      const entry = `{name: a, sha256: "${'0'.repeat(64)}"`;
      await writeFile(tokens, `tokens: [${entry}, impersonate: {user: "system:admin"}}]`);
      expect(await signIn(`auth: {tokensFile: ${tokens}}`)).toMatchObject({
        status: 'failed',
        message: expect.stringContaining(
          'token a (tokens.0) impersonate user: must not begin with "system:"',
        ),
        remedy: expect.stringContaining('one that runs goes on with the tokens that it read before'),
      });
      await writeFile(tokens, `tokens: [${entry}}]`);
      expect(await signIn(`auth: {tokensFile: ${tokens}}`)).toMatchObject({
        status: 'ok',
        message: `Callers need one of the tokens in ${tokens}.`,
      });
    });

    it('says that the identity provider cannot be reached, and which value of the chart lets the server out to it', async () => {
      const { url } = await start();
      // The simulated API server has no discovery document.
      const { status, check } = await checks(
        await http('publicUrl: https://mcp.example.com', `auth: {issuer: "${url}"}`),
      );
      expect(status).toBe(1);
      expect(check('sign-in')).toMatchObject({
        status: 'failed',
        message: expect.stringContaining(url),
        remedy: expect.stringContaining('networkPolicy.identityProvider'),
      });
    });

    it('says that it would refuse to listen, and that its key cannot be read', async () => {
      await start();
      const missing = join(folder, 'missing');
      const { status, check } = await checks(
        await http('host: 0.0.0.0', 'unsafeAllowAnonymous: true', `confirmationKeyFile: ${missing}`),
      );
      expect(status).toBe(1);
      expect(check('listening')).toMatchObject({
        status: 'failed',
        message: expect.stringContaining('allowedHosts'),
      });
      expect(check('confirmation-key')).toMatchObject({
        status: 'failed',
        message: expect.stringContaining(missing),
      });
      expect(check('identity')?.status).toBe('ok');
    });
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

describe('a line of the report', () => {
  it('stays one line that a terminal only shows, whatever the names in it hold', () => {
    const line = check(
      'identity',
      { status: 'ok', message: 'eve\u001b[2J\n  ok    rights: all\u202e.' },
      'a\r\nb\u0007',
    );
    expect(line).toMatchObject({ message: 'eve[2J ok rights: all.', subject: 'a b' });
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

describe('versions', () => {
  it.each([
    ['1.28.0', '1.28.0', 0],
    ['1.9.5', '1.28.0', -1],
    ['1.30.0', '1.28.9', 1],
    ['2.0', '1.28.9', 1],
    ['1.28.1-rc1', '1.28.0', 1],
    ['v1.36.4', '1.29.0', 1],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });
});
