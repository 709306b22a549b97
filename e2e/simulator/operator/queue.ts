/** A work queue: each key is handled once at a time, at the earliest time that anybody asked for. */

export class Queue {
  readonly #handle: (key: string) => number | undefined;
  readonly #speed: number;
  readonly #due = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  #stopped = false;

  /**
   * `handle` does one step for a key and returns after how many simulated seconds it wants to be called again;
   * undefined: when something changes.
   */
  constructor(handle: (key: string) => number | undefined, speed: number) {
    this.#handle = handle;
    this.#speed = speed;
  }

  /** Handles a key after so many simulated seconds, at once by default. */
  add(key: string, seconds = 0): void {
    if (this.#stopped) return;
    const delay = Math.min((seconds * 1000) / this.#speed, 2 ** 31 - 1);
    const at = performance.now() + delay;
    const due = this.#due.get(key);
    if (due !== undefined && due.at <= at) return;
    if (due !== undefined) clearTimeout(due.timer);
    const timer = setTimeout(() => this.#run(key), delay);
    timer.unref();
    this.#due.set(key, { at, timer });
  }

  stop(): void {
    this.#stopped = true;
    for (const { timer } of this.#due.values()) clearTimeout(timer);
    this.#due.clear();
  }

  #run(key: string): void {
    this.#due.delete(key);
    const again = this.#handle(key);
    if (again !== undefined) this.add(key, again);
  }
}

/** Remembers since when something waits, so that a step of a controller can take its time. */
export class Waits {
  readonly #since = new Map<string, { step: string; at: number }>();
  readonly #speed: number;

  constructor(speed: number) {
    this.#speed = speed;
  }

  /** The simulated seconds left of a step that takes so many; 0 when they are over. A new step starts to count. */
  left(key: string, step: string, seconds: number): number {
    const now = performance.now();
    const begun = this.#since.get(key);
    if (begun?.step !== step) {
      this.#since.set(key, { step, at: now });
      return seconds;
    }
    if (this.#speed === Number.POSITIVE_INFINITY) return 0;
    return Math.max(0, seconds - ((now - begun.at) / 1000) * this.#speed);
  }

  /** True when something waits under this key. */
  isWaiting(key: string): boolean {
    return this.#since.has(key);
  }

  /** Forgets a key that is gone. */
  forget(key: string): void {
    this.#since.delete(key);
  }
}
