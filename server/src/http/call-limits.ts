/** How much one caller may take: a bucket of tokens that fills up with time, and a count of what is under way. */
import type { CallerLimits } from './limits.ts';

interface State {
  /** Requests that may come at once, at the time `at`. */
  left: number;
  at: number;
  inFlight: number;
}

/** Callers that are remembered. Beyond them the ones that were quiet for longest are forgotten: their buckets are full. */
const mostCallers = 10_000;

export class CallLimits {
  readonly #limits: CallerLimits;
  readonly #now: () => number;
  /** In the order of last use. */
  readonly #callers = new Map<string, State>();

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(limits: CallerLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /**
   * Admits one request of a caller. Returns what ends it (`refund`: as if it had never come), or after how many seconds a
   * repetition makes sense.
   */
  enter(caller: string): { leave(refund?: boolean): void } | { retryAfterSeconds: number } {
    const { inFlight, perSecond, burst } = this.#limits;
    const now = this.#now();
    const state = this.#callers.get(caller) ?? { left: burst, at: now, inFlight: 0 };
    state.left = Math.min(burst, state.left + ((now - state.at) / 1000) * perSecond);
    state.at = now;
    this.#callers.delete(caller);
    this.#callers.set(caller, state);
    this.#forget();
    if (state.left < 1) return { retryAfterSeconds: Math.max(1, Math.ceil((1 - state.left) / perSecond)) };
    if (state.inFlight >= inFlight) return { retryAfterSeconds: 1 };
    state.left -= 1;
    state.inFlight += 1;
    let left = false;
    return {
      leave(refund = false) {
        if (left) return;
        left = true;
        state.inFlight -= 1;
        if (refund) state.left += 1;
      },
    };
  }

  #forget(): void {
    if (this.#callers.size <= mostCallers) return;
    for (const [caller, { inFlight }] of this.#callers) {
      if (inFlight > 0) continue;
      this.#callers.delete(caller);
      return;
    }
  }
}
