import { describe, expect, it } from 'vitest';
import { startSmallApp } from '../../test/small-app.ts';
import { ReadinessProbe } from './health.ts';
import type { ReadinessCheck } from './readiness.ts';

const fine: readonly ReadinessCheck[] = [{ name: 'kubernetes', ok: true }];

describe('readiness', () => {
  it('asks once however many want to know, and again when five seconds have passed', async () => {
    let asked = 0;
    let time = 0;
    const probe = new ReadinessProbe(
      async () => {
        asked += 1;
        return fine;
      },
      undefined,
      { now: () => time },
    );
    await Promise.all([probe.ask(), probe.ask(), probe.ask()]);
    time = 4_999;
    await probe.ask();
    expect(asked).toBe(1);
    time = 5_000;
    await probe.ask();
    expect(asked).toBe(2);
  });

  it('tells what the process knows by itself as it is at the moment', async () => {
    let warning: string | undefined;
    const probe = new ReadinessProbe(
      async () => fine,
      async () => [{ name: 'tokens-file', ok: true, ...(warning && { warning }) }],
    );
    const last = async () => (await probe.ask()).checks.at(-1);
    expect(await last()).toEqual({ name: 'tokens-file', ok: true });
    warning = 'stale';
    expect(await last()).toEqual({ name: 'tokens-file', ok: true, warning });
    warning = undefined;
    expect(await last()).toEqual({ name: 'tokens-file', ok: true });
  });

  it('gives up on checks that hang, and tells them to stop', async () => {
    let told = false;
    const probe = new ReadinessProbe(
      (signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            told = true;
          });
        }),
      undefined,
      { patienceMilliseconds: 20 },
    );
    expect(await probe.ask()).toMatchObject({
      ready: false,
      checks: [{ ok: false, reason: expect.stringContaining('did not end') }],
    });
    expect(told).toBe(true);
  });

  it('is no when the checks themselves break', async () => {
    const probe = new ReadinessProbe(async () => {
      throw new Error('secret detail');
    });
    const { ready, checks } = await probe.ask();
    expect(ready).toBe(false);
    expect(JSON.stringify(checks)).not.toContain('secret');
    const own = new ReadinessProbe(
      async () => fine,
      () => Promise.reject(new Error('secret detail')),
    );
    expect(await own.ask()).toEqual({ ready: false, checks: [...fine, ...checks] });
  });

  it('tells of a change once, by which checks fail and not by their words, and of nothing while the server stops', async () => {
    let checks: readonly ReadinessCheck[] = fine;
    let time = 0;
    const told: unknown[] = [];
    const probe = new ReadinessProbe(async () => checks, undefined, {
      now: () => time,
      onChange: (failing) => told.push(failing.map(({ name, reason }) => `${name}: ${reason}`)),
    });
    const turn = async (...now: ReadinessCheck[]) => {
      checks = now;
      time += 5_000;
      await probe.ask();
      return [probe.ready, ...told.splice(0)];
    };
    const failing = (name: string, reason: string) => ({ name, ok: false, reason });
    expect(await turn(...fine)).toEqual([true]);
    expect(await turn(failing('kubernetes', 'refused'))).toEqual([false, ['kubernetes: refused']]);
    expect(await turn(failing('kubernetes', 'timed out'))).toEqual([false]);
    expect(await turn(...fine, failing('cloudnative-pg', 'no'))).toEqual([false, ['cloudnative-pg: no']]);
    expect(await turn(...fine)).toEqual([true, []]);
    probe.drain();
    expect(await turn(failing('kubernetes', 'refused'))).toEqual([true]);
  });

  it('is no while the server stops, without asking anybody', async () => {
    const probe = new ReadinessProbe(async () => fine);
    expect((await probe.ask()).ready).toBe(true);
    probe.drain();
    expect((await probe.ask()).ready).toBe(false);
  });
});

describe('the probes', () => {
  it('are on both ports: alive whatever happens, ready with reasons', async () => {
    const reason = 'The API server does not answer.';
    const { app } = await startSmallApp({
      readiness: new ReadinessProbe(async () => [{ name: 'kubernetes', ok: false, reason }]),
    });
    for (const server of [app.main, app.management]) {
      expect((await server.inject('/healthz')).json()).toEqual({ status: 'ok' });
      const ready = await server.inject('/readyz');
      expect(ready.statusCode).toBe(503);
      expect(ready.json()).toEqual({ ready: false, checks: [{ name: 'kubernetes', ok: false, reason }] });
    }
    await Promise.all([app.main.close(), app.management.close()]);
  });
});
