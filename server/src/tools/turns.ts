/**
 * Turns of those who want to read and write one object: within this process one after the other, so that they do not undo each
 * other's attempts. It saves attempts and guarantees nothing: other processes write too, and the preconditions decide.
 */
import { setTimeout as delay } from 'node:timers/promises';

export class Turns {
  readonly #patience: number;
  /** The end of each queue; settles when the last one has had its turn. */
  readonly #queues = new Map<string, Promise<unknown>>();

  /** `patience`: milliseconds after which the work is done out of turn; an answer that does not come must not hold up a queue. */
  constructor(patience = 5000) {
    this.#patience = patience;
  }

  /** Does the work when those who came before for the same key are through. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(key);
    const mine = this.#after(before, work);
    const end = Promise.allSettled([before, mine]);
    this.#queues.set(key, end);
    try {
      return await mine;
    } finally {
      void end.then(() => this.#queues.get(key) === end && this.#queues.delete(key));
    }
  }

  async #after<T>(before: Promise<unknown> | undefined, work: () => Promise<T>): Promise<T> {
    if (before) {
      const over = new AbortController();
      const bored = delay(this.#patience, undefined, { signal: over.signal }).catch(() => undefined);
      await Promise.race([before, bored]);
      over.abort();
    }
    return work();
  }
}
