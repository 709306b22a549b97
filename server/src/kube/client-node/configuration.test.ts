import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ToolError } from '../../errors.ts';
import { type ConfigurationOptions, readConfiguration } from './configuration.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function write(path: string, text: string): string {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** A kubeconfig with one context; its cluster's host is the context's name. */
function kubeconfig(
  name: string,
  more: { cluster?: object; user?: object; namespace?: string } = {},
): string {
  return stringify({
    clusters: [{ name, cluster: { server: `https://${name}.example:6443`, ...more.cluster } }],
    users: [{ name, user: { token: `token-of-${name}`, ...more.user } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: more.namespace } }],
    'current-context': name,
  });
}

function account(namespace = 'apps'): string {
  write('account/token', 'abc\n');
  write('account/ca.crt', 'certificate');
  write('account/namespace', namespace);
  return join(home, 'account');
}

const inPod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
const read = (options: ConfigurationOptions = {}) =>
  readConfiguration({
    environment: { HOME: home },
    serviceAccountDirectory: join(home, 'account'),
    ...options,
  });
const hostOf = (options?: ConfigurationOptions): string => read(options).server.hostname;

function errorOf(options: ConfigurationOptions): ToolError {
  try {
    read(options);
  } catch (thrown) {
    if (thrown instanceof ToolError) return thrown;
  }
  throw new Error('There was no ToolError.');
}

describe('which cluster is used', () => {
  it('is the given text before a file, that before KUBECONFIG, that before the service account, and ~/.kube/config last', () => {
    const serviceAccountDirectory = account();
    write('.kube/config', kubeconfig('home'));
    const options = {
      kubeconfigText: kubeconfig('text'),
      kubeconfigPath: write('file.yaml', kubeconfig('file')),
      environment: { HOME: home, KUBECONFIG: write('env.yaml', kubeconfig('env')), ...inPod },
      serviceAccountDirectory,
    };
    expect(hostOf(options)).toBe('text.example');
    expect(hostOf({ ...options, kubeconfigText: undefined })).toBe('file.example');
    const neither = { ...options, kubeconfigText: undefined, kubeconfigPath: undefined };
    expect(hostOf(neither)).toBe('env.example');
    expect(hostOf({ ...neither, environment: { HOME: home, ...inPod } })).toBe('10.0.0.1');
    expect(hostOf({ ...neither, environment: { HOME: home, ...inPod }, inCluster: false })).toBe(
      'home.example',
    );
    expect(hostOf({ ...neither, inCluster: true })).toBe('10.0.0.1');
    expect(hostOf({ ...neither, environment: { HOME: home } })).toBe('home.example');
  });

  it('is none when nothing is there, and the error names the ways to have one', () => {
    const error = errorOf({});
    expect(error.code).toBe('cluster_not_configured');
    expect(error.hint).toMatch(/service account.*KUBECONFIG.*--kubeconfig/);
  });

  it('is the one of a chosen context', () => {
    const first = write('first.yaml', kubeconfig('first'));
    const second = write('second.yaml', kubeconfig('second'));
    const environment = { KUBECONFIG: [first, second].join(delimiter) };
    expect(hostOf({ environment })).toBe('first.example');
    expect(hostOf({ environment, context: 'second' })).toBe('second.example');
    expect(errorOf({ environment, context: 'third' }).message).toContain('has no context "third"');
  });

  it('is the first of two with one name, and files that do not exist are passed over', () => {
    const first = write('first.yaml', kubeconfig('same'));
    const second = write('second.yaml', kubeconfig('same', { cluster: { server: 'https://other.example' } }));
    const environment = { KUBECONFIG: [join(home, 'none'), first, second].join(delimiter) };
    expect(hostOf({ environment })).toBe('same.example');
  });

  it('takes an IPv6 address of the service account into brackets', () => {
    const environment = { ...inPod, KUBERNETES_SERVICE_HOST: 'fd00::1' };
    account();
    expect(read({ environment }).server.href).toBe('https://[fd00::1]/');
  });
});

describe('the namespace', () => {
  it("is the service account's", () => {
    account('apps\n');
    expect(read({ environment: inPod }).namespace).toEqual({ name: 'apps', source: 'service account' });
  });

  it("is the context's", () => {
    const kubeconfigText = kubeconfig('a', { namespace: 'orders' });
    expect(read({ kubeconfigText }).namespace).toEqual({ name: 'orders', source: 'kubeconfig context' });
    expect(read({ kubeconfigText: kubeconfig('a') }).namespace).toBeUndefined();
  });
});

