/** The time limit of one call, and its cancellation by the caller, as one signal. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolError } from '../../errors.ts';
import type { CallOptions } from '../gateway.ts';

/** Seconds that a call may take when the caller says nothing. */
const defaultTimeoutSeconds = 15;

/** Runs out after a call's time limit or with the caller's signal, whichever is first. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #caller: AbortSignal | undefined;
  readonly #onCallerAbort: () => void;
  readonly #endsAt: number;
  #error: ToolError | undefined;

  /** `what` completes the sentence "… was not done within 15 s". */
  constructor(options: CallOptions, what: string) {
    const seconds = options.timeoutSeconds ?? defaultTimeoutSeconds;
    const timeout = (): ToolError => new ToolError('timeout', `${what} took longer than ${seconds} s.`);
    this.#endsAt = performance.now() + seconds * 1000;
    this.#timer = setTimeout(() => this.#expire(timeout()), seconds * 1000);
    this.#caller = options.signal;
    this.#onCallerAbort = () => {
      const timedOut = (this.#caller?.reason as { name?: unknown } | undefined)?.name === 'TimeoutError';
      this.#expire(timedOut ? new ToolError('timeout', `${what} took too long.`) : cancelled(what));
    };
    if (this.#caller?.aborted) this.#onCallerAbort();
    else this.#caller?.addEventListener('abort', this.#onCallerAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it ran out: `timeout` or `cancelled`; undefined while there is time. */
  get error(): ToolError | undefined {
    return this.#error;
  }

  get remainingMs(): number {
    return this.#error ? 0 : Math.max(0, this.#endsAt - performance.now());
  }

  throwIfOver(): void {
    if (this.#error) throw this.#error;
  }

  /** Waits so long, or throws as soon as the deadline is over. */
  async pause(milliseconds: number): Promise<void> {
    this.throwIfOver();
    await this.during(sleep(milliseconds, undefined, { signal: this.signal }));
  }

  /** The promise's result, or the deadline's error when that comes first. */
  async during<T>(work: Promise<T>): Promise<T> {
    if (this.#error) {
      // Nobody waits for the work any more: its failure is nobody's unhandled rejection.
      work.catch(() => {});
      throw this.#error;
    }
    const { promise: over, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(this.#error);
    this.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([work, over]);
    } catch (thrown) {
      throw this.#error ?? thrown;
    } finally {
      this.signal.removeEventListener('abort', onAbort);
    }
  }

  /** Releases the timer and the listener. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onCallerAbort);
  }

  #expire(error: ToolError): void {
    this.#error ??= error;
    this.#controller.abort(this.#error);
  }
}

function cancelled(what: string): ToolError {
  return new ToolError('cancelled', `${what} was cancelled.`);
}

/** Runs the work under the deadline that the options ask for. */
export async function withDeadline<T>(
  options: CallOptions,
  what: string,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline(options, what);
  try {
    deadline.throwIfOver();
    return await work(deadline);
  } finally {
    deadline.end();
  }
}
