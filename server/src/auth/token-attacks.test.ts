/**
 * What an attacker may send as a token, one test each, also over HTTP. Nothing but a good token gets in, and nothing of any
 * token gets out: neither into an answer nor into a line of the log or the audit log.
 */
import { createHmac } from 'node:crypto';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AttackedSignIn, resource } from '../../test/attacked-sign-in.ts';
import { type FakeIdp, startFakeIdp } from '../../test/fake-idp.ts';

let idp: FakeIdp;
let signIn: AttackedSignIn;

const seconds = (): number => Math.floor(Date.now() / 1000);
const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

beforeAll(async () => {
  idp = await startFakeIdp(resource);
});
afterAll(() => idp.close());
beforeEach(async () => {
  signIn = await AttackedSignIn.start(idp);
});
afterEach(() => signIn.close());

const send = (...rawHeaders: string[]) => signIn.send(...rawHeaders);
const present = (token: string) => signIn.present(token);
const refused = (token: string, status?: number) => signIn.refused(token, status);

describe('a good token', () => {
  it('is accepted and becomes a principal', async () => {
    expect(await present(await idp.token())).toEqual({
      accepted: true,
      credential: { endsAt: expect.any(Number), principalNow: expect.any(Function) },
      principal: {
        id: `${idp.issuer}|alice`,
        displayName: 'alice',
        kind: 'oidc',
        client: 'assistant',
        grants: [{ effect: 'read', from: 'scope cnpg:read' }],
        obtainable: expect.arrayContaining([
          { effect: 'destroy', from: 'scope cnpg:destroy', scope: 'cnpg:destroy' },
        ]),
      },
    });
  });

  it.each([
    ['typ JWT, as Keycloak and Entra write', {}, { typ: 'JWT' }],
    ['no typ at all', {}, { typ: undefined }],
    ['application/at+jwt', {}, { typ: 'application/at+jwt' }],
    ['several audiences with ours among them', { aud: ['https://other.example.com', resource] }, {}],
    ['not valid before now, within the skew', { nbf: Math.floor(Date.now() / 1000) + 30 }, {}],
    ['expired within the skew', { exp: Math.floor(Date.now() / 1000) - 30 }, {}],
  ])('is accepted with %s', async (_name, claims, header) => {
    expect(await present(await idp.token(claims, header as object))).toMatchObject({ accepted: true });
  });

  it.each(['bearer', 'BEARER', 'BeArEr'])('is accepted behind the scheme %s', async (scheme) => {
    expect(await send('authorization', `${scheme} ${await idp.token()}`)).toMatchObject({ accepted: true });
  });

  it('is verified once in a minute, however often it comes', async () => {
    const token = await idp.token();
    await Promise.all(Array.from({ length: 50 }, () => present(token)));
    await idp.pause();
    expect(await present(token)).toMatchObject({ accepted: true });
    await idp.resume();
  });
});

describe('requests without a usable header', () => {
  it('are challenged without an error when there are no credentials', async () => {
    expect(await send()).toEqual({
      accepted: false,
      status: 401,
      rule: 'no_token',
      headers: {
        'www-authenticate':
          'Bearer scope="cnpg:read", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
      },
      message: expect.any(String),
    });
  });

  it('are challenged the same way with another scheme', async () => {
    const answer = await send('Authorization', 'Basic YWxpY2U6c2VjcmV0');
    expect(answer).toMatchObject({ accepted: false, status: 401 });
    expect(JSON.stringify(answer)).not.toContain('error=');
  });

  it('are refused with two Authorization headers, even with two good tokens', async () => {
    const token = await idp.token();
    expect(await send('Authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`)).toMatchObject({
      accepted: false,
      status: 400,
    });
  });

  it.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer\ttoken', 'Bearer "x"', 'Bearer ä', 'Bearer x,y'])(
    'are refused as malformed: %j',
    async (value) => {
      expect(await send('Authorization', value)).toMatchObject({ accepted: false, status: 400 });
    },
  );

  it('are refused with a token of 100 kB', async () => {
    await refused(await idp.token({ filler: 'x'.repeat(100_000) }), 400);
  });
});

