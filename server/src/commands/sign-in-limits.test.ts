/** What callers who sign in, or try to, may ask for at a time. */
import { describe, expect, it } from 'vitest';
import { signInWorld } from '../../test/sign-in-world.ts';
import { request, toolCall } from '../../test/small-app.ts';
import { anonymousAuthenticator } from '../http/authenticator.ts';

const world = signInWorld();
const { audited, bearer, restart } = world;

describe('limits', () => {
  const limited = { inFlight: 2, perSecond: 1, burst: 3 };

  it('hold back an address that guesses tokens, and nobody whose token is known', async () => {
    await restart({}, { limits: { signIn: limited } });
    const known = await bearer();
    expect((await world.app.post(request('ping'), known)).statusCode).toBe(200);
    const statuses: number[] = [];
    for (let guess = 0; guess < 5; guess += 1) {
      statuses.push(
        (await world.app.post(request('ping'), { authorization: `Bearer guess-${guess}` })).statusCode,
      );
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    const refused = await world.app.post(request('ping'), await bearer({ sub: 'bob' }));
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await world.app.post(request('ping'), known)).statusCode).toBe(200);
    expect(audited().map(({ rule }) => rule)).toContain('sign_in_limit');
    expect((await world.app.app.management.inject('/metrics')).body).toMatch(
      /cnpg_mcp_refused_total\{rule="sign_in_limit"\} 3/,
    );
  });

  it('hold back one caller and not the others', async () => {
    await restart({}, { limits: { principal: limited } });
    const [alice, bob] = [await bearer(), await bearer({ sub: 'bob' })];
    const ping = async (who: Record<string, string>) =>
      (await world.app.post(request('ping'), who)).statusCode;
    expect([await ping(alice), await ping(alice), await ping(alice), await ping(alice)]).toEqual([
      200, 200, 200, 429,
    ]);
    expect(await ping(bob)).toBe(200);
  });

  it('count what one caller has under way', async () => {
    await restart({}, { limits: { principal: { inFlight: 2, perSecond: 100, burst: 100 } } });
    const alice = await bearer();
    const running = [
      world.app.post(toolCall('hold', {}), alice),
      world.app.post(toolCall('hold', {}), alice),
    ];
    await world.app.holding(2);
    expect((await world.app.post(request('ping'), alice)).statusCode).toBe(429);
    for (const { release } of world.app.held) release();
    await Promise.all(running);
    expect((await world.app.post(request('ping'), alice)).statusCode).toBe(200);
  });

  it('believe a proxy about the address of the caller only where it is trusted', async () => {
    const addressOf = async (trustProxy: string[]) => {
      await restart({}, { trustProxy });
      await world.app.post(request('ping'), { 'x-forwarded-for': '203.0.113.7' });
      return audited()[0]?.address;
    };
    expect(await addressOf([])).toBe('127.0.0.1');
    expect(await addressOf(['10.0.0.0/8'])).toBe('127.0.0.1');
    expect(await addressOf(['127.0.0.0/8'])).toBe('203.0.113.7');
  });

  it.each([
    ['signs in', 'signIn', {}],
    ['is anonymous', 'principal', { authenticator: anonymousAuthenticator }],
  ])(
    'count a caller who %s by the /64 in IPv6, and audit the whole address',
    async (_how, limit, options) => {
      await restart({}, { limits: { [limit]: limited }, trustProxy: ['127.0.0.0/8'], ...options });
      const from = async (address: string) => {
        const headers = { authorization: `Bearer ${address}`, 'x-forwarded-for': address };
        return (await world.app.post(request('ping'), headers)).statusCode;
      };
      for (const host of [1, 2, 3]) expect(await from(`2001:db8:1:2::${host}`)).not.toBe(429);
      expect(await from('2001:db8:1:2:ffff::4')).toBe(429);
      expect(await from('2001:db8:1:3::1')).not.toBe(429);
      expect(audited().filter(({ status }) => status === 429)).toMatchObject([
        { address: '2001:db8:1:2:ffff::4' },
      ]);
    },
  );

  it('end a query that is too long', async () => {
    const response = await world.app.app.main.inject({ method: 'POST', url: `/mcp?x=${'y'.repeat(3000)}` });
    expect(response.statusCode).toBe(414);
  });
});
