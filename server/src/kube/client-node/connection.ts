/** Credentials and connections to one API server. The only file that loads @kubernetes/client-node and undici. */
import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import { ToolError } from '../../errors.ts';
import type { ClusterConfiguration } from './configuration.ts';
import { notConfigured } from './kubeconfig.ts';

/** What a request needs: valid for a moment, ask for it anew with every request. */
export interface Session {
  /** `https://host:port` of the API server. */
  origin: string;
  /** Path in front of every API path; '' for most API servers, `/k8s/clusters/x` behind some gateways. */
  prefix: string;
  /** Authorization, and nothing else. */
  headers: Readonly<Record<string, string>>;
  /** `as` of the kubeconfig. */
  impersonation: ClusterConfiguration['impersonation'];
  /** Connections for ordinary requests. */
  requests: Dispatcher;
  /** Connections for watches, which keep theirs for minutes: they must not starve the others. */
  watches: Dispatcher;
}

/** Seconds after which configuration, tokens and certificates are read again; client-go's are 60 s for tokens. */
const rereadSeconds = 30;
const maxRequestConnections = 32;
const maxWatchConnections = 128;
const connectTimeoutMs = 10_000;
/** A credential plugin that has not answered by then never will; the next call starts another. */
const openingMs = 30_000;
/** A credential plugin is a program: calls that are refused one after the other must not start it each time. */
const pluginRestSeconds = 5;
/** Below the 60 s after which common load balancers drop idle connections. */
const keepAliveMs = 30_000;
/** Bookmarks come about every minute; a stream that is silent for longer is dead. */
const watchSilenceMs = 120_000;

interface Authenticator {
  text: string;
  kubeConfig: KubeConfig;
  /** Its credentials come from a program. */
  plugin: boolean;
  madeAt: number;
}

interface Pools {
  key: string;
  requests: Dispatcher;
  watches: Dispatcher;
}

/** Keeps one session and renews it: by age, and when {@link Connection.renew} says that it was not accepted. */
export class Connection {
  readonly #read: () => ClusterConfiguration;
  #authenticator: Authenticator | undefined;
  #session: { value: Session; authenticator: Authenticator; readAt: number } | undefined;
  #opening: Promise<Session> | undefined;
  #pools: Pools | undefined;
  #closed = false;

  /** `read` is called for every renewal, so a cluster that is configured later is found. */
  constructor(read: () => ClusterConfiguration) {
    this.#read = read;
  }