describe('forged signatures', () => {
  it('alg none', async () => {
    const [, payload] = (await idp.token()).split('.');
    await refused(`${b64({ alg: 'none', typ: 'at+jwt' })}.${payload}.x`);
    await refused(`${b64({ alg: 'none' })}.${payload}.`);
  });

  it.each(['None', 'NONE', 'nOnE'])('alg %s', async (alg) => {
    const [, payload] = (await idp.token()).split('.');
    await refused(`${b64({ alg, typ: 'at+jwt' })}.${payload}.x`);
  });

  it.each(['HS256', 'HS384', 'HS512'] as const)('%s with the public key as the secret', async (alg) => {
    const pem = await exportSPKI((await importJWK(idp.publicKey(), 'RS256')) as CryptoKey);
    const [, payload] = (await idp.token()).split('.');
    const input = `${b64({ alg, kid: idp.publicKey().kid, typ: 'at+jwt' })}.${payload}`;
    const hash = alg.replace('HS', 'sha');
    await refused(`${input}.${createHmac(hash, pem).update(input).digest('base64url')}`);
  });

  it('another key under the known key id', async () => {
    await refused(await signedByStranger({ kid: idp.publicKey().kid as string }));
  });

  it('a key that the token brings along as jwk', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    await refused(await signedByStranger({ jwk: await exportJWK(publicKey) }, privateKey));
  });

  it('a key that the token points to as jku', async () => {
    await refused(await signedByStranger({ jku: 'http://127.0.0.1:1/keys' }));
  });

  it('a certificate that the token points to as x5u', async () => {
    await refused(await signedByStranger({ x5u: 'http://127.0.0.1:1/cert.pem' }));
  });

  it('a good signature with a jku header is refused too', async () => {
    await refused(await idp.token({}, { jku: 'http://127.0.0.1:1/keys' }));
  });

  it('a critical header that nobody knows', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'RS256', crit: ['b64'], b64: true })
      .sign(privateKey);
    await refused(token);
  });

  it.each(['../../../../dev/null', "' OR 1=1 --", 'http://127.0.0.1:1/x', '\u0000', 'x'.repeat(5000)])(
    'a key id that is an injection: %j',
    async (kid) => {
      await refused(await signedByStranger({ kid }));
    },
  );

  it('an unknown key id makes us ask for the keys once, not every time', async () => {
    await present(await idp.token());
    const before = idp.keyRequests;
    for (let index = 0; index < 20; index += 1) {
      // As if it were newer than the keys, which is answered otherwise, and as if it were older.
      await refused(await signedByStranger({ kid: `new-${index}` }, undefined, { iat: seconds() }), 503);
      await refused(await signedByStranger({ kid: `old-${index}` }, undefined, { iat: seconds() - 60 }));
    }
    expect(idp.keyRequests - before).toBeLessThanOrEqual(1);
  });

  it('a changed payload under the old signature', async () => {
    const [header, payload, signature] = (await idp.token()).split('.');
    const claims = JSON.parse(Buffer.from(payload as string, 'base64url').toString()) as object;
    await refused(`${header}.${b64({ ...claims, scope: 'cnpg:destroy' })}.${signature}`);
  });

  it.each([
    'a.b.c',
    '..',
    'eyJ.eyJ.x',
    'x',
    `${b64('null')}.${b64('null')}.x`,
    `${b64('[]')}.${b64('{}')}.x`,
  ])('rubbish: %j', async (token) => {
    await refused(token);
  });

  it('an encrypted token', async () => {
    await refused(`${b64({ alg: 'dir', enc: 'A256GCM' })}..iv.text.tag`);
  });
});

async function signedByStranger(
  header: Record<string, unknown>,
  key?: CryptoKey,
  claims: Record<string, unknown> = {},
): Promise<string> {
  const privateKey = key ?? (await generateKeyPair('RS256')).privateKey;
  return new SignJWT({
    iss: idp.issuer,
    aud: resource,
    sub: 'mallory',
    scope: 'cnpg:destroy',
    exp: seconds() + 300,
    ...claims,
  })
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', ...header })
    .sign(privateKey);
}

