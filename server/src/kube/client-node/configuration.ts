/** Finds out which cluster to talk to and as whom, from what the options and the environment name. */
import { existsSync, readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { DefaultNamespace, Impersonation } from '../gateway.ts';
import {
  directoryOf,
  mergeKubeconfigs,
  notConfigured,
  parseKubeconfig,
  type SelectedContext,
  selectContext,
} from './kubeconfig.ts';

/** What the configuration is read from; the first that is given and there counts. */
export interface ConfigurationOptions {
  /** A kubeconfig as text; relative paths in it refer to the working directory. */
  kubeconfigText?: string | undefined;
  /** One kubeconfig file. */
  kubeconfigPath?: string | undefined;
  /** A context other than the current one. */
  context?: string | undefined;
  /** true: the service account and nothing else. false: never the service account. */
  inCluster?: boolean | undefined;
  /** KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read; the process's own by default. */
  environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Where Kubernetes mounts token, CA and namespace of a service account. */
  serviceAccountDirectory?: string | undefined;
}

/** One cluster and one way to authenticate, complete and normalised. Holds credentials: never to be shown. */
export interface ClusterConfiguration {
  /** A kubeconfig of exactly one context, as JSON. Equal text means equal configuration. */
  text: string;
  server: URL;
  proxyUrl: string | undefined;
  /** For messages: `context "prod" of /home/jane/.kube/config`, `service account`. */
  source: string;
  namespace: DefaultNamespace | undefined;
  /** `as` and `as-groups` of the kubeconfig. */
  impersonation: Impersonation | undefined;
  /** Name of the credential plugin's program, if there is one. */
  plugin: string | undefined;
}

const defaultServiceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Reads the configuration anew. In this order: text, path, KUBECONFIG, the service account, `~/.kube/config`.
 * Throws `cluster_not_configured` when there is none or it cannot be used.
 */
export function readConfiguration(options: ConfigurationOptions): ClusterConfiguration {
  const environment = options.environment ?? process.env;
  const account = options.serviceAccountDirectory ?? defaultServiceAccountDirectory;
  if (options.inCluster === true) return fromServiceAccount(account, environment);
  if (options.kubeconfigText !== undefined) {
    const name = 'the given kubeconfig';
    return fromTexts([{ text: options.kubeconfigText, name, directory: process.cwd() }], name, options);
  }
  if (options.kubeconfigPath !== undefined) return fromFiles([options.kubeconfigPath], options);
  const listed = (environment.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) return fromFiles(listed, options);
  const hasAccount = environment.KUBERNETES_SERVICE_HOST !== undefined && existsSync(join(account, 'token'));
  if (options.inCluster !== false && options.context === undefined && hasAccount) {
    return fromServiceAccount(account, environment);
  }
  const own = join(environment.HOME ?? homedir(), '.kube', 'config');
  if (existsSync(own)) return fromFiles([own], options);
  throw notConfigured('There is no Kubernetes cluster to talk to: no kubeconfig and no service account.');
}

function fromFiles(files: readonly string[], options: ConfigurationOptions): ClusterConfiguration {
  // As kubectl does: of several files those that do not exist are passed over.
  const present = files.filter((file) => existsSync(file));
  if (present.length === 0) {
    throw notConfigured(
      `The kubeconfig ${files.join(', ')} does not exist.`,
      'Correct the path: --kubeconfig names the file, else KUBECONFIG does.',
    );
  }
  const texts = present.map((file) => ({ text: readText(file), name: file, directory: directoryOf(file) }));
  return fromTexts(texts, present.join(', '), options);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw notConfigured(
      `${file} cannot be read: ${(thrown as NodeJS.ErrnoException).code ?? 'unknown error'}.`,
      'Let this user read the file, or name another one.',
    );
  }
}

function fromTexts(
  texts: readonly { text: string; name: string; directory: string }[],
  source: string,
  options: ConfigurationOptions,
): ClusterConfiguration {
  const files = texts.map(({ text, directory, name }) => parseKubeconfig(text, name, directory));
  const selected = selectContext(mergeKubeconfigs(files), options.context, source);
  return complete(
    selected,
    `context "${selected.name}" of ${source}`,
    selected.namespace === undefined ? undefined : { name: selected.namespace, source: 'kubeconfig context' },
  );
}

function fromServiceAccount(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): ClusterConfiguration {
  const host = environment.KUBERNETES_SERVICE_HOST;
  if (host === undefined || !existsSync(join(directory, 'token'))) {
    throw notConfigured(
      'This is not a pod with a service account token.',
      'Mount the token (automountServiceAccountToken), or name a kubeconfig instead.',
    );
  }
  const port = environment.KUBERNETES_SERVICE_PORT ?? '443';
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const namespaceFile = join(directory, 'namespace');
  const namespace = existsSync(namespaceFile) ? readText(namespaceFile).trim() : '';
  return complete(
    {
      name: 'service account',
      cluster: { server, 'certificate-authority': join(directory, 'ca.crt') },
      user: { tokenFile: join(directory, 'token') },
      namespace: namespace || undefined,
    },
    'service account',
    namespace === '' ? undefined : { name: namespace, source: 'service account' },
  );
}

function complete(
  selected: SelectedContext,
  source: string,
  namespace: DefaultNamespace | undefined,
): ClusterConfiguration {
  const server = serverUrl(selected, source);
  const cluster = {
    ...selected.cluster,
    server: server.href.replace(/\/$/, ''),
    // The library refuses plain HTTP unless this is set; whether HTTP is allowed at all is decided above.
    ...(server.protocol === 'http:' && { 'insecure-skip-tls-verify': true }),
  };
  const { as: asUser, 'as-groups': asGroups, tokenFile, ...rest } = selected.user;
  // The library knows token files only as an authentication provider; as such it reads them again every minute.
  const user =
    typeof tokenFile === 'string'
      ? { ...rest, 'auth-provider': { name: 'tokenFile', config: { tokenFile } } }
      : rest;
  const text = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
    'current-context': 'context',
  });
  const proxyUrl = selected.cluster['proxy-url'];
  const command = (selected.user.exec as { command?: unknown } | undefined)?.command;
  return {
    text,
    server,
    proxyUrl: typeof proxyUrl === 'string' && proxyUrl !== '' ? proxyUrl : undefined,
    source,
    namespace,
    impersonation:
      typeof asUser === 'string' && asUser !== ''
        ? { user: asUser, groups: Array.isArray(asGroups) ? asGroups.map(String) : [] }
        : undefined,
    plugin: typeof command === 'string' ? command.split('/').at(-1) : undefined,
  };
}

function serverUrl(selected: SelectedContext, source: string): URL {
  const text = selected.cluster.server;
  if (typeof text !== 'string' || !URL.canParse(text)) {
    throw notConfigured(
      `The server of ${source} is not an address.`,
      'Correct clusters[].cluster.server in it.',
    );
  }
  const url = new URL(text);
  const insecure = selected.cluster['insecure-skip-tls-verify'] === true;
  const allowed =
    url.protocol === 'https:' || (url.protocol === 'http:' && (isLoopback(url.hostname) || insecure));
  if (!allowed) {
    throw notConfigured(
      `The server of ${source} is ${url.protocol}//${url.host}; only https is spoken with other machines.`,
      'Give the cluster an https address in the kubeconfig, or choose another context with --context.',
    );
  }
  return url;
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'))
  );
}
