/** `/healthz`: the process answers. `/readyz`: calls can succeed. For probes, so never slow and never behind a guard. */
import type { FastifyInstance } from 'fastify';
import type { CheckReadiness, OwnReadiness, Readiness, ReadinessCheck } from './readiness.ts';

/** How long an answer of others stands, in milliseconds: probes come from several places and must not load the API server. */
const freshFor = 5_000;
/** How long the checks may take, in milliseconds. */
const patience = 2_000;

export interface ProbeOptions {
  now?: () => number;
  /** How long the checks may take. */
  patienceMilliseconds?: number;
  /** Told which checks fail, each time that others fail than before; of none when all is well again. */
  onChange?: (failing: readonly ReadinessCheck[]) => void;
}

/**
 * Remembers what others answered last, asks them once however many want to know, and gives up on those that hang. What the
 * process knows by itself is never remembered. It has no clock of its own: it looks when somebody asks.
 */
export class ReadinessProbe {
  readonly #check: CheckReadiness;
  readonly #own: OwnReadiness;
  readonly #now: () => number;
  readonly #patience: number;
  readonly #onChange: (failing: readonly ReadinessCheck[]) => void;
  /** Names of the checks that failed when somebody was last told; empty: ready, as everybody takes for granted at first. */
  #told = '';
  #draining = false;
  #known: { at: number; checks: readonly ReadinessCheck[] } | undefined;
  #asking: Promise<readonly ReadinessCheck[]> | undefined;

  constructor(
    check: CheckReadiness,
    own: OwnReadiness = async () => [],
    { now = Date.now, patienceMilliseconds = patience, onChange = () => undefined }: ProbeOptions = {},
  ) {
    this.#check = check;
    this.#own = own;
    this.#now = now;
    this.#patience = patienceMilliseconds;
    this.#onChange = onChange;
  }

  /** Whether calls could succeed when somebody last asked. */
  get ready(): boolean {
    return this.#told === '';
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
    this.#tell(checks.filter(({ ok }) => !ok));
    return { ready: checks.every(({ ok }) => ok), checks };
  }

  /** By the names alone: a reason may be worded anew each time, and a log that repeats itself is not read. */
  #tell(failing: readonly ReadinessCheck[]): void {
    const names = failing.map(({ name }) => name).join();
    if (names === this.#told || this.#draining) return;
    this.#told = names;
    this.#onChange(failing);
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