describe('claims that do not fit', () => {
  it.each<[string, () => Record<string, unknown>]>([
    ['another audience', () => ({ aud: 'https://other.example.com' })],
    ['an audience that only begins like ours', () => ({ aud: `${resource}.evil.example.com` })],
    ['an audience that is only the host', () => ({ aud: 'https://mcp.example.com' })],
    ['no audience', () => ({ aud: undefined })],
    ['an empty list of audiences', () => ({ aud: [] })],
    ['an audience that is an object', () => ({ aud: { value: resource } })],
    ['a list of audiences that holds no text', () => ({ aud: [resource, 7] })],
    ['an issuer with a slash at the end', () => ({ iss: `${idp.issuer}/` })],
    ['another issuer', () => ({ iss: 'https://other.example.com' })],
    ['an issuer in other letters', () => ({ iss: idp.issuer.toUpperCase() })],
    ['another tenant of the same provider', () => ({ iss: `${idp.issuer}/other-tenant` })],
    ['no issuer', () => ({ iss: undefined })],
    ['a list of issuers', () => ({ iss: [idp.issuer] })],
    ['no expiry', () => ({ exp: undefined })],
    ['an expiry that is text', () => ({ exp: String(seconds() + 300) })],
    ['an expiry that is past', () => ({ exp: seconds() - 120 })],
    ['an expiry in a hundred years', () => ({ exp: seconds() + 3_153_600_000 })],
    ['an expiry beyond every calendar', () => ({ exp: Number.MAX_VALUE })],
    ['a negative expiry', () => ({ exp: -1 })],
    ['a validity that has not begun', () => ({ nbf: seconds() + 300 })],
    ['a beginning that is no time', () => ({ nbf: 'now' })],
    ['a time of issue in the future', () => ({ iat: seconds() + 300 })],
    ['no subject', () => ({ sub: undefined })],
    ['an empty subject', () => ({ sub: '' })],
    ['a list of subjects', () => ({ sub: ['alice', 'admin'] })],
    ['a subject that is a number', () => ({ sub: 1 })],
    ['a nonce, as only an ID token has', () => ({ nonce: 'n' })],
    ['an at_hash, as only an ID token has', () => ({ at_hash: 'h' })],
    ["Keycloak's mark of an ID token", () => ({ typ: 'ID' })],
    ["Keycloak's mark of a refresh token", () => ({ typ: 'Refresh' })],
    ["Cognito's mark of an ID token", () => ({ token_use: 'id' })],
  ])('%s', async (_name, claims) => {
    await refused(await idp.token(claims()));
  });

  it.each(['id+jwt', 'logout+jwt', 'dpop+jwt', 'secevent+jwt', 'at+jwt; x', ''])(
    'a token of type %j',
    async (typ) => {
      await refused(await idp.token({}, { typ }));
    },
  );

  it('a repeated claim, whichever of the two would count', async () => {
    const rest = `"iss":"${idp.issuer}","sub":"alice","scope":"cnpg:read","exp":${seconds() + 300}}`;
    const once = await idp.tokenOf(`{"aud":"${resource}",${rest}`);
    expect(await present(once)).toMatchObject({ accepted: true });
    await refused(await idp.tokenOf(`{"aud":"https://other.example.com","aud":"${resource}",${rest}`));
    await refused(await idp.tokenOf(`{"aud":"${resource}","\\u0061ud":"${resource}",${rest}`));
  });

  it('scopes that are no text count for nothing', async () => {
    const answer = await present(await idp.token({ scope: { 'cnpg:destroy': true } }));
    expect(answer).toMatchObject({ accepted: true, principal: { grants: [] } });
  });

  it('a scope that only looks like ours counts for nothing', async () => {
    const answer = await present(await idp.token({ scope: 'cnpg:destroyer CNPG:DESTROY cnpg:*' }));
    expect(answer).toMatchObject({ accepted: true, principal: { grants: [] } });
  });
});
