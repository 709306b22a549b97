/**
 * Streams that stay open after the request that opened them, held to the credential that it came with: each ends when its
 * credential does, and when the policy no longer allows what it tells. The client then asks again, and is told why not.
 */
import type { Credential } from '../policy/principal.ts';
import type { Caller } from './surface.ts';

/** One open stream. */
export interface HeldStream {
  /** Who opened it. */
  caller: Omit<Caller, 'canAsk'>;
  /** How: `subscriptions/listen`, or `GET` for the stream of a session. */
  method: string;
  /** Whether everything that it tells may be told to this caller. */
  allows(caller: Omit<Caller, 'canAsk'>): boolean;
  /** Ends it so that the client understands that it is over. */
  end(): void;
}

/**
 * Why a stream was ended:
 * - `credential_expired`: the token has expired
 * - `credential_revoked`: the token stands for nobody any more, or for somebody else
 * - `grants`: the caller may no longer see all that it tells
 */
export type StreamEndRule = 'credential_expired' | 'credential_revoked' | 'grants';

/** Told of every stream that was ended, for the audit log. */
export type StreamEndObserver = (stream: Pick<HeldStream, 'caller' | 'method'>, rule: StreamEndRule) => void;

/** Longest time between two looks at all streams, in milliseconds. */
const lookEvery = 30_000;

interface Watched extends HeldStream {
  credential: Credential;
  /** Its credential has been asked whom it stands for, and has not answered yet. */
  asked: boolean;
}

export class HeldStreams {
  readonly #streams = new Set<Watched>();
  readonly #told: StreamEndObserver;
  readonly #lookEvery: number;
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;

  constructor(told: StreamEndObserver, lookEveryMilliseconds = lookEvery) {
    this.#told = told;
    this.#lookEvery = lookEveryMilliseconds;
  }

  /** Streams that are held at the moment. */
  get count(): number {
    return this.#streams.size;
  }

  /**
   * Holds a stream until the function that is returned is called. Where the caller has shown no credential there is nothing
   * that could change.
   */
  hold(stream: HeldStream): () => void {
    const { credential } = stream.caller;
    if (!credential) return () => undefined;
    const watched = { ...stream, credential, asked: false };
    if (this.#streams.size === 0) this.#lookedAt = Date.now();
    this.#streams.add(watched);
    this.#schedule();
    return () => this.#release(watched);
  }

  #release(stream: Watched): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0) clearTimeout(this.#timer);
  }

  /** One timer for all: at the next regular look, or when the first credential ends before it. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#streams.size === 0) return;
    const ends = Math.min(...[...this.#streams].map(({ credential }) => credential.endsAt));
    // From the last look on: streams that are opened all the time must not put off the next one.
    const wait = Math.min(ends, this.#lookedAt + this.#lookEvery) - Date.now();
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(wait, 0), this.#lookEvery)).unref();
  }

  /** Nobody is waited for: a credential that does not answer keeps neither the others nor itself from their end. */
  #look(): void {
    this.#lookedAt = Date.now();
    for (const stream of this.#streams) {
      if (stream.credential.endsAt <= Date.now()) this.#end(stream, 'credential_expired');
      else if (!stream.asked) void this.#check(stream);
    }
    this.#schedule();
  }

  async #check(stream: Watched): Promise<void> {
    stream.asked = true;
    // When even asking fails, nobody stands for it: the client comes back, and is looked at as for every request.
    const rule = await verdictOn(stream).catch(() => 'credential_revoked' as const);
    stream.asked = false;
    if (rule) this.#end(stream, rule);
  }

  #end(stream: Watched, rule: StreamEndRule): void {
    // It may have been closed while its credential was looked at.
    if (!this.#streams.delete(stream)) return;
    stream.end();
    this.#told(stream, rule);
  }
}

/** Why a stream must end as things are; `undefined`: it may go on. */
async function verdictOn({ caller, credential, allows }: Watched): Promise<StreamEndRule | undefined> {
  const { principal: before } = caller;
  const principal = await credential.principalNow();
  // Whoever it acts as in Kubernetes decides what is watched, and is fixed when a watch begins.
  const same =
    principal?.id === before.id &&
    JSON.stringify(principal.impersonate) === JSON.stringify(before.impersonate);
  if (!same) return 'credential_revoked';
  return allows({ ...caller, principal }) ? undefined : 'grants';
}
