/** Sign-in over HTTP, from the configuration to the answer: what a client is told, and what it gets. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeIdp, startFakeIdp } from '../../test/fake-idp.ts';
import { asksUser, modernRequest, postModern } from '../../test/modern-client.ts';
import { request, type SmallApp, startSmallApp, toolCall } from '../../test/small-app.ts';
import type { AppOptions } from '../app.ts';
import { loadConfig } from '../config/load.ts';
import { createAudit } from '../observability/audit.ts';
import { createLogger } from '../observability/logger.ts';
import { createMetrics } from '../observability/metrics.ts';
import { checkReadinessOf } from '../readiness.ts';
import { openSignIn, type SignIn } from './sign-in.ts';

const resource = 'https://mcp.example.com/mcp';
const metadata = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp';
let idp: FakeIdp;
let folder: string;
let signIn: SignIn;
let app: SmallApp;
/** Everything that was logged or audited. */
let lines: string[];

beforeAll(async () => {
  idp = await startFakeIdp(resource);
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-sign-in-'));
});
afterAll(async () => {
  await idp.close();
  await rm(folder, { recursive: true });
});

async function start(environment: NodeJS.ProcessEnv = {}, options: Partial<AppOptions> = {}): Promise<void> {
  const { config } = await loadConfig({
    environment: { OIDC_ISSUER: idp.issuer, PUBLIC_URL: 'https://mcp.example.com', ...environment },
  });
  lines = [];
  const stream = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: 'debug', stream });
  signIn = await openSignIn(config, logger);
  app = await startSmallApp({
    logger,
    authenticator: signIn.authenticator,
    protectedResource: signIn.protectedResource,
    auditRefusal: createAudit({ stream, logger }).refusal,
    allowedOrigins: ['https://inspector.example.com'],
    ...options,
  });
  if (config.auth.issuer !== undefined) await ready();
}
const ready = () => vi.waitFor(async () => expect((await signIn.checks())[0]).toMatchObject({ ok: true }));
const stop = async (): Promise<void> => {
  await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 });
  await signIn.close();
};

beforeEach(() => start());
afterEach(stop);

const bearer = async (claims?: Record<string, unknown>) => ({
  authorization: `Bearer ${await idp.token(claims)}`,
});
const audited = () => lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'refusal');

