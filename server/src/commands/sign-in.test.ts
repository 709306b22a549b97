/** Sign-in over HTTP, from the configuration to the answer: what a client is told, and what it gets. */
import { describe, expect, it } from 'vitest';
import { asksUser, modernRequest, postModern } from '../../test/modern-client.ts';
import { resource, signInWorld } from '../../test/sign-in-world.ts';
import { request, startSmallApp, toolCall } from '../../test/small-app.ts';

const metadata = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp';
const world = signInWorld();
const { audited, bearer, restart } = world;

describe('where to sign in', () => {
  it.each(['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'])(
    'is told at %s to everybody, also to web pages',
    async (url) => {
      const response = await world.app.app.main.inject({
        url,
        headers: { origin: 'https://anybody.example' },
      });
      expect(response.json()).toEqual({
        resource,
        authorization_servers: [world.idp.issuer],
        scopes_supported: ['cnpg:read'],
        bearer_methods_supported: ['header'],
        resource_name: expect.any(String),
      });
      expect(response.headers['access-control-allow-origin']).toBe('*');
      const preflight = await world.app.app.main.inject({
        method: 'OPTIONS',
        url,
        headers: { origin: 'https://anybody.example', 'access-control-request-method': 'GET' },
      });
      expect(preflight.statusCode).toBe(204);
    },
  );

  it('follows the public address, wherever the server is mounted', async () => {
    await restart({ PUBLIC_URL: 'https://EXAMPLE.com/tools/pg/', OIDC_AUDIENCE: resource });
    const url = '/.well-known/oauth-protected-resource/tools/pg';
    const response = await world.app.app.main.inject({ url });
    expect(response.json().resource).toBe('https://example.com/tools/pg');
    expect((await world.app.post(request('ping'))).headers['www-authenticate']).toContain(
      `resource_metadata="https://example.com${url}"`,
    );
    const slash = await world.idp.token({ aud: 'https://example.com/tools/pg/' });
    expect((await world.app.post(request('ping'), { authorization: `Bearer ${slash}` })).statusCode).toBe(
      200,
    );
  });

  it('is told nowhere when nobody can sign in', async () => {
    const open = await startSmallApp();
    const response = await open.app.main.inject('/.well-known/oauth-protected-resource');
    expect(response.statusCode).toBe(404);
    await open.app.main.close();
  });
});

