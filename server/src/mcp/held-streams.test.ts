import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { localPrincipal, type Principal } from '../policy/principal.ts';
import { type HeldStream, HeldStreams, type StreamEndRule } from './held-streams.ts';

const alice: Principal = { ...localPrincipal, id: 'alice', kind: 'token' };
let ended: [who: string, rule: StreamEndRule][];
let held: HeldStreams;

beforeEach(() => {
  vi.useFakeTimers();
  ended = [];
  held = new HeldStreams(({ caller: { requestId } }, rule) => ended.push([requestId, rule]));
});
afterEach(() => {
  vi.useRealTimers();
});

interface Given {
  endsAt?: number;
  now?: () => Promise<Principal | undefined>;
  allows?: HeldStream['allows'];
}

/** Opens a stream; `requestId` is its name. */
function open(requestId: string, { endsAt = Number.POSITIVE_INFINITY, now, allows }: Given = {}) {
  const credential = { endsAt, principalNow: now ?? (async () => alice) };
  return held.hold({
    caller: { principal: alice, credential, requestId },
    method: 'GET',
    allows: allows ?? (() => true),
    end: () => undefined,
  });
}

describe('a stream', () => {
  it('ends when its credential does, to the moment, and not before', async () => {
    open('soon', { endsAt: Date.now() + 7_000 });
    open('later', { endsAt: Date.now() + 45_000 });
    await vi.advanceTimersByTimeAsync(6_999);
    expect(ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(ended).toEqual([['soon', 'credential_expired']]);
    await vi.advanceTimersByTimeAsync(38_000);
    expect(ended).toEqual([
      ['soon', 'credential_expired'],
      ['later', 'credential_expired'],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lasts with a credential that is good for years', async () => {
    open('long', { endsAt: Date.now() + 10 * 365 * 86_400_000 });
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(ended).toEqual([]);
  });

  it('ends within half a minute after its credential has come to stand for nobody', async () => {
    let now: Principal | undefined = alice;
    open('a', { now: async () => now });
    await vi.advanceTimersByTimeAsync(60_000);
    now = undefined;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ended).toEqual([['a', 'credential_revoked']]);
  });

  it('ends when its credential has come to act as somebody else in Kubernetes', async () => {
    open('a', { now: async () => ({ ...alice, impersonate: { user: 'bob', groups: [] } }) });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ended).toEqual([['a', 'credential_revoked']]);
  });

  it('ends when its caller may no longer see what it tells, by the rights of the moment', async () => {
    const narrowed = { ...alice, grants: [] };
    open('a', { now: async () => narrowed, allows: ({ principal }) => principal.grants.length > 0 });
    open('b', { allows: ({ principal }) => principal.grants.length > 0 });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ended).toEqual([['a', 'grants']]);
  });

  it('is told of once, and not at all when the client has closed it before', async () => {
    const release = open('gone', { endsAt: Date.now() + 1_000 });
    let answer = (_principal: undefined): void => undefined;
    const closing = open('while it is looked at', {
      now: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    release();
    await vi.advanceTimersByTimeAsync(30_000);
    closing();
    answer(undefined);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ended).toEqual([]);
  });
});

describe('a credential that does not answer', () => {
  const never = () => new Promise<never>(() => undefined);
  const fails = () => Promise.reject(new Error('broken'));

  it('keeps neither others nor itself from their end, and is asked once', async () => {
    const asked = vi.fn(never);
    open('hangs', { now: asked, endsAt: Date.now() + 100_000 });
    open('expires', { endsAt: Date.now() + 40_000 });
    let now: Principal | undefined = alice;
    open('revoked', { now: async () => now });
    await vi.advanceTimersByTimeAsync(50_000);
    expect(ended).toEqual([['expires', 'credential_expired']]);
    now = undefined;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(ended).toContainEqual(['revoked', 'credential_revoked']);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ended).toContainEqual(['hangs', 'credential_expired']);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it('but fails stands for nobody, and others are looked at as before', async () => {
    open('fails', { now: fails });
    open('good');
    open('expires', { endsAt: Date.now() + 40_000 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ended).toEqual([
      ['fails', 'credential_revoked'],
      ['expires', 'credential_expired'],
    ]);
  });
});

describe('all streams together', () => {
  it('are looked at every half minute although others are opened all the time', async () => {
    open('a', { now: async () => undefined });
    for (let passed = 0; passed < 30_000; passed += 10_000) {
      open(`at ${passed}`);
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(ended).toEqual([['a', 'credential_revoked']]);
  });

  it('need one timer, and none once they are closed', async () => {
    const releases = Array.from({ length: 1000 }, (_, index) => open(String(index)));
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(vi.getTimerCount()).toBe(1);
    for (const release of releases) release();
    expect([held.count, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('of callers without a credential are left alone', () => {
    held.hold({
      caller: { principal: localPrincipal, requestId: 'a' },
      method: 'GET',
      allows: () => false,
      end: () => undefined,
    });
    expect([held.count, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
