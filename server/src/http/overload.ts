/** Notices that the process is busier than it can be: timers come late, and every new request would make it worse. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMilliseconds = 20;
const windowMilliseconds = 1_000;

/** What is measured; `monitorEventLoopDelay` of Node unless a test brings its own. */
export type DelayHistogram = Pick<
  ReturnType<typeof monitorEventLoopDelay>,
  'mean' | 'reset' | 'enable' | 'disable'
>;

export class Overload {
  readonly #histogram: DelayHistogram;
  readonly #limit: number;
  readonly #timer: NodeJS.Timeout;
  #delay = 0;

  /** `limit`: mean delay of the last second, in milliseconds; 0: never overloaded. */
  constructor(
    limit: number,
    histogram: DelayHistogram = monitorEventLoopDelay({ resolution: resolutionMilliseconds }),
  ) {
    this.#limit = limit;
    this.#histogram = histogram;
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#sample(), windowMilliseconds);
    this.#timer.unref();
  }

  get overloaded(): boolean {
    return this.#limit > 0 && this.#delay > this.#limit;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  /** Nanoseconds between two looks, of which the pause between them is no delay. Without a look there is no mean. */
  #sample(): void {
    const { mean } = this.#histogram;
    this.#delay = Number.isNaN(mean) ? 0 : Math.max(0, mean / 1e6 - resolutionMilliseconds);
    this.#histogram.reset();
  }
}
