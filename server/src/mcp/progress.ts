/** Progress as the protocol wants it: strictly increasing, not too often, never silent for long, nothing after the answer. */

/** One `notifications/progress` without its token. */
export interface ProgressNote {
  progress: number;
  total?: number;
  message: string;
}

/**
 * Least time between two notes. What comes faster is replaced by what comes after it. Below the 50 ms at which the
 * conformance suite wants to see every note of its tool (tools-call-with-progress).
 */
const pauseMilliseconds = 40;
/** Without news the last note is repeated: clients that reset their time limit on progress have 60 s. */
const silenceMilliseconds = 10_000;

export class Progress {
  readonly #send: (note: ProgressNote) => void;
  #value = 0;
  #last: { message: string; done: number | undefined; total: number | undefined } | undefined;
  #waiting = false;
  #sentAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(send: (note: ProgressNote) => void) {
    this.#send = send;
  }

  report(message: string, done?: number, total?: number): void {
    if (this.#ended) return;
    if (this.#last && this.#last.message === message && this.#last.done === done) return;
    this.#last = { message, done, total };
    if (this.#waiting) return;
    const left = pauseMilliseconds - (performance.now() - this.#sentAt);
    this.#waiting = left > 0;
    if (this.#waiting) this.#schedule(left);
    else this.#emit();
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #schedule(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#emit(), milliseconds);
    this.#timer.unref();
  }

  #emit(): void {
    const last = this.#last;
    if (!last) return;
    const { message, done, total } = last;
    this.#waiting = false;
    this.#sentAt = performance.now();
    this.#value = this.#next(done);
    this.#schedule(silenceMilliseconds);
    this.#send({ progress: this.#value, ...(total !== undefined && { total }), message });
  }

  /** What is done, when that is an increase; else the smallest visible step. */
  #next(done: number | undefined): number {
    if (done === undefined) return Math.floor(this.#value) + 1;
    return done > this.#value ? done : this.#value + 0.01;
  }
}
