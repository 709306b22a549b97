/** `/healthz`: the process answers. `/readyz`: calls can succeed. For probes, so never slow and never behind a guard. */
import type { FastifyInstance } from 'fastify';
import type { CheckReadiness, Readiness } from './readiness.ts';

/** How long an answer stands, in milliseconds: probes come from several places and must not load the API server. */
const freshFor = 5_000;
/** How long the checks may take, in milliseconds. */
const patience = 2_000;

/** Remembers the last answer, asks once however many want to know, and gives up on checks that hang. */
export class ReadinessProbe {
  readonly #check: CheckReadiness;
  readonly #now: () => number;
  readonly #patience: number;
  #draining = false;
  #known: { at: number; readiness: Readiness } | undefined;
  #asking: Promise<Readiness> | undefined;

  constructor(check: CheckReadiness, { now = Date.now, patienceMilliseconds = patience } = {}) {
    this.#check = check;
    this.#now = now;
    this.#patience = patienceMilliseconds;
  }

  /** From now on the answer is no: traffic should go elsewhere, what comes all the same is still served. */
  drain(): void {
    this.#draining = true;
  }

  async ask(): Promise<Readiness> {
    if (this.#draining) {
      return { ready: false, checks: [{ name: 'server', ok: false, reason: 'The server is stopping.' }] };
    }
    if (this.#known && this.#now() - this.#known.at < freshFor) return this.#known.readiness;
    this.#asking ??= this.#look().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #look(): Promise<Readiness> {
    const timeout = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const tooSlow = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        timeout.abort();
        reject(new Error('slow'));
      }, this.#patience);
    });
    let readiness: Readiness;
    try {
      const checks = await Promise.race([this.#check(timeout.signal), tooSlow]);
      readiness = { ready: checks.every(({ ok }) => ok), checks };
    } catch {
      const reason = timeout.signal.aborted
        ? `The checks did not end within ${this.#patience / 1000} seconds.`
        : 'The checks themselves failed.';
      readiness = { ready: false, checks: [{ name: 'server', ok: false, reason }] };
    } finally {
      clearTimeout(timer);
    }
    this.#known = { at: this.#now(), readiness };
    return readiness;
  }
}

export function serveHealth(app: FastifyInstance, probe: ReadinessProbe): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const readiness = await probe.ask();
    return reply
      .code(readiness.ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(readiness);
  });
}
