import { describe, expect, it } from 'vitest';
import { Deadline, withDeadline } from './deadline.ts';

describe('a deadline', () => {
  it('ends work that takes too long', async () => {
    const forever = withDeadline({ timeoutSeconds: 0.02 }, 'Waiting', (deadline) =>
      deadline.during(new Promise(() => {})),
    );
    await expect(forever).rejects.toMatchObject({
      code: 'timeout',
      message: 'Waiting took longer than 0.02 s.',
    });
  });

  it('takes a signal that times out for a timeout, and any other for a cancellation', async () => {
    const wait = (signal: AbortSignal) =>
      withDeadline({ signal }, 'Waiting', (deadline) => deadline.pause(10_000));
    await expect(wait(AbortSignal.timeout(10))).rejects.toMatchObject({ code: 'timeout' });
    const cancel = new AbortController();
    const waiting = wait(cancel.signal);
    cancel.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled', message: 'Waiting was cancelled.' });
  });

  it('lets nothing begin that was cancelled before', async () => {
    let begun = false;
    const call = withDeadline({ signal: AbortSignal.abort() }, 'Waiting', async () => {
      begun = true;
    });
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    expect(begun).toBe(false);
  });

  it('forgets about work whose time is over, even when that fails later', async () => {
    const deadline = new Deadline({ signal: AbortSignal.abort() }, 'Waiting');
    await expect(deadline.during(Promise.reject(new Error('late')))).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(deadline.remainingMs).toBe(0);
    deadline.end();
  });
});
