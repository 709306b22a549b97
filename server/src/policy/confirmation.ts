/**
 * Sealed state of a confirmation: what was shown to a person, and to whom, in a form that only this server (and its
 * replicas with the same key) can have made. HMAC-SHA256; the content is not secret, only unforgeable.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How long a confirmation can be given, in seconds. */
export const confirmationLifetimeSeconds = 600;

/** What a confirmation is bound to. Every field must be the same when it is used. */
export interface ConfirmationBinding {
  principal: string;
  tool: string;
  /** Digest of the arguments without those that carry the confirmation itself. */
  argumentsDigest: string;
  /** Digest of the plan: every operation and every dependant. */
  planDigest: string;
  /** Immutable id of the object; empty when there is none. */
  uid: string;
  /** Digest of the object without its status: see docs/decisions/0002. */
  version: string;
}

interface SealedState extends ConfirmationBinding {
  expires: number;
  id: string;
}

export type ConfirmationVerdict =
  | { valid: true }
  | {
      valid: false;
      reason: 'malformed' | 'forged' | 'expired' | 'used' | 'other_principal' | 'other_call' | 'changed';
    };

/** Stable digest of JSON-like data: the order of keys does not matter. */
export function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('base64url');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Seals and checks confirmations, and remembers the used ones until they expire. */
export class ConfirmationSealer {
  readonly #key: Buffer;
  readonly #now: () => number;
  /** id -> expiry in milliseconds; in order of use, so the oldest expire first. */
  readonly #used = new Map<string, number>();

  /** `key`: at least 32 bytes, shared by all replicas; omitted: made at start, for one replica. */
  constructor(key: Uint8Array = randomBytes(32), now: () => number = Date.now) {
    if (key.byteLength < 32) throw new RangeError('The confirmation key needs at least 32 bytes.');
    this.#key = Buffer.from(key);
    this.#now = now;
  }

  seal(binding: ConfirmationBinding): { state: string; expiresAt: Date } {
    const expires = this.#now() + confirmationLifetimeSeconds * 1000;
    const sealed: SealedState = { ...binding, expires, id: randomBytes(12).toString('base64url') };
    const body = Buffer.from(JSON.stringify(sealed)).toString('base64url');
    return { state: `${body}.${this.#sign(body)}`, expiresAt: new Date(expires) };
  }

  /** Checks the state and, when everything fits, uses it up: the same state is never valid twice. */
  redeem(state: string, binding: ConfirmationBinding): ConfirmationVerdict {
    const opened = this.#open(state);
    if (typeof opened === 'string') return { valid: false, reason: opened };
    if (opened.expires <= this.#now()) return { valid: false, reason: 'expired' };
    if (opened.principal !== binding.principal) return { valid: false, reason: 'other_principal' };
    if (this.#used.has(opened.id)) return { valid: false, reason: 'used' };
    if (opened.tool !== binding.tool || opened.argumentsDigest !== binding.argumentsDigest) {
      return { valid: false, reason: 'other_call' };
    }
    if (
      opened.uid !== binding.uid ||
      opened.version !== binding.version ||
      opened.planDigest !== binding.planDigest
    ) {
      return { valid: false, reason: 'changed' };
    }
    this.#forgetExpired();
    this.#used.set(opened.id, opened.expires);
    return { valid: true };
  }

  #open(state: string): SealedState | 'malformed' | 'forged' {
    const [body, signature, ...rest] = state.split('.');
    if (!body || !signature || rest.length > 0) return 'malformed';
    const expected = Buffer.from(this.#sign(body));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return 'forged';
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as SealedState;
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#key).update(`cnpg-mcp confirmation 1\n${body}`).digest('base64url');
  }

  #forgetExpired(): void {
    const now = this.#now();
    for (const [id, expires] of this.#used) if (expires <= now) this.#used.delete(id);
  }
}
