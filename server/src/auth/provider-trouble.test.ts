/** An identity provider that is away, slow, broken or somebody else: nobody gets in by mistake, and it is said why. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { AttackedSignIn, resource } from '../../test/attacked-sign-in.ts';
import { type FakeIdp, startFakeIdp } from '../../test/fake-idp.ts';

let idp: FakeIdp;
let signIn: AttackedSignIn;

beforeAll(async () => {
  idp = await startFakeIdp(resource);
});
afterAll(() => idp.close());
beforeEach(async () => {
  idp.keysMode = 'normal';
  idp.keysUri = undefined;
  signIn = await AttackedSignIn.start(idp);
});
afterEach(() => signIn.close());

const trouble = () => vi.waitFor(() => expect(signIn.problems).not.toHaveLength(0), { timeout: 10_000 });

describe('an identity provider in trouble', () => {
  it.each(['slow', 'huge', 'redirect', 'error', 'rubbish', 'empty', 'useless'] as const)(
    'keys that are %s: not ready, with the reason, and nobody gets in until they are right',
    async (mode) => {
      idp.keysMode = mode;
      await signIn.reopen();
      await trouble();
      expect(signIn.issuer.status()).toMatchObject({
        ready: false,
        reason: expect.stringContaining(idp.issuer),
      });
      const token = await idp.token();
      await signIn.refused(token, 503);
      expect(signIn.problems.join('\n')).not.toContain('eyJ');
      idp.keysMode = 'normal';
      await signIn.ready();
      await vi.waitFor(async () => expect(await signIn.present(token)).toMatchObject({ accepted: true }));
    },
    40_000,
  );

  it('needs no discovery when its keys are known: not ready as long as they cannot be had', async () => {
    await idp.pause();
    await signIn.reopen({ jwksUri: `${idp.issuer}/keys` });
    await trouble();
    expect(signIn.issuer.status()).toMatchObject({
      ready: false,
      reason: expect.stringContaining('ECONNREFUSED'),
    });
    await idp.resume();
    await signIn.ready();
    expect(await signIn.present(await idp.token())).toMatchObject({ accepted: true });
  });

  it('is away for a while later: the keys that it gave stay good, and nobody asks for others', async () => {
    const asked = idp.keyRequests;
    await idp.pause();
    expect(await signIn.present(await idp.token({ sub: 'bob' }))).toMatchObject({ accepted: true });
    expect(signIn.issuer.status()).toEqual({ ready: true });
    await idp.resume();
    expect(idp.keyRequests).toBe(asked);
  });

  it('is away at start: not ready, with the reason; once it is there everything works', async () => {
    await idp.pause();
    await signIn.reopen();
    await trouble();
    expect(signIn.issuer.status()).toMatchObject({
      ready: false,
      reason: expect.stringContaining('ECONNREFUSED'),
    });
    const token = await idp.token();
    await signIn.refused(token, 503);
    await idp.resume();
    await signIn.ready();
    expect(await signIn.present(token)).toMatchObject({ accepted: true });
  });

  it('has rotated its keys: the new key is fetched, the old one is no longer accepted', async () => {
    const old = await idp.token({ iat: Math.floor(Date.now() / 1000) - 60 });
    expect(await signIn.present(old)).toMatchObject({ accepted: true });
    await idp.rotate();
    await signIn.reopen();
    await signIn.ready();
    expect(await signIn.present(await idp.token())).toMatchObject({ accepted: true });
    await signIn.refused(old);
  });

  it('publishes no key, and is asked about every token instead: ready', async () => {
    idp.keysMode = 'empty';
    await signIn.reopen({ introspection: { clientId: 'server', clientSecret: 'of the test' } });
    await signIn.ready();
  });

  describe('rotates its keys between two fetches', () => {
    const at = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['Date'] });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it('a token with the new key is told to come back, and is accepted then', async () => {
      at(10);
      await idp.rotate();
      const token = await idp.token();
      const early = await signIn.present(token);
      if (early.accepted) throw new Error('The key cannot be known yet.');
      expect(early).toMatchObject({
        status: 503,
        rule: 'unknown_key',
        message: expect.stringMatching(
          /^The key of the token is not known here yet\. Try again in \d+ seconds\.$/,
        ),
      });
      const wait = Number(early.headers['retry-after']);
      expect(wait).toBeGreaterThanOrEqual(15);
      expect(wait).toBeLessThanOrEqual(21);
      at(wait);
      expect(await signIn.present(token)).toMatchObject({ accepted: true });
    });

    it('a token with a key that nobody has is told so, once the keys are newer than the token', async () => {
      const forged = await idp.token({}, { kid: 'nobody' });
      const asked = idp.keyRequests;
      await signIn.refused(forged, 503);
      at(31);
      await signIn.refused(forged, 401);
      at(10);
      await signIn.refused(forged, 401);
      expect(idp.keyRequests - asked).toBe(1);
    });

    it('to none at all: not ready as soon as that is seen, and nobody gets in with the old key', async () => {
      idp.keysMode = 'empty';
      at(31);
      await signIn.refused(await idp.token({ iat: undefined }, { kid: 'nobody' }), 503);
      expect(signIn.issuer.status()).toEqual({
        ready: false,
        reason: `The identity provider ${idp.issuer} cannot be used: It publishes no key that a token could be verified with.`,
      });
      await signIn.refused(await idp.token({ iat: undefined }), 503);
    });

    it.each([
      ['of another issuer', () => ({ iss: 'https://other.example.com' })],
      ['of the future', () => ({ iat: Math.floor(Date.now() / 1000) + 120 })],
      ['without a date', () => ({ iat: undefined })],
    ])('a token %s with an unknown key is refused at once', async (_what, claims) => {
      await signIn.refused(await idp.token(claims(), { kid: 'nobody' }), 401);
    });
  });

  it('calls itself something else than it is configured as', async () => {
    const other = idp.issuer.replace('127.0.0.1', 'localhost');
    await signIn.reopen({ issuer: other });
    await trouble();
    expect(signIn.issuer.status().ready).toBe(false);
  });

  it('names its keys by an address with a password, which is told to nobody', async () => {
    idp.keysUri = `${idp.issuer.replace('//', '//somebody:hunter2@')}/keys`;
    await signIn.reopen();
    await trouble();
    const { reason } = signIn.issuer.status();
    expect(reason).toContain('holds a user or a password');
    expect([reason, ...signIn.problems].join()).not.toMatch(/somebody|hunter2/);
  });

  it('is not asked over plain http beyond this machine', async () => {
    await signIn.reopen({ issuer: 'http://idp.example.com' });
    await vi.waitFor(() => expect(signIn.issuer.status().reason).toContain('not https'));
  });
});
