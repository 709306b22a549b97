/** Where to sign in (RFC 9728), for clients that were told `401`. Public, and readable by any web page. */
import type { FastifyInstance } from 'fastify';

export interface ProtectedResource {
  /** This server as clients know it; tokens are issued for it. */
  resource: URL;
  /** Issuers whose tokens are taken. */
  authorizationServers: readonly string[];
  /** The least that is of use; further scopes are asked for when a call needs them. */
  scopes: readonly string[];
}

const wellKnown = '/.well-known/oauth-protected-resource';

/** Address of the document: the well-known path goes between the host and the path of the resource (section 3.1). */
export function metadataUrl({ origin, pathname }: URL): string {
  return `${origin}${wellKnown}${pathname}`;
}

/** Serves the document under the path of the resource and, for clients that only look there, at the root. */
export function serveResourceMetadata(app: FastifyInstance, resource: ProtectedResource): void {
  const document = {
    resource: resource.resource.href,
    authorization_servers: resource.authorizationServers,
    ...(resource.scopes.length > 0 && { scopes_supported: resource.scopes }),
    bearer_methods_supported: ['header'],
    resource_name: 'PostgreSQL on Kubernetes (CloudNativePG)',
  };
  for (const url of new Set([wellKnown, `${wellKnown}${resource.resource.pathname}`])) {
    app.get(url, (_request, reply) =>
      reply
        .headers({ 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=300' })
        .send(document),
    );
    // Clients send MCP-Protocol-Version with it, for which a browser asks first.
    app.options(url, (_request, reply) =>
      reply
        .code(204)
        .headers({
          'access-control-allow-origin': '*',
          'access-control-allow-methods': 'GET',
          'access-control-allow-headers': '*',
          'access-control-max-age': '86400',
        })
        .send(),
    );
  }
}
