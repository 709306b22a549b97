/** Credentials, certificates and connections through their lives. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { type Simulator, startSimulator } from '../../../../e2e/simulator/index.ts';
import { selfSigned, type TestCertificate } from '../../../test/certificate.ts';
import { startTlsFront, type TlsFront } from '../../../test/tls-front.ts';
import type { KubeGateway } from '../gateway.ts';
import { createGateway, type GatewayOptions } from './index.ts';

let simulator: Simulator;
let folder: string;
const open: { close(): Promise<unknown> }[] = [];

beforeEach(async () => {
  simulator = await startSimulator({ operator: false });
  folder = mkdtempSync(join(tmpdir(), 'connection-'));
});
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  for (const each of open.splice(0)) await each.close();
  await simulator.close();
  rmSync(folder, { recursive: true });
});

function gatewayFor(options: GatewayOptions): KubeGateway {
  const gateway = createGateway({ environment: { HOME: folder }, ...options });
  open.push(gateway);
  return gateway;
}

async function front(certificate: TestCertificate): Promise<TlsFront> {
  const started = await startTlsFront(simulator.url, certificate);
  open.push(started);
  return started;
}

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function kubeconfig(server: string, user: object, cluster: object = {}): string {
  return stringify({
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}

const trusting = ({ certificate }: TestCertificate) => ({
  'certificate-authority-data': Buffer.from(certificate).toString('base64'),
});

const username = async (gateway: KubeGateway): Promise<string> => (await gateway.whoAmI()).username;

/** Lets what was read grow old; the network's timers go on as they are. */
function pass(seconds: number): void {
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['performance', 'Date'] });
  vi.advanceTimersByTime(seconds * 1000);
}

describe('a gateway', () => {
  it('reads nothing before it is used, and works as soon as there is a kubeconfig', async () => {
    const kubeconfigPath = join(folder, 'later');
    const gateway = gatewayFor({ kubeconfigPath });
    expect(gateway.describe()).toEqual({ server: 'none', source: 'not configured' });
    expect(gateway.defaultNamespace()).toEqual({ name: 'default', source: 'built-in default' });
    await expect(gateway.whoAmI()).rejects.toMatchObject({ code: 'cluster_not_configured' });
    write('later', simulator.kubeconfig);
    expect(await username(gateway)).toBe('simulated');
    expect(gateway.describe()).toEqual({
      server: simulator.url,
      source: `context "simulated" of ${kubeconfigPath}`,
    });
  });

  it('names the namespace of the configuration before that of the context', () => {
    const kubeconfigText = simulator.kubeconfig;
    expect(gatewayFor({ kubeconfigText }).defaultNamespace()).toEqual({
      name: 'default',
      source: 'kubeconfig context',
    });
    expect(gatewayFor({ kubeconfigText, defaultNamespace: 'apps' }).defaultNamespace()).toEqual({
      name: 'apps',
      source: 'configuration',
    });
  });

  it('does not show the credentials that an address may hold', () => {
    const kubeconfigText = kubeconfig('https://me:hush@api.example:6443/', { token: 'hush' });
    const gateway = gatewayFor({ kubeconfigText });
    expect(gateway.describe().server).toBe('https://api.example:6443');
  });

  it('ends with its connections', async () => {
    const gateway = gatewayFor({ kubeconfigText: simulator.kubeconfig });
    await gateway.whoAmI();
    await gateway.close();
    await expect(gateway.whoAmI()).rejects.toMatchObject({ code: 'internal' });
  });

  it('sends requests below the path of the address, as behind a gateway of several clusters', async () => {
    const kubeconfigText = kubeconfig(`${simulator.url}/k8s/clusters/c-1`, { token: 'simulated' });
    await gatewayFor({ kubeconfigText })
      .list('namespaces', {})
      .catch(() => {});
    expect(simulator.requests[0]?.path).toMatch(/^\/k8s\/clusters\/c-1\/api\/v1\/namespaces\?/);
  });

  it('acts as the user that the kubeconfig names', async () => {
    const user = { token: 'simulated', as: 'jane', 'as-groups': ['dba', 'ops'] };
    const gateway = gatewayFor({ kubeconfigText: kubeconfig(simulator.url, user) });
    expect(await gateway.whoAmI()).toMatchObject({
      username: 'jane',
      groups: ['dba', 'ops', 'system:authenticated'],
    });
  });
});

