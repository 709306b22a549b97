/**
 * The HTTP applications: what is served, and in which order a request passes the guards. No listening and no signals in
 * here, so tests inject requests and a process decides about ports.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import helmet from '@fastify/helmet';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  fastify,
  LogController,
} from 'fastify';
import { authenticateRequests } from './http/authenticate.ts';
import type { Authenticator } from './http/authenticator.ts';
import { allowCrossOrigin } from './http/cross-origin.ts';
import { installErrorHandlers, limitUrls, refuseBadAddress, refuseUnread } from './http/errors.ts';
import { type ReadinessProbe, serveHealth } from './http/health.ts';
import { type EdgeOptions, guardHostAndOrigin } from './http/host-origin.ts';
import { InFlight, limitInFlight } from './http/in-flight.ts';
import { defaultHttpLimits, type HttpLimits } from './http/limits.ts';
import { createListener } from './http/listener.ts';
import { mcpPath, serveMcp } from './http/mcp-endpoint.ts';
import { recordRequests, serveMetrics } from './http/metrics.ts';
import { Overload } from './http/overload.ts';
import { recordRefusals } from './http/refusals.ts';
import { type ProtectedResource, serveResourceMetadata } from './http/resource-metadata.ts';
import { HeldStreams, type StreamEndObserver } from './mcp/held-streams.ts';
import { createLegacyEndpoint } from './mcp/legacy/endpoint.ts';
import type { SessionLimits, SessionOptions, Sessions } from './mcp/legacy/sessions.ts';
import { modernOnDemand } from './mcp/modern/on-demand.ts';
import type { McpSurface } from './mcp/surface.ts';
import type { RefusalRecord } from './observability/audit.ts';
import type { Logger } from './observability/logger.ts';
import type { Metrics } from './observability/metrics.ts';

export interface AppOptions extends EdgeOptions {
  surface: McpSurface;
  /** `localAuthenticator` where only this machine can reach the server. */
  authenticator: Authenticator;
  /** Where callers can sign in; its description is served publicly. */
  protectedResource?: ProtectedResource | undefined;
  /** Absent: no sessions are kept. */
  sessions?: SessionLimits | undefined;
  /** Told of every MCP request that was turned away before anybody worked on it. */
  auditRefusal?: (record: RefusalRecord) => void;
  /** Told of every stream that was ended because its credential or the rights of its caller were over. */
  auditStreamEnd?: StreamEndObserver;
  /** Longest time between two looks at the credentials of open streams, in milliseconds. */
  streamLookMilliseconds?: number;
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  trustProxy?: readonly string[];
  /** What `/readyz` answers. */
  readiness: ReadinessProbe;
  metrics: Metrics;
  logger: Logger;
  limits?: Partial<HttpLimits>;
}

export interface DrainOptions {
  /** How long to keep serving after readiness turned false, until nobody sends new requests, in milliseconds. */
  propagationMilliseconds: number;
  /** How long running requests may take to end, in milliseconds; after that they are broken off. */
  graceMilliseconds: number;
}

export interface App {
  /** `/mcp`, `/healthz`, `/readyz`. */
  main: FastifyInstance;
  /** `/healthz`, `/readyz`, `/metrics`: for the cluster, never for clients. */
  management: FastifyInstance;
  /** Stops without losing an answer: not ready, keep serving, let calls end, break off the rest, close both applications. */
  drain(options: DrainOptions): Promise<void>;
}