  /**
   * The session as it is now. Throws `cluster_not_configured` when there is no usable configuration and
   * `not_authenticated` when credentials cannot be obtained; the next call tries again.
   */
  async session(): Promise<Session> {
    const session = this.#session;
    if (session && performance.now() - session.readAt < rereadSeconds * 1000) return session.value;
    this.#opening ??= this.#openInTime().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /**
   * Forgets a session that did not work: the next one reads configuration, tokens and certificates anew, and for
   * `credentials` runs the credential plugin again though its token has not expired. False when that would change nothing.
   */
  renew(session: Session, what: 'configuration' | 'credentials'): boolean {
    if (this.#session?.value !== session) return true;
    const { authenticator } = this.#session;
    if (what === 'credentials' && authenticator.plugin) {
      const age = performance.now() - authenticator.madeAt;
      if (age < pluginRestSeconds * 1000) return false;
    }
    this.#session = undefined;
    if (what === 'credentials') this.#authenticator = undefined;
    return true;
  }

  /** Closes idle connections and lets running requests end. Later calls fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = this.#pools;
    this.#pools = undefined;
    this.#session = undefined;
    await Promise.all([pools?.requests.close(), pools?.watches.destroy()]);
  }

  async #openInTime(): Promise<Session> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new ToolError('not_authenticated', `No credentials came within ${openingMs / 1000} s.`));
    }, openingMs);
    try {
      return await Promise.race([this.#open(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(): Promise<Session> {
    if (this.#closed) throw new ToolError('internal', 'The connection to the cluster was closed.');
    const configuration = this.#read();
    const { authenticator, options } = await this.#authenticate(configuration);
    const pools = await this.#poolsFor(configuration, options);
    if (this.#closed) await this.close();
    const { origin, pathname } = configuration.server;
    const value: Session = {
      origin,
      prefix: pathname.replace(/\/$/, ''),
      headers: authorization(options),
      impersonation: configuration.impersonation,
      requests: pools.requests,
      watches: pools.watches,
    };
    this.#session = { value, authenticator, readAt: performance.now() };
    return value;
  }

  /** Certificates, keys and headers of the configuration: files are read and credential plugins run here. */
  async #authenticate(
    configuration: ClusterConfiguration,
  ): Promise<{ authenticator: Authenticator; options: RequestOptions }> {
    const options: RequestOptions = { headers: {} };
    try {
      const known = this.#authenticator;
      const authenticator =
        known?.text === configuration.text ? known : await makeAuthenticator(configuration);
      this.#authenticator = authenticator;
      await authenticator.kubeConfig.applyToHTTPSOptions(options);
      return { authenticator, options };
    } catch (thrown) {
      throw credentialError(configuration, thrown);
    }
  }

  async #poolsFor(configuration: ClusterConfiguration, options: RequestOptions): Promise<Pools> {
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const tls = {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(servername !== undefined && { servername }),
      // Said explicitly, so that NODE_TLS_REJECT_UNAUTHORIZED changes nothing.
      rejectUnauthorized: rejectUnauthorized !== false,
    };
    const identity = [configuration.server.origin, configuration.proxyUrl, ca, cert, key, servername];
    const hash = createHash('sha256');
    for (const part of [...identity, tls.rejectUnauthorized]) hash.update(`${String(part)}\0`);
    const digest = hash.digest('hex');
    if (this.#pools?.key === digest) return this.#pools;
    const old = this.#pools;
    this.#pools = {
      key: digest,
      requests: await makePool(configuration, tls, maxRequestConnections, 0),
      watches: await makePool(configuration, tls, maxWatchConnections, watchSilenceMs),
    };
    // Running requests end on the old connections; nothing new starts there.
    for (const pool of [old?.requests, old?.watches]) pool?.close().catch(() => {});
    return this.#pools;
  }
}

async function makeAuthenticator(configuration: ClusterConfiguration): Promise<Authenticator> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(configuration.text);
  const { text, plugin } = configuration;
  return { text, kubeConfig, plugin: plugin !== undefined, madeAt: performance.now() };
}

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

async function makePool(
  configuration: ClusterConfiguration,
  tls: Tls,
  connections: number,
  bodyTimeout: number,
): Promise<Dispatcher> {
  const { Pool, ProxyAgent } = await import('undici');
  const { proxyUrl } = configuration;
  const options = {
    connections,
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    // Every call has its own deadline, so these would only get in the way.
    headersTimeout: 0,
    bodyTimeout,
  };
  const connect = { ...tls, timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: keepAliveMs };
  if (proxyUrl === undefined) return new Pool(configuration.server.origin, { ...options, connect });
  if (!/^https?:/.test(proxyUrl) || !URL.canParse(proxyUrl)) {
    throw notConfigured(`The proxy of ${configuration.source} is not an http or https address.`);
  }
  return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: connect });
}

function authorization(options: RequestOptions): Record<string, string> {
  if (typeof options.auth === 'string') {
    return { authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` };
  }
  const headers = (options.headers ?? {}) as Record<string, unknown>;
  // A token file ends with a newline, which must not get into a header.
  return typeof headers.Authorization === 'string' ? { authorization: headers.Authorization.trim() } : {};
}

/** Without a cause: what a plugin printed or a parser quotes may hold credentials. */
function credentialError(configuration: ClusterConfiguration, thrown: unknown): ToolError {
  const { code, path, syscall } = thrown as NodeJS.ErrnoException;
  if (syscall === 'open' && path !== undefined) {
    return notConfigured(`${path}, named by ${configuration.source}, cannot be read: ${code}.`);
  }
  const how =
    configuration.plugin === undefined ? '' : `: the credential plugin ${configuration.plugin} failed`;
  return new ToolError('not_authenticated', `There are no credentials from ${configuration.source}${how}.`, {
    hint: 'Sign in again with the tool that made this kubeconfig, then call again.',
    ...(code !== undefined && { details: { cause: code } }),
  });
}