describe('a request', () => {
  it('without a token is challenged without an error', async () => {
    const response = await world.app.post(request('ping'));
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe(
      `Bearer scope="cnpg:read", resource_metadata="${metadata}"`,
    );
    expect(audited()).toMatchObject([
      { rule: 'no_token', status: 401, address: '127.0.0.1', method: 'POST', request_id: expect.any(String) },
    ]);
  });

  it('with a bad token is told so', async () => {
    const response = await world.app.post(
      request('ping'),
      await bearer({ aud: 'https://other.example.com' }),
    );
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toMatch(
      new RegExp(
        `^Bearer error="invalid_token", error_description="[^"]+", scope="cnpg:read", resource_metadata="${metadata}"$`,
      ),
    );
    expect(audited()).toMatchObject([{ rule: 'invalid_token', status: 401 }]);
  });

  it('with a good token is somebody', async () => {
    await world.app.post(toolCall('echo', { text: 'a' }), await bearer());
    expect(world.app.audits).toMatchObject([
      { principal: `${world.idp.issuer}|alice`, client: 'assistant', decision: { rule: 'scope cnpg:read' } },
    ]);
  });

  it('cannot carry its token elsewhere than in the header', async () => {
    const token = await world.idp.token();
    const response = await world.app.app.main.inject({
      method: 'POST',
      url: `/mcp?access_token=${token}`,
      headers: { host: 'localhost', 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' },
      payload: `access_token=${token}`,
    });
    expect(response.statusCode).toBe(401);
    expect(world.lines.join('')).not.toContain(token.split('.')[2]);
  });
});

describe('a call that needs another scope', () => {
  const generations = [
    [
      '2025-11-25',
      (headers: Record<string, string>) => world.app.post(toolCall('drop', { name: 'a' }), headers),
    ],
    [
      '2026-07-28',
      (headers: Record<string, string>) =>
        postModern(
          world.app,
          modernRequest('tools/call', { name: 'drop', arguments: { name: 'a' } }, { capabilities: asksUser }),
          headers,
        ),
    ],
  ] as const;

  it.each(generations)(
    'is refused in %s with the scope to ask for, before anything is done',
    async (_, call) => {
      const response = await call(await bearer({ scope: 'openid cnpg:change' }));
      expect(response.statusCode).toBe(403);
      expect(response.headers['www-authenticate']).toMatch(
        new RegExp(
          `^Bearer error="insufficient_scope", error_description="[^"]+", scope="cnpg:destroy", resource_metadata="${metadata}"$`,
        ),
      );
      expect(response.json().error.message).toContain('cnpg:destroy');
      expect(world.app.audits).toEqual([]);
      expect(audited()).toMatchObject([
        {
          rule: 'insufficient_scope',
          tool: 'drop',
          principal: `${world.idp.issuer}|alice`,
          client: 'assistant',
        },
      ]);
    },
  );

  it.each(generations)('goes on in %s once the scope is there', async (_, call) => {
    const response = await call(await bearer({ scope: 'cnpg:destroy' }));
    expect(response.statusCode).toBe(200);
    expect(world.app.audits).toMatchObject([{ outcome: 'confirmation_required' }]);
  });

  it('is of a tool that is listed all the same, so that a model can know of it', async () => {
    const { result } = (await world.app.post(request('tools/list'), await bearer())).json();
    expect(result.tools.map(({ name }: { name: string }) => name)).toContain('drop');
  });

  it('is not challenged where the request has given up the right by itself', async () => {
    const headers = { ...(await bearer()), 'x-cnpg-mcp-read-only': 'true' };
    const response = await world.app.post(toolCall('drop', { name: 'a' }), headers);
    expect(response.json().result.structuredContent.error.code).toBe('policy_denied');
  });
});

describe('a person whom the server cannot act as', () => {
  it.each([
    [
      'a name of Kubernetes itself',
      { CNPG_MCP_AUTH_IMPERSONATION_USER_PREFIX: 's' },
      'ystem:masters',
      '"system:"',
    ],
    ['a name beyond ASCII', {}, 'ådå', 'ASCII characters only'],
  ])(
    'for %s is refused with a reason of its own, and is in the audit log',
    async (_what, more, sub, reason) => {
      await restart({ CNPG_MCP_AUTH_IMPERSONATION_ENABLED: 'true', ...more });
      const refused = await world.app.post(
        toolCall('echo', { text: 'a' }),
        await bearer({ sub, scope: 'cnpg:destroy' }),
      );
      expect(refused.statusCode).toBe(403);
      expect(refused.headers, 'neither a scope nor another token helps').not.toHaveProperty(
        'www-authenticate',
      );
      expect(refused.json().error).toMatchObject({
        message: expect.stringContaining(reason),
        data: { code: 'unusable_identity' },
      });
      expect(refused.body).not.toContain(sub);
      expect(world.app.audits).toEqual([]);
      expect(audited()).toMatchObject([{ rule: 'unusable_identity', status: 403, method: 'POST' }]);
    },
  );
});

describe('rules of the site', () => {
  it('name the scopes that clients are told of, as the provider knows them', async () => {
    await restart({
      CNPG_MCP_AUTH_SCOPE_GRANTS: 'false',
      CNPG_MCP_AUTH_SCOPE_PREFIX: 'api://x/',
      CNPG_MCP_AUTH_RULES: JSON.stringify([
        { scope: 'view', effect: 'read' },
        { scope: 'admin', group: 'dba', effect: 'destroy', namespaces: ['default'] },
      ]),
    });
    expect((await world.app.post(request('ping'))).headers['www-authenticate']).toContain(
      'scope="api://x/view"',
    );
    const call = async (claims: object) =>
      world.app.post(
        toolCall('drop', { name: 'a' }),
        await bearer({ scope: 'view cnpg:destroy', ...claims }),
      );
    const asDba = await call({ groups: ['dba'] });
    expect(asDba.statusCode).toBe(403);
    expect(asDba.headers['www-authenticate']).toContain('scope="api://x/admin"');
    const asGuest = await call({ groups: ['guests'] });
    expect(asGuest.json().result.structuredContent.error.code).toBe('policy_denied');
    const { result } = (await world.app.post(request('tools/list'), await bearer({ scope: 'view' }))).json();
    expect(result.tools.map(({ name }: { name: string }) => name)).not.toContain('drop');
  });

  it('may demand a scope of everybody; openid is none', async () => {
    await restart({ OIDC_SCOPE: 'mcp' });
    expect((await world.app.post(request('ping'), await bearer())).statusCode).toBe(403);
    const challenge = (await world.app.post(request('ping'))).headers['www-authenticate'];
    expect(challenge).toContain('scope="mcp cnpg:read"');
    await restart({ OIDC_SCOPE: 'openid' });
    expect((await world.app.post(request('ping'), await bearer())).statusCode).toBe(200);
  });
});

describe('web pages', () => {
  const preflight = (origin: string) =>
    world.app.app.main.inject({
      method: 'OPTIONS',
      url: '/mcp',
      headers: { host: 'localhost', origin, 'access-control-request-method': 'POST' },
    });

  it('of an allowed origin may ask before they sign in, and read why they were refused', async () => {
    const origin = 'https://inspector.example.com';
    const allowed = await preflight(origin);
    expect(allowed.statusCode).toBe(204);
    expect(allowed.headers['access-control-allow-origin']).toBe(origin);
    expect(allowed.headers['access-control-allow-headers']).toContain('authorization');
    const refused = await world.app.post(request('ping'), { origin });
    expect(refused.statusCode).toBe(401);
    expect(refused.headers['access-control-allow-origin']).toBe(origin);
    expect(refused.headers['access-control-expose-headers']).toContain('www-authenticate');
    expect(refused.headers.vary).toContain('Origin');
  });

  it.each(['https://evil.example.com', 'null'])('of the origin %s may not', async (origin) => {
    const refused = await preflight(origin);
    expect(refused.statusCode).toBe(403);
    expect(refused.headers).not.toHaveProperty('access-control-allow-origin');
  });
});