/** Builds both applications. Throws RangeError when the edge is not safe: see {@link EdgeOptions}. */
export async function createApp(options: AppOptions): Promise<App> {
  const { surface, authenticator, readiness, metrics, logger } = options;
  const limits = { ...defaultHttpLimits, ...options.limits };
  const inFlight = new InFlight();
  const overload = new Overload(limits.eventLoopDelayMilliseconds);
  metrics.watchInFlight(() => inFlight.count);
  metrics.watchReadiness(async () => (await readiness.ask()).ready);

  const held = new HeldStreams(options.auditStreamEnd ?? (() => undefined), options.streamLookMilliseconds);
  const adapter = {
    surface,
    held,
    observe: metrics.operation,
    onDefect: (error: unknown) =>
      logger.error({ err: error }, 'An MCP request failed with an internal error.'),
    streamAfterSeconds: limits.streamAfterSeconds,
  };
  const modern = modernOnDemand(adapter);
  const sessions = options.sessions && (await openSessions({ ...adapter, limits: options.sessions }));
  if (sessions) metrics.watchSessions(() => sessions.count);

  const main = createInstance(logger, limits, options.trustProxy);
  const headers = await securityHeaders();
  setAlways(main, headers);
  recordRequests(main, metrics, logger);
  installErrorHandlers(main, `There is nothing at this path. MCP is served at ${mcpPath}.`);
  serveHealth(main, readiness);
  if (options.protectedResource) serveResourceMetadata(main, options.protectedResource);
  await main.register(async (scope) => {
    recordRefusals(scope, { metrics, audit: options.auditRefusal ?? (() => undefined) });
    limitUrls(scope, limits.urlLength);
    guardHostAndOrigin(scope, options);
    allowCrossOrigin(scope);
    limitInFlight(scope, { inFlight, overload, limit: limits.inFlight, metrics });
    authenticateRequests(scope, authenticator, limits);
    serveMcp(scope, {
      endpoints: { legacy: createLegacyEndpoint({ ...adapter, sessions }), modern, sessions },
      stepUp: surface.stepUp,
      challenge: authenticator.challenge,
    });
  });

  const management = createInstance(logger, limits);
  setAlways(management, headers);
  recordRequests(management, metrics, logger);
  installErrorHandlers(management, 'There is nothing at this path.');
  serveHealth(management, readiness);
  serveMetrics(management, metrics);

  return {
    main,
    management,
    async drain({ propagationMilliseconds, graceMilliseconds }) {
      readiness.drain();
      closeConnectionsAfterAnswers(main);
      await pause(propagationMilliseconds);
      // Subscriptions and the streams of sessions never end by themselves.
      modern.close();
      sessions?.drain();
      const grace = pause(graceMilliseconds);
      await Promise.race([inFlight.idle(), grace]);
      grace.cancel();
      inFlight.stop();
      overload.close();
      await sessions?.close();
      await Promise.all([closeSoon(main), closeSoon(management)]);
    },
  };
}

/**
 * Tells clients that keep their connections to open the next one elsewhere: a connection that is closed here while it is idle may be
 * closed under a request that is already on its way, and a POST is not repeated.
 */
function closeConnectionsAfterAnswers(app: FastifyInstance): void {
  app.server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('connection', 'close');
  });
}

/** They bring the SDK's server with them, which a server without sessions does not need. */
async function openSessions(options: SessionOptions): Promise<Sessions> {
  const { Sessions } = await import('./mcp/legacy/sessions.ts');
  return new Sessions(options);
}

function createInstance(
  logger: Logger,
  limits: HttpLimits,
  trustProxy: readonly string[] = [],
): FastifyInstance {
  const instance = fastify({
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false,
    loggerInstance: logger as FastifyBaseLogger,
    // Fastify's own lines carry the whole URL with its query.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    // A child logger for every request would cost more than most requests log.
    childLoggerFactory: (parent) => parent,
    bodyLimit: limits.bodyBytes,
    serverFactory: (handle) => createListener(handle, limits),
    clientErrorHandler: refuseUnread,
    frameworkErrors: (error, _request, reply) => void refuseBadAddress(error, reply as FastifyReply),
  });
  // Only `/mcp` takes a body, and has its own parser: elsewhere nobody is asked who sends one, so none is kept.
  instance.removeAllContentTypeParsers();
  return instance;
}

/** A caller's id is taken when it can be written to a log as it is. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID();
}

/** Sets headers that never change. helmet itself would work them out anew for each request, which took a quarter of a call. */
function setAlways(app: FastifyInstance, headers: Map<string, string>): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.raw.setHeaders(headers);
    done();
  });
}

/** What helmet adds for an API: nothing may be rendered, framed or guessed from its answers. */
async function securityHeaders(): Promise<Map<string, string>> {
  const example = fastify();
  await example.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
    },
    // About windows, downloads and plugins of old browsers: nothing that an API has.
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  let headers: OutgoingHttpHeaders = {};
  example.get('/', async (_request, reply) => {
    headers = reply.raw.getHeaders();
  });
  await example.inject('/');
  await example.close();
  return new Map(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** How long answers may take to reach their clients once everything is answered, in milliseconds. */
const flushMilliseconds = 500;

/** Closes an application. A connection that somebody opened and never used would hold it for as long as a request may take. */
async function closeSoon(app: FastifyInstance): Promise<void> {
  const flushed = pause(flushMilliseconds);
  void flushed.then(() => app.server.closeAllConnections());
  await app.close();
  flushed.cancel();
}

function pause(milliseconds: number): Promise<void> & { cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const waiting = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return Object.assign(waiting, { cancel: () => clearTimeout(timer) });
}
