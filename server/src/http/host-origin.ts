/**
 * Guards the MCP routes against web pages that make a browser talk to this server (DNS rebinding, GHSA-w48q-cv73-mx4w; MCP
 * demands the check of Origin in every revision). Probes and metrics stay outside: kubelet and Prometheus call by pod IP.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { turnAway } from './refusals.ts';

export interface EdgeOptions {
  /** The address that the server binds. */
  host: string;
  /** Host names, or `name:port` for one port only. Required unless a loopback address is bound. */
  allowedHosts?: readonly string[] | undefined;
  /** Complete origins, such as `https://app.example.com`. */
  allowedOrigins?: readonly string[] | undefined;
}

/** Only this machine can reach a server that binds one of these. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A Host header: a name or IPv4 address, or IPv6 in brackets, and perhaps a port. */
const authority = /^(?<name>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(?::(?<port>\d{1,5}))?$/;

/** Makes the two checks. Throws when the server would be reachable from elsewhere without a list of names. */
export function edgeRules({ host, allowedHosts = [], allowedOrigins = [] }: EdgeOptions): {
  allowsHost(header: string | undefined): boolean;
  allowsOrigin(header: string | undefined): boolean;
} {
  const loopback = isLoopback(host);
  if (!loopback && allowedHosts.length === 0) {
    throw new RangeError(
      `The server would listen on ${host}: the host names that clients use must be listed.`,
    );
  }
  const hosts = new Set([
    ...(loopback ? loopbackNames : []),
    ...allowedHosts.map((name) => name.toLowerCase()),
  ]);
  const origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')));
  return {
    allowsHost(header) {
      const { name, port } = authority.exec(header?.toLowerCase() ?? '')?.groups ?? {};
      return name !== undefined && (hosts.has(name) || (port !== undefined && hosts.has(`${name}:${port}`)));
    },
    allowsOrigin(header) {
      if (header === undefined) return true;
      const origin = header.toLowerCase();
      if (origins.has(origin)) return true;
      if (!loopback) return false;
      const { name } = authority.exec(/^https?:\/\/(.+)$/.exec(origin)?.[1] ?? '')?.groups ?? {};
      return name !== undefined && loopbackNames.has(name);
    },
  };
}

/** Adds the checks to every route of this scope. */
export function guardHostAndOrigin(scope: FastifyInstance, options: EdgeOptions): void {
  const rules = edgeRules(options);
  scope.addHook('onRequest', (request, reply, next) => {
    if (times('host', request.raw.rawHeaders) > 1) {
      // RFC 9112, 3.2. Node takes the first and says nothing of the others.
      const message = 'The request has more than one Host header.';
      turnAway(request, reply, { status: 400, rule: 'host', message });
    } else if (!rules.allowsHost(hostOf(request))) {
      const message = 'The Host of this request is not allowed here.';
      turnAway(request, reply, { status: 403, rule: 'host', message });
    } else if (!rules.allowsOrigin(request.headers.origin)) {
      const message = 'The Origin of this request is not allowed here.';
      turnAway(request, reply, { status: 403, rule: 'origin', message });
    } else {
      next();
    }
  });
}

/** The host that a request is for: that of an absolute target overrules the header (RFC 9112, 3.2.2). */
function hostOf({ raw }: FastifyRequest): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(raw.url ?? '')?.[1] ?? raw.headers.host;
}

function times(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((header, index) => index % 2 === 0 && header.toLowerCase() === name).length;
}