describe('TLS', () => {
  it('keeps at most 32 connections for any number of calls, and uses them again', async () => {
    const certificate = selfSigned('api');
    const tls = await front(certificate);
    const gateway = gatewayFor({
      kubeconfigText: kubeconfig(tls.url, { token: 'simulated' }, trusting(certificate)),
    });
    for (let call = 0; call < 20; call += 1) await gateway.whoAmI();
    expect(tls.connections).toBeLessThanOrEqual(2);
    await Promise.all(Array.from({ length: 100 }, () => gateway.whoAmI()));
    expect(tls.connections).toBe(32);
  });

  it('keeps its connections when it reads the same credentials and certificates again', async () => {
    pass(0);
    const certificate = selfSigned('api');
    const tls = await front(certificate);
    const gateway = gatewayFor({
      kubeconfigText: kubeconfig(tls.url, { token: 'simulated' }, trusting(certificate)),
    });
    for (let call = 0; call < 20; call += 1) {
      await gateway.whoAmI();
      pass(40);
    }
    expect(tls.connections).toBeLessThanOrEqual(2);
  });

  it('refuses a server that the authority did not sign, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const tls = await front(selfSigned('somebody else'));
    const kubeconfigText = kubeconfig(tls.url, { token: 'simulated' }, trusting(selfSigned('api')));
    const error = gatewayFor({ kubeconfigText }).whoAmI();
    await expect(error).rejects.toMatchObject({
      code: 'cluster_unreachable',
      message: expect.stringContaining('no trusted connection'),
      details: { host: `127.0.0.1:${tls.port}` },
    });
    expect(simulator.requests).toEqual([]);
  });

  it('takes any server only when the kubeconfig says so', async () => {
    const tls = await front(selfSigned('somebody else'));
    const skip = { 'insecure-skip-tls-verify': true };
    const kubeconfigText = kubeconfig(tls.url, { token: 'simulated' }, skip);
    expect(await username(gatewayFor({ kubeconfigText }))).toBe('simulated');
  });

  it('follows a certificate authority that is replaced, without a call that fails', async () => {
    const [first, second] = [selfSigned('first'), selfSigned('second')];
    const tls = await front(first);
    const authority = write('ca.crt', first.certificate);
    const gateway = gatewayFor({
      kubeconfigText: kubeconfig(tls.url, { token: 'simulated' }, { 'certificate-authority': authority }),
    });
    expect(await username(gateway)).toBe('simulated');
    write('ca.crt', second.certificate);
    tls.replace(second);
    const created = await gateway.create('namespaces', { metadata: { name: 'made-after-rotation' } });
    expect(created.object.metadata.name).toBe('made-after-rotation');
  });

  it('goes through the proxy that the kubeconfig names', async () => {
    const certificate = selfSigned('api');
    const tls = await front(certificate);
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      const onward = connect(tls.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      for (const end of [socket, onward]) end.on('error', () => end.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const cluster = { ...trusting(certificate), 'proxy-url': `http://127.0.0.1:${port}` };
    const gateway = gatewayFor({ kubeconfigText: kubeconfig(tls.url, { token: 'simulated' }, cluster) });
    expect(await username(gateway)).toBe('simulated');
    expect(asked).toEqual([`127.0.0.1:${tls.port}`]);
    proxy.closeAllConnections();
    proxy.close();
  });

  it('says that it cannot use another kind of proxy', async () => {
    const cluster = { 'proxy-url': 'socks5://127.0.0.1:1080' };
    const kubeconfigText = kubeconfig(simulator.url, { token: 'simulated' }, cluster);
    await expect(gatewayFor({ kubeconfigText }).whoAmI()).rejects.toMatchObject({
      code: 'cluster_not_configured',
      message: expect.stringContaining('proxy'),
    });
  });
});

describe('credentials', () => {
  it('of a service account are those that are mounted, and are read again when they are replaced', async () => {
    const certificate = selfSigned('api');
    const tls = await front(certificate);
    write('ca.crt', certificate.certificate);
    write('namespace', 'apps');
    const token = write('token', 'simulated\n');
    const gateway = gatewayFor({
      inCluster: true,
      serviceAccountDirectory: folder,
      environment: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(tls.port) },
    });
    expect(gateway.defaultNamespace()).toEqual({ name: 'apps', source: 'service account' });
    expect(gateway.describe()).toEqual({ server: tls.url, source: 'service account' });
    expect(await username(gateway)).toBe('simulated');
    writeFileSync(token, 'wrong');
    pass(100);
    await expect(gateway.whoAmI()).rejects.toMatchObject({ code: 'not_authenticated', api: { status: 401 } });
    writeFileSync(token, 'simulated');
    expect(await username(gateway)).toBe('simulated');
  });

  it('that were refused are read again once, also for a write', async () => {
    const token = write('token', 'old');
    const gateway = gatewayFor({ kubeconfigText: kubeconfig(simulator.url, { tokenFile: token }) });
    await expect(gateway.whoAmI()).rejects.toMatchObject({ code: 'not_authenticated' });
    writeFileSync(token, 'simulated');
    await gateway.create('namespaces', { metadata: { name: 'made-with-new-token' } });
    simulator.faults.expireToken();
    simulator.clearRequests();
    await expect(gateway.whoAmI()).rejects.toMatchObject({ code: 'not_authenticated' });
    expect(simulator.requests).toHaveLength(2);
    simulator.faults.renewToken();
    expect(await username(gateway)).toBe('simulated');
  });

  it('come from the program that the kubeconfig names, which runs again when they are refused, but not all the time', async () => {
    pass(0);
    const runs = write('runs', '');
    const token = write('token', 'old');
    const program = write(
      'sign-in',
      `#!/bin/sh
echo run >> ${runs}
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat ${token})"
`,
    );
    chmodSync(program, 0o700);
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: program,
      interactiveMode: 'Never',
    };
    const gateway = gatewayFor({ kubeconfigText: kubeconfig(simulator.url, { exec }) });
    const timesRun = (): number => readFileSync(runs, 'utf8').split('\n').length - 1;
    const refused = { code: 'not_authenticated' };
    await expect(gateway.whoAmI()).rejects.toMatchObject(refused);
    writeFileSync(token, 'simulated');
    await expect(gateway.whoAmI()).rejects.toMatchObject(refused);
    expect(timesRun()).toBe(1);
    pass(6);
    expect(await username(gateway)).toBe('simulated');
    pass(100);
    expect(await username(gateway)).toBe('simulated');
    expect(timesRun()).toBe(2);
  });

  it('that cannot be had are told without what the program said', async () => {
    const program = write('sign-in', '#!/bin/sh\necho "hush: refresh token expired" >&2\nexit 1\n');
    chmodSync(program, 0o700);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: program };
    const gateway = gatewayFor({ kubeconfigText: kubeconfig(simulator.url, { exec }) });
    const error = await gateway.whoAmI().catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({
      code: 'not_authenticated',
      message: expect.stringContaining('the credential plugin sign-in failed'),
    });
    expect(`${(error as Error).stack}${JSON.stringify(error)}${(error as Error).cause}`).not.toContain(
      'hush',
    );
  });

  it('whose file is missing are told by its name', async () => {
    const tokenFile = join(folder, 'none');
    const gateway = gatewayFor({ kubeconfigText: kubeconfig(simulator.url, { tokenFile }) });
    await expect(gateway.whoAmI()).rejects.toMatchObject({
      code: 'cluster_not_configured',
      message: expect.stringContaining(`${tokenFile}, named by`),
    });
  });

  it('can be a name and a password', async () => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{"status":{"userInfo":{"username":"me"}}}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const user = { username: 'me', password: 'pass:word' };
    const gateway = gatewayFor({ kubeconfigText: kubeconfig(`http://127.0.0.1:${port}`, user) });
    expect(await username(gateway)).toBe('me');
    expect(seen).toEqual([`Basic ${Buffer.from('me:pass:word').toString('base64')}`]);
    server.closeAllConnections();
    server.close();
  });

  it('are those of the new cluster after the kubeconfig was written anew', async () => {
    const kubeconfigPath = write('config', simulator.kubeconfig);
    const gateway = gatewayFor({ kubeconfigPath });
    expect(await username(gateway)).toBe('simulated');
    const other = await startSimulator({ operator: false });
    open.push(other);
    await simulator.faults.down();
    write('config', other.kubeconfig);
    await expect(gateway.whoAmI()).rejects.toMatchObject({ code: 'cluster_unreachable' });
    expect(await username(gateway)).toBe('simulated');
    expect(other.requests).toHaveLength(1);
    await simulator.faults.up();
  });
});
