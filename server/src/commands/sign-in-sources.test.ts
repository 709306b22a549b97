/** By what callers are known, an identity provider or a file of tokens: which settings go, and what happens when it fails. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { signInWorld } from '../../test/sign-in-world.ts';
import { request, toolCall } from '../../test/small-app.ts';
import { loadConfig } from '../config/load.ts';
import { ReadinessProbe } from '../http/health.ts';
import { createLogger } from '../observability/logger.ts';
import { createMetrics } from '../observability/metrics.ts';
import { checkReadinessOf } from '../readiness.ts';
import { openSignIn } from './sign-in.ts';

const world = signInWorld();
const { bearer, path, restart, start, stop } = world;

describe('an identity provider that is down when the server starts', () => {
  it('is told at /readyz with the reason; the server lives, and is ready once the provider is', async () => {
    await stop();
    await world.idp.pause();
    const cluster = { capabilities: async () => ({ cnpgKinds: new Set(['clusters']) }) };
    await start(
      {},
      { readiness: new ReadinessProbe(checkReadinessOf(cluster as never), () => world.signIn.checks()) },
    );
    const readiness = () => world.app.app.main.inject('/readyz');
    await vi.waitFor(async () => expect((await world.signIn.checks())[0]?.reason).toContain('ECONNREFUSED'));
    expect((await world.app.app.main.inject('/healthz')).statusCode).toBe(200);
    expect((await readiness()).json()).toEqual({
      ready: false,
      checks: [
        { name: 'kubernetes', ok: true },
        { name: 'cloudnative-pg', ok: true },
        { name: 'identity-provider', ok: false, reason: expect.stringContaining(world.idp.issuer) },
      ],
    });
    const refused = await world.app.post(request('ping'), await bearer());
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('5');
    await world.idp.resume();
    await vi.waitFor(async () => expect((await readiness()).statusCode).toBe(200), { timeout: 15_000 });
    expect((await world.app.post(request('ping'), await bearer())).statusCode).toBe(200);
  });
});

describe('a tokens file that breaks while the server runs', () => {
  it('is told at /readyz and in a metric at the same time; the server stays ready and the tokens valid', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await stop();
    const file = path('tokens.yaml');
    const sha256 = createHash('sha256').update('of-ci').digest('hex');
    const good = JSON.stringify({ tokens: [{ name: 'ci', sha256, grants: [{ effect: 'read' }] }] });
    await writeFile(file, good);
    await start(
      { OIDC_ISSUER: '', CNPG_MCP_AUTH_TOKENS_FILE: file },
      {
        readiness: new ReadinessProbe(
          async () => [],
          () => world.signIn.checks(),
        ),
      },
    );
    const metrics = createMetrics({ version: '0', tools: [] });
    if (world.signIn.tokensFileUsable) metrics.watchTokensFile(world.signIn.tokensFileUsable);
    const checks = async () => (await world.app.app.management.inject('/readyz')).json().checks.at(-1);
    const metric = async () => /^cnpg_mcp_tokens_file_usable (\d)$/m.exec((await metrics.text()).body)?.[1];
    expect([await checks(), await metric()]).toEqual([{ name: 'tokens-file', ok: true }, '1']);
    await writeFile(file, '{');
    vi.setSystemTime(Date.now() + 3_000);
    expect([await checks(), await metric()]).toEqual([
      { name: 'tokens-file', ok: true, warning: expect.stringContaining('stay in force') },
      '0',
    ]);
    expect((await world.app.post(request('ping'), { authorization: 'Bearer of-ci' })).statusCode).toBe(200);
    await writeFile(file, good);
    vi.setSystemTime(Date.now() + 3_000);
    expect([await checks(), await metric()]).toEqual([{ name: 'tokens-file', ok: true }, '1']);
    const said = world.lines
      .map((line) => JSON.parse(line).msg)
      .filter((text) => text?.startsWith('The tokens file'));
    expect(said).toEqual([
      expect.stringContaining('cannot be used, the tokens read before stay valid: it is not YAML'),
      expect.stringContaining('can be used again'),
    ]);
    vi.useRealTimers();
  });
});

describe('static tokens', () => {
  const file = () => path('tokens.yaml');

  it('work alone, and are challenged with nothing that a client could ask for', async () => {
    const sha256 = createHash('sha256').update('secret-ci').digest('hex');
    await writeFile(
      file(),
      JSON.stringify({ tokens: [{ name: 'ci', sha256, grants: [{ effect: 'read' }] }] }),
    );
    await restart({ OIDC_ISSUER: '', PUBLIC_URL: '', CNPG_MCP_AUTH_TOKENS_FILE: file() });
    expect(world.signIn.protectedResource).toBeUndefined();
    expect((await world.app.post(request('ping'))).headers['www-authenticate']).toBe('Bearer');
    const ci = { authorization: 'Bearer secret-ci' };
    expect((await world.app.post(toolCall('echo', { text: 'a' }), ci)).statusCode).toBe(200);
    const denied = await world.app.post(toolCall('drop', { name: 'a' }), ci);
    expect(denied.json().result.structuredContent.error.code).toBe('policy_denied');
    const { result } = (await world.app.post(request('tools/list'), ci)).json();
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
