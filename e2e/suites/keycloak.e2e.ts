/** Sign-in with a real Keycloak, set up as docs/sign-in.md says. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openSignIn, type SignIn } from '../../server/src/commands/sign-in.ts';
import { loadConfig } from '../../server/src/config/load.ts';
import { createLogger } from '../../server/src/observability/logger.ts';
import { request, type SmallApp, startSmallApp, toolCall } from '../../server/test/small-app.ts';
import { findKeycloak, type Keycloak, rotateKeys, tokens } from '../identity/keycloak.ts';
import { exampleRealm, password, realmName } from '../identity/realm.ts';

const audience = 'https://mcp.example.com/mcp';
const provider = await findKeycloak();
if ('missing' in provider) {
  console.error(`\n!!! SKIPPED: nothing is proven about Keycloak: ${provider.missing}.\n`);
}

describe.skipIf('missing' in provider)('Keycloak', () => {
  let keycloak: Keycloak;
  let signIn: SignIn;
  let app: SmallApp;
  let lines: string[];

  beforeAll(async () => {
    if ('missing' in provider) return;
    keycloak = await provider.start(exampleRealm(audience));
    console.error(`Keycloak: ${keycloak.kind} at ${keycloak.url}`);
    const { config } = await loadConfig({
      environment: {
        OIDC_ISSUER: `${keycloak.url}/realms/${realmName}`,
        PUBLIC_URL: 'https://mcp.example.com',
        CNPG_MCP_AUTH_RULES: JSON.stringify([
          { group: 'dba', effect: 'change', namespaces: ['default'] },
          { role: 'postgres-operator', effect: 'operate' },
        ]),
      },
    });
    lines = [];
    const logger = createLogger({ level: 'debug', stream: { write: (line) => void lines.push(line) } });
    signIn = await openSignIn(config, logger);
    app = await startSmallApp({
      logger,
      authenticator: signIn.authenticator,
      protectedResource: signIn.protectedResource,
    });
    await vi.waitFor(async () => expect(await signIn.checks()).toMatchObject([{ ok: true }]), 30_000);
  });
  afterAll(async () => {
    await app?.app.main.close();
    await signIn?.close();
    await keycloak?.stop();
  });

  const signedIn = (username: string, scope = 'openid', client_id = 'assistant') =>
    tokens(keycloak.url, realmName, { grant_type: 'password', client_id, username, password, scope });
  const send = (body: object, token: string) => app.post(body, { authorization: `Bearer ${token}` });
  const ping = async (token: string) => (await send(request('ping'), token)).statusCode;

  it('is announced to clients as it calls itself', async () => {
    const response = await app.app.main.inject('/.well-known/oauth-protected-resource/mcp');
    const [issuer] = response.json().authorization_servers;
    const metadata = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as object;
    expect(metadata).toMatchObject({
      issuer,
      code_challenge_methods_supported: expect.arrayContaining(['S256']),
    });
  });

  it('gives tokens that are somebody, with the rights of their scopes, groups and roles', async () => {
    const grantsOf = async (username: string, scope?: string) => {
      const { access_token } = await signedIn(username, scope);
      app.audits.length = 0;
      await send(toolCall('echo', { text: 'a' }), access_token);
      return app.audits[0];
    };
    expect(await grantsOf('ada', 'openid cnpg:read')).toMatchObject({
      displayName: 'ada',
      client: 'assistant',
      decision: { allowed: true, rule: 'scope cnpg:read' },
    });
    expect(await grantsOf('ada')).toMatchObject({ decision: { allowed: true, rule: 'group dba' } });
    expect(await grantsOf('grace')).toMatchObject({
      decision: { allowed: true, rule: 'role postgres-operator' },
    });
  });

  it('lets a client come back with the scope that it was told to ask for', async () => {
    const drop = toolCall('drop', { name: 'orders' });
    const { access_token: first } = await signedIn('grace', 'openid cnpg:read');
    const refused = await send(drop, first);
    expect(refused.statusCode).toBe(403);
    const scope = /scope="([^"]+)"/.exec(String(refused.headers['www-authenticate']))?.[1];
    expect(scope).toBe('cnpg:destroy');
    const { access_token: second } = await signedIn('grace', `openid ${scope}`);
    expect((await send(drop, second)).statusCode).toBe(200);
  });

  it.each(['id_token', 'refresh_token'] as const)('does not get in with an %s', async (kind) => {
    const given = (await signedIn('ada'))[kind];
    expect(given).toBeDefined();
    expect(await ping(given as string)).toBe(401);
  });

  it('does not get in with a token of the same realm for something else', async () => {
    const { access_token } = await signedIn('ada', 'openid cnpg:destroy', 'elsewhere');
    const refused = await send(request('ping'), access_token);
    expect(refused.statusCode).toBe(401);
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  it('does not get in with a token of another realm', async () => {
    const { access_token } = await tokens(keycloak.url, 'master', {
      grant_type: 'password',
      client_id: 'admin-cli',
      username: 'admin',
      password,
    });
    expect(await ping(access_token)).toBe(401);
  });

  it('may rotate its keys: tokens of the old one and of the new one are both good', async () => {
    const { access_token: old } = await signedIn('ada', 'openid cnpg:read');
    await rotateKeys(keycloak.url, realmName);
    const { access_token: fresh } = await signedIn('ada', 'openid cnpg:read');
    const keyOf = (token: string) =>
      JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
    expect(keyOf(fresh)).not.toBe(keyOf(old));
    // Keys are asked for at most twice a minute, whoever shows unknown ones.
    await vi.waitFor(async () => expect(await ping(fresh)).toBe(200), { timeout: 60_000, interval: 2_000 });
    expect(await ping(old)).toBe(200);
  });

  it('leaves no token in any log line', () => {
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('')).not.toMatch(/eyJ[\w-]{10,}/);
  });
});
