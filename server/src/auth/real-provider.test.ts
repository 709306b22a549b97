/** Sign-in with a real OpenID provider. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type RealIdp, type RealIdpOptions, startRealIdp } from '../../test/real-idp.ts';
import { createAuthenticator } from './authenticator.ts';
import { type Issuer, openIssuer } from './issuer.ts';
import { builtInRules, defaultClaimPaths, type OidcOptions } from './options.ts';

const resource = 'https://mcp.example.com/mcp';
const open: (RealIdp | Issuer)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const item of open.splice(0)) await item.close();
});

async function signIn(
  idpOptions: Partial<RealIdpOptions>,
  more: (idp: RealIdp) => Partial<OidcOptions> = () => ({}),
) {
  const idp = await startRealIdp({ resource, ...idpOptions });
  const options: OidcOptions = {
    issuer: idp.issuer,
    audiences: [resource],
    claims: defaultClaimPaths,
    rules: builtInRules,
    scopePrefix: '',
    maxTokenLifetimeSeconds: 3600,
    ...more(idp),
  };
  const issuer = openIssuer(options, () => undefined);
  open.push(issuer, idp);
  await vi.waitFor(() => expect(issuer.status()).toEqual({ ready: true }), { timeout: 5_000 });
  const authenticator = createAuthenticator({ oidc: { options, issuer } });
  const present = (token: string) =>
    authenticator.authenticate({
      headers: {},
      rawHeaders: ['Authorization', `Bearer ${token}`],
      remoteAddress: '127.0.0.1',
      url: '/mcp',
    });
  return {
    idp,
    present,
    challenge: (...given: Parameters<NonNullable<typeof authenticator.challenge>>) =>
      authenticator.challenge?.(...given),
  };
}

describe('with a real OpenID provider', () => {
  it.each([true, false])(
    'a JWT for this resource is accepted (registration of clients %s)',
    async (registration) => {
      const { idp, present } = await signIn({ registration });
      expect(await idp.registers()).toBe(registration);
      expect(await present(await idp.token('cnpg:read cnpg:change'))).toMatchObject({
        accepted: true,
        principal: {
          kind: 'oidc',
          client: 'assistant',
          grants: [
            { effect: 'read', from: 'scope cnpg:read' },
            { effect: 'change', from: 'scope cnpg:change' },
          ],
        },
      });
    },
  );

  it('a JWT for another resource of the same provider is refused', async () => {
    const { idp, present } = await signIn({});
    const token = await idp.token('cnpg:read', { resource: 'https://other.example.com/mcp' });
    expect(await present(token)).toMatchObject({ accepted: false, status: 401 });
  });

  it('an opaque token is accepted by introspection', async () => {
    const { idp, present } = await signIn({ format: 'opaque' }, ({ introspection }) => ({ introspection }));
    const token = await idp.token('cnpg:operate');
    expect(token.split('.')).toHaveLength(1);
    expect(await present(token)).toMatchObject({
      accepted: true,
      principal: { client: 'assistant', grants: [{ effect: 'operate' }] },
    });
    expect(await present(`${token}x`)).toMatchObject({ accepted: false, status: 401 });
    const foreign = await idp.token('cnpg:read', { resource: 'https://other.example.com/mcp' });
    expect(await present(foreign)).toMatchObject({ accepted: false, status: 401 });
  });

  it('an opaque token is a credential until the provider takes it back, and while the provider is away', async () => {
    const { idp, present } = await signIn({ format: 'opaque' }, ({ introspection }) => ({ introspection }));
    const [revoked, kept] = [await idp.token('cnpg:read'), await idp.token('cnpg:read')];
    const credentialOf = async (token: string) => {
      const answer = await present(token);
      if (!answer.accepted || !answer.credential) throw new Error('The token was not accepted.');
      return answer.credential;
    };
    const credentials = [await credentialOf(revoked), await credentialOf(kept)] as const;
    await idp.revoke(revoked);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    expect(await credentials[0].principalNow()).toBeUndefined();
    expect(await credentials[1].principalNow()).toMatchObject({ client: 'assistant' });
    open.splice(open.indexOf(idp), 1);
    await idp.close();
    vi.setSystemTime(Date.now() + 61_000);
    expect(await credentials[1].principalNow()).toMatchObject({ client: 'assistant' });
  });

  it('an opaque token is refused when introspection is not configured', async () => {
    const { idp, present } = await signIn({ format: 'opaque' });
    expect(await present(await idp.token('cnpg:read'))).toMatchObject({ accepted: false, status: 401 });
  });

  it('a challenge for more names the required scope as well, so that the next token has both', async () => {
    const { challenge } = await signIn({}, () => ({ requiredScope: 'cnpg:change' }));
    expect(challenge(['cnpg:destroy'], 'More is needed.')).toContain('scope="cnpg:change cnpg:destroy"');
  });

  it('a required scope that the token lacks is a 403 that names it', async () => {
    const { idp, present } = await signIn({}, () => ({ requiredScope: 'cnpg:change' }));
    const answer = await present(await idp.token('cnpg:read'));
    expect(answer).toMatchObject({ accepted: false, status: 403 });
    expect(JSON.stringify(answer)).toContain('insufficient_scope');
    expect(JSON.stringify(answer)).toContain('cnpg:change');
  });
});
