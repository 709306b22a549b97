/** A certified OpenID provider in the process: resource indicators, JWT and opaque access tokens, introspection, rotation. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider, { type Configuration } from 'oidc-provider';

export interface RealIdp {
  issuer: string;
  /** A token of the client `assistant` for the resource, by the client-credentials grant. */
  token(scope: string, options?: { resource?: string }): Promise<string>;
  /** Takes a token back. */
  revoke(token: string): Promise<void>;
  /** Client for introspection. */
  introspection: { clientId: string; clientSecret: string };
  /** Whether the provider offers dynamic client registration. */
  registers(): Promise<boolean>;
  close(): Promise<void>;
}

export interface RealIdpOptions {
  resource: string;
  format?: 'jwt' | 'opaque';
  /** Dynamic client registration. Default off. */
  registration?: boolean;
}

/** A public client that an administrator has registered. */
export const desktopClient = { client_id: 'desktop', redirectUri: 'http://127.0.0.1:1/callback' } as const;

const clientSecret = 'a secret of the tests, not of anybody';

/** Starts the provider on loopback. */
export async function startRealIdp({
  resource,
  format = 'jwt',
  registration = false,
}: RealIdpOptions): Promise<RealIdp> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const signingKey = { ...(await exportJWK(privateKey)), kid: 'signing', use: 'sig', alg: 'RS256' };
  const configuration: Configuration = {
    clients: [
      ...['assistant', 'server'].map((client_id) => ({
        client_id,
        client_secret: clientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      })),
      {
        client_id: desktopClient.client_id,
        redirect_uris: [desktopClient.redirectUri],
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    jwks: { keys: [signingKey] },
    ttl: { ClientCredentials: 300 },
    scopes: ['cnpg:read', 'cnpg:operate', 'cnpg:change', 'cnpg:destroy'],
    features: {
      // Pages to sign in at, for clients that register themselves.
      devInteractions: { enabled: registration },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      registration: { enabled: registration },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: (_context, indicator) => ({
          scope: 'cnpg:read cnpg:operate cnpg:change cnpg:destroy',
          audience: indicator,
          accessTokenTTL: 300,
          accessTokenFormat: format,
          ...(format === 'jwt' && { jwt: { sign: { alg: 'RS256' } } }),
        }),
      },
    },
  };
  const provider = new Provider(issuer, configuration);
  server.on('request', provider.callback());
  const basic = `Basic ${Buffer.from(`assistant:${encodeURIComponent(clientSecret)}`).toString('base64')}`;
  return {
    issuer,
    introspection: { clientId: 'server', clientSecret },
    async token(scope, options = {}) {
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        scope,
        resource: options.resource ?? resource,
      });
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: basic },
        body,
      });
      const answer = (await response.json()) as { access_token?: string };
      if (!answer.access_token) throw new Error(`The provider gave no token: ${JSON.stringify(answer)}`);
      return answer.access_token;
    },
    async revoke(token) {
      const { status } = await fetch(`${issuer}/token/revocation`, {
        method: 'POST',
        headers: { authorization: basic },
        body: new URLSearchParams({ token }),
      });
      if (status !== 200) throw new Error(`The provider did not take the token back: HTTP ${status}.`);
    },
    async registers() {
      const metadata = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<
        string,
        unknown
      >;
      return typeof metadata.registration_endpoint === 'string';
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
