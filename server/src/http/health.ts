/** `/healthz`: the process answers. `/readyz`: calls can succeed. For probes, so never slow and never behind a guard. */
import type { FastifyInstance } from 'fastify';
import type { CheckReadiness, OwnReadiness, Readiness, ReadinessCheck } from './readiness.ts';

/** How long an answer of others stands, in milliseconds: probes come from several places and must not load the API server. */
const freshFor = 5_000;
/** How long the checks may take, in milliseconds. */
const patience = 2_000;

/**
 * Remembers what others answered last, asks them once however many want to know, and gives up on those that hang. What the
 * process knows by itself is never remembered.
 */
export class ReadinessProbe {
  readonly #check: CheckReadiness;
  readonly #own: OwnReadiness;
  readonly #now: () => number;
  readonly #patience: number;
  #draining = false;
  #known: { at: number; checks: readonly ReadinessCheck[] } | undefined;
  #asking: Promise<readonly ReadinessCheck[]> | undefined;

  constructor(
    check: CheckReadiness,
    own: OwnReadiness = async () => [],
    { now = Date.now, patienceMilliseconds = patience } = {},
  ) {
    this.#check = check;
    this.#own = own;
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
    const checks = (await Promise.all([this.#others(), this.#own().catch(broken)])).flat();
    return { ready: checks.every(({ ok }) => ok), checks };
  }

  async #others(): Promise<readonly ReadinessCheck[]> {
    if (this.#known && this.#now() - this.#known.at < freshFor) return this.#known.checks;
    this.#asking ??= this.#look().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #look(): Promise<readonly ReadinessCheck[]> {
    const timeout = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const tooSlow = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        timeout.abort();
        reject(new Error('slow'));
      }, this.#patience);
    });
    let checks: readonly ReadinessCheck[];
    try {
      checks = await Promise.race([this.#check(timeout.signal), tooSlow]);
    } catch {
      const reason = `The checks did not end within ${this.#patience / 1000} seconds.`;
      checks = timeout.signal.aborted ? [{ name: 'server', ok: false, reason }] : broken();
    } finally {
      clearTimeout(timer);
    }
    this.#known = { at: this.#now(), checks };
    return checks;
  }
}

/** The cause may hold what is nobody's business on a page that everybody can read. */
const broken = (): ReadinessCheck[] => [
  { name: 'server', ok: false, reason: 'The checks themselves failed.' },
];

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