describe('where to sign in', () => {
  it.each(['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'])(
    'is told at %s to everybody, also to web pages',
    async (url) => {
      const response = await app.app.main.inject({ url, headers: { origin: 'https://anybody.example' } });
      expect(response.json()).toEqual({
        resource,
        authorization_servers: [idp.issuer],
        scopes_supported: ['cnpg:read'],
        bearer_methods_supported: ['header'],
        resource_name: expect.any(String),
      });
      expect(response.headers['access-control-allow-origin']).toBe('*');
      const preflight = await app.app.main.inject({
        method: 'OPTIONS',
        url,
        headers: { origin: 'https://anybody.example', 'access-control-request-method': 'GET' },
      });
      expect(preflight.statusCode).toBe(204);
    },
  );

  it('follows the public address, wherever the server is mounted', async () => {
    await stop();
    await start({ PUBLIC_URL: 'https://EXAMPLE.com/tools/pg/', OIDC_AUDIENCE: resource });
    const url = '/.well-known/oauth-protected-resource/tools/pg';
    const response = await app.app.main.inject({ url });
    expect(response.json().resource).toBe('https://example.com/tools/pg');
    expect((await app.post(request('ping'))).headers['www-authenticate']).toContain(
      `resource_metadata="https://example.com${url}"`,
    );
    const slash = await idp.token({ aud: 'https://example.com/tools/pg/' });
    expect((await app.post(request('ping'), { authorization: `Bearer ${slash}` })).statusCode).toBe(200);
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
    const response = await app.post(request('ping'));
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe(
      `Bearer scope="cnpg:read", resource_metadata="${metadata}"`,
    );
    expect(audited()).toMatchObject([
      { rule: 'no_token', status: 401, address: '127.0.0.1', method: 'POST', request_id: expect.any(String) },
    ]);
  });

  it('with a bad token is told so', async () => {
    const response = await app.post(request('ping'), await bearer({ aud: 'https://other.example.com' }));
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toMatch(
      new RegExp(
        `^Bearer error="invalid_token", error_description="[^"]+", scope="cnpg:read", resource_metadata="${metadata}"$`,
      ),
    );
    expect(audited()).toMatchObject([{ rule: 'invalid_token', status: 401 }]);
  });

  it('with a good token is somebody', async () => {
    await app.post(toolCall('echo', { text: 'a' }), await bearer());
    expect(app.audits).toMatchObject([
      { principal: `${idp.issuer}|alice`, client: 'assistant', decision: { rule: 'scope cnpg:read' } },
    ]);
  });

  it('cannot carry its token elsewhere than in the header', async () => {
    const token = await idp.token();
    const { app: inner } = app;
    const response = await inner.main.inject({
      method: 'POST',
      url: `/mcp?access_token=${token}`,
      headers: { host: 'localhost', 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' },
      payload: `access_token=${token}`,
    });
    expect(response.statusCode).toBe(401);
    expect(lines.join('')).not.toContain(token.split('.')[2]);
  });
});

describe('a call that needs another scope', () => {
  const generations = [
    ['2025-11-25', (headers: Record<string, string>) => app.post(toolCall('drop', { name: 'a' }), headers)],
    [
      '2026-07-28',
      (headers: Record<string, string>) =>
        postModern(
          app,
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
      expect(app.audits).toEqual([]);
      expect(audited()).toMatchObject([
        { rule: 'insufficient_scope', tool: 'drop', principal: `${idp.issuer}|alice`, client: 'assistant' },
      ]);
    },
  );

  it.each(generations)('goes on in %s once the scope is there', async (_, call) => {
    const response = await call(await bearer({ scope: 'cnpg:destroy' }));
    expect(response.statusCode).toBe(200);
    expect(app.audits).toMatchObject([{ outcome: 'confirmation_required' }]);
  });

  it('is of a tool that is listed all the same, so that a model can know of it', async () => {
    const { result } = (await app.post(request('tools/list'), await bearer())).json();
    expect(result.tools.map(({ name }: { name: string }) => name)).toContain('drop');
  });

  it('is not challenged where the request has given up the right by itself', async () => {
    const headers = { ...(await bearer()), 'x-cnpg-mcp-read-only': 'true' };
    const response = await app.post(toolCall('drop', { name: 'a' }), headers);
    expect(response.json().result.structuredContent.error.code).toBe('policy_denied');
  });
});

describe('an identity provider that is down when the server starts', () => {
  it('is told at /readyz with the reason; the server lives, and is ready once the provider is', async () => {
    await stop();
    await idp.pause();
    const { config } = await loadConfig({
      environment: { OIDC_ISSUER: idp.issuer, PUBLIC_URL: 'https://mcp.example.com' },
    });
    const logger = createLogger({ level: 'silent' });
    signIn = await openSignIn(config, logger);
    const cluster = { capabilities: async () => ({ cnpgKinds: new Set(['clusters']) }) };
    app = await startSmallApp({
      authenticator: signIn.authenticator,
      checkReadiness: checkReadinessOf(cluster as never, signIn.checks),
    });
    const readiness = () => app.app.main.inject('/readyz');
    await vi.waitFor(async () => expect((await signIn.checks())[0]?.reason).toContain('ECONNREFUSED'));
    expect((await app.app.main.inject('/healthz')).statusCode).toBe(200);
    expect((await readiness()).json()).toEqual({
      ready: false,
      checks: [
        { name: 'kubernetes', ok: true },
        { name: 'cloudnative-pg', ok: true },
        { name: 'identity-provider', ok: false, reason: expect.stringContaining(idp.issuer) },
      ],
    });
    const refused = await app.post(request('ping'), await bearer());
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('5');
    await idp.resume();
    await vi.waitFor(async () => expect((await readiness()).statusCode).toBe(200), { timeout: 15_000 });
    expect((await app.post(request('ping'), await bearer())).statusCode).toBe(200);
  });
});

describe('a tokens file that breaks while the server runs', () => {
  it('is told at /readyz and in a metric; the server stays ready and the tokens valid', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await stop();
    const file = join(folder, 'tokens.yaml');
    const sha256 = createHash('sha256').update('of-ci').digest('hex');
    const good = JSON.stringify({ tokens: [{ name: 'ci', sha256, grants: [{ effect: 'read' }] }] });
    await writeFile(file, good);
    await start({ OIDC_ISSUER: '', CNPG_MCP_AUTH_TOKENS_FILE: file });
    const metrics = createMetrics({ version: '0', tools: [] });
    if (signIn.tokensFileUsable) metrics.watchTokensFile(signIn.tokensFileUsable);
    const cluster = { capabilities: async () => ({ cnpgKinds: new Set(['clusters']) }) };
    const checks = async () =>
      (await checkReadinessOf(cluster as never, signIn.checks)(AbortSignal.timeout(5_000))).at(-1);
    const metric = async () => /^cnpg_mcp_tokens_file_usable (\d)$/m.exec((await metrics.text()).body)?.[1];
    expect([await checks(), await metric()]).toEqual([{ name: 'tokens-file', ok: true }, '1']);
    await writeFile(file, '{');
    vi.setSystemTime(Date.now() + 3_000);
    expect([await checks(), await metric()]).toEqual([
      { name: 'tokens-file', ok: true, warning: expect.stringContaining('stay in force') },
      '0',
    ]);
    expect((await app.post(request('ping'), { authorization: 'Bearer of-ci' })).statusCode).toBe(200);
    await writeFile(file, good);
    vi.setSystemTime(Date.now() + 3_000);
    expect([await checks(), await metric()]).toEqual([{ name: 'tokens-file', ok: true }, '1']);
    const said = lines
      .map((line) => JSON.parse(line).msg)
      .filter((text) => text?.startsWith('The tokens file'));
    expect(said).toEqual([
      expect.stringContaining('cannot be used, the tokens read before stay valid: it is not YAML'),
      expect.stringContaining('can be used again'),
    ]);
    vi.useRealTimers();
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
      await stop();
      await start({ CNPG_MCP_AUTH_IMPERSONATION_ENABLED: 'true', ...more });
      const refused = await app.post(
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
      expect(app.audits).toEqual([]);
      expect(audited()).toMatchObject([{ rule: 'unusable_identity', status: 403, method: 'POST' }]);
    },
  );
});

describe('rules of the site', () => {
  it('name the scopes that clients are told of, as the provider knows them', async () => {
    await stop();
    await start({
      CNPG_MCP_AUTH_SCOPE_GRANTS: 'false',
      CNPG_MCP_AUTH_SCOPE_PREFIX: 'api://x/',
      CNPG_MCP_AUTH_RULES: JSON.stringify([
        { scope: 'view', effect: 'read' },
        { scope: 'admin', group: 'dba', effect: 'destroy', namespaces: ['default'] },
      ]),
    });
    expect((await app.post(request('ping'))).headers['www-authenticate']).toContain('scope="api://x/view"');
    const call = async (claims: object) =>
      app.post(toolCall('drop', { name: 'a' }), await bearer({ scope: 'view cnpg:destroy', ...claims }));
    const asDba = await call({ groups: ['dba'] });
    expect(asDba.statusCode).toBe(403);
    expect(asDba.headers['www-authenticate']).toContain('scope="api://x/admin"');
    const asGuest = await call({ groups: ['guests'] });
    expect(asGuest.json().result.structuredContent.error.code).toBe('policy_denied');
    const { result } = (await app.post(request('tools/list'), await bearer({ scope: 'view' }))).json();
    expect(result.tools.map(({ name }: { name: string }) => name)).not.toContain('drop');
  });

  it('may demand a scope of everybody; openid is none', async () => {
    await stop();
    await start({ OIDC_SCOPE: 'mcp' });
    expect((await app.post(request('ping'), await bearer())).statusCode).toBe(403);
    const challenge = (await app.post(request('ping'))).headers['www-authenticate'];
    expect(challenge).toContain('scope="mcp cnpg:read"');
    await stop();
    await start({ OIDC_SCOPE: 'openid' });
    expect((await app.post(request('ping'), await bearer())).statusCode).toBe(200);
  });
});

describe('web pages', () => {
  const preflight = (origin: string) =>
    app.app.main.inject({
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
    const refused = await app.post(request('ping'), { origin });
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

describe('limits', () => {
  const limited = { inFlight: 2, perSecond: 1, burst: 3 };

  it('hold back an address that guesses tokens, and nobody whose token is known', async () => {
    await stop();
    await start({}, { limits: { signIn: limited } });
    const known = await bearer();
    expect((await app.post(request('ping'), known)).statusCode).toBe(200);
    const statuses: number[] = [];
    for (let guess = 0; guess < 5; guess += 1) {
      statuses.push((await app.post(request('ping'), { authorization: `Bearer guess-${guess}` })).statusCode);
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    const refused = await app.post(request('ping'), await bearer({ sub: 'bob' }));
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await app.post(request('ping'), known)).statusCode).toBe(200);
    expect(audited().map(({ rule }) => rule)).toContain('sign_in_limit');
    expect((await app.app.management.inject('/metrics')).body).toMatch(
      /cnpg_mcp_refused_total\{rule="sign_in_limit"\} 3/,
    );
  });

  it('hold back one caller and not the others', async () => {
    await stop();
    await start({}, { limits: { principal: limited } });
    const [alice, bob] = [await bearer(), await bearer({ sub: 'bob' })];
    const ping = async (who: Record<string, string>) => (await app.post(request('ping'), who)).statusCode;
    expect([await ping(alice), await ping(alice), await ping(alice), await ping(alice)]).toEqual([
      200, 200, 200, 429,
    ]);
    expect(await ping(bob)).toBe(200);
  });

  it('count what one caller has under way', async () => {
    await stop();
    await start({}, { limits: { principal: { inFlight: 2, perSecond: 100, burst: 100 } } });
    const alice = await bearer();
    const running = [app.post(toolCall('hold', {}), alice), app.post(toolCall('hold', {}), alice)];
    await app.holding(2);
    expect((await app.post(request('ping'), alice)).statusCode).toBe(429);
    for (const { release } of app.held) release();
    await Promise.all(running);
    expect((await app.post(request('ping'), alice)).statusCode).toBe(200);
  });

  it('believe a proxy about the address of the caller only where it is trusted', async () => {
    const addressOf = async (trustProxy: string[]) => {
      await stop();
      await start({}, { trustProxy });
      await app.post(request('ping'), { 'x-forwarded-for': '203.0.113.7' });
      return audited()[0]?.address;
    };
    expect(await addressOf([])).toBe('127.0.0.1');
    expect(await addressOf(['10.0.0.0/8'])).toBe('127.0.0.1');
    expect(await addressOf(['127.0.0.0/8'])).toBe('203.0.113.7');
  });

  it('end a query that is too long', async () => {
    const response = await app.app.main.inject({ method: 'POST', url: `/mcp?x=${'y'.repeat(3000)}` });
    expect(response.statusCode).toBe(414);
  });
});

describe('static tokens', () => {
  const file = () => join(folder, 'tokens.yaml');

  it('work alone, and are challenged with nothing that a client could ask for', async () => {
    const sha256 = createHash('sha256').update('secret-ci').digest('hex');
    await writeFile(
      file(),
      JSON.stringify({ tokens: [{ name: 'ci', sha256, grants: [{ effect: 'read' }] }] }),
    );
    await stop();
    await start({ OIDC_ISSUER: '', PUBLIC_URL: '', CNPG_MCP_AUTH_TOKENS_FILE: file() });
    expect(signIn.protectedResource).toBeUndefined();
    expect((await app.post(request('ping'))).headers['www-authenticate']).toBe('Bearer');
    const ci = { authorization: 'Bearer secret-ci' };
    expect((await app.post(toolCall('echo', { text: 'a' }), ci)).statusCode).toBe(200);
    const denied = await app.post(toolCall('drop', { name: 'a' }), ci);
    expect(denied.json().result.structuredContent.error.code).toBe('policy_denied');
    const { result } = (await app.post(request('tools/list'), ci)).json();
    expect(result.tools.map(({ name }: { name: string }) => name)).not.toContain('drop');
  });

  it('are a wrong setting when their file is', async () => {
    await writeFile(file(), 'tokens: 5');
    const { config } = await loadConfig({ environment: { CNPG_MCP_AUTH_TOKENS_FILE: file() } });
    await expect(openSignIn(config, createLogger({ level: 'silent' }))).rejects.toThrow('auth.tokensFile');
  });
});

describe('settings of sign-in', () => {
  it.each([
    [{ OIDC_ISSUER: 'https://idp.example.com' }, 'what its tokens are issued for'],
    [{ OIDC_AUDIENCE: 'x' }, 'mean nothing without auth.issuer'],
    [{ CNPG_MCP_AUTH_IMPERSONATION_ENABLED: 'true' }, 'needs callers who sign in'],
    [{ CNPG_MCP_UNSAFE_ALLOW_ANONYMOUS: 'true', CNPG_MCP_AUTH_TOKENS_FILE: 'x' }, 'contradicts'],
    [{ CNPG_MCP_AUTH_INTROSPECTION_CLIENT_ID: 'x' }, 'needs both'],
  ])('that contradict each other are refused: %j', async (environment, message) => {
    const { config } = await loadConfig({ environment });
    await expect(openSignIn(config, createLogger({ level: 'silent' }))).rejects.toThrow(message);
  });
});