describe('a kubeconfig', () => {
  it('refers to files and programs beside it', () => {
    const cluster = { 'certificate-authority': 'pki/ca.crt' };
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './bin/sign-in' };
    const user = { 'client-certificate': 'pki/me.crt', 'client-key': '/keys/me.key', exec };
    const file = write('conf/config', kubeconfig('a', { cluster, user }));
    const { text, plugin } = read({ kubeconfigPath: file });
    const made = JSON.parse(text);
    expect(made.clusters[0].cluster['certificate-authority']).toBe(join(home, 'conf/pki/ca.crt'));
    expect(made.users[0].user).toMatchObject({
      'client-certificate': join(home, 'conf/pki/me.crt'),
      'client-key': '/keys/me.key',
      exec: { command: join(home, 'conf/bin/sign-in') },
    });
    expect(plugin).toBe('sign-in');
  });

  it('may name a user to act as, with groups', () => {
    const user = { as: 'jane', 'as-groups': ['dba', 'ops'] };
    expect(read({ kubeconfigText: kubeconfig('a', { user }) }).impersonation).toEqual({
      user: 'jane',
      groups: ['dba', 'ops'],
    });
  });

  it.each([
    ['http://127.0.0.1:8001', true],
    ['http://localhost:8001', true],
    ['http://[::1]:8001', true],
    ['http://10.0.0.1:8001', false],
    ['http://localhost.example:8001', false],
    ['http://127.0.0.1.example:8001', false],
    ['ftp://127.0.0.1', false],
  ])('with the server %s is accepted without TLS: %s', (server, accepted) => {
    const kubeconfigText = kubeconfig('a', { cluster: { server } });
    if (accepted) expect(read({ kubeconfigText }).server.href).toBe(`${server}/`);
    else expect(errorOf({ kubeconfigText }).message).toContain('only https is spoken with other machines');
  });

  it('may ask for plain HTTP with another machine by saying that it wants no security', () => {
    const cluster = { server: 'http://10.0.0.1:8001', 'insecure-skip-tls-verify': true };
    expect(hostOf({ kubeconfigText: kubeconfig('a', { cluster }) })).toBe('10.0.0.1');
  });

  it.each([
    ['no YAML', 'users: [{ token: "hush', 'is not valid YAML'],
    ['a list', '- hush', 'is not a kubeconfig'],
    ['without a current context', 'users: []', 'has no current context'],
    ['whose context leads nowhere', kubeconfig('a').replace('- name: a', '- name: b'), 'that is not there'],
    ['without an address', kubeconfig('a', { cluster: { server: 'hush' } }), 'is not an address'],
  ])('that is %s is refused without being quoted', (_, kubeconfigText, message) => {
    const error = errorOf({ kubeconfigText });
    expect(error.code).toBe('cluster_not_configured');
    expect(error.message).toContain(message);
    expect(`${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toContain('hush');
  });

  it('without the context that is asked for is told of with the contexts that it has', () => {
    const error = errorOf({ kubeconfigText: kubeconfig('prod'), context: 'prd' });
    expect(error.message).toBe('the given kubeconfig has no context "prd".');
    expect(error.hint).toBe('Choose one of its contexts with --context: prod. Did you mean prod?');
    const none = errorOf({ kubeconfigText: 'users: []', context: 'prod' });
    expect(none.hint).toMatch(/^It has no contexts at all/);
  });

  it('that is no YAML is named alone, when there are several', () => {
    const bad = write('bad.yaml', 'users: [');
    const environment = { KUBECONFIG: [write('good.yaml', kubeconfig('a')), bad].join(delimiter) };
    const error = errorOf({ environment });
    expect(error.message).toBe(`${bad} is not valid YAML.`);
    expect(error.hint).toMatch(/^Correct the file/);
  });

  it('that does not exist or cannot be read is named', () => {
    const missing = join(home, 'none');
    const error = errorOf({ kubeconfigPath: missing });
    expect(error.message).toBe(`The kubeconfig ${missing} does not exist.`);
    expect(error.hint).toMatch(/^Correct the path/);
    expect(errorOf({ kubeconfigPath: home }).message).toBe(`${home} cannot be read: EISDIR.`);
  });
});
