/**
 * Sealed state of a confirmation: proof of what was shown to a person, and to whom, that only this server (and its replicas
 * with the same key) can have made. HMAC-SHA256. About 110 characters, so that a model can repeat it without a mistake.
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
    const id = randomBytes(12).toString('base64url');
    const body = [expires.toString(36), id, hintsOf(binding)].join('.');
    return { state: `${body}.${this.#sign(body, binding)}`, expiresAt: new Date(expires) };
  }

  /** Checks the state and, when everything fits, uses it up: the same state is never valid twice. */
  redeem(state: string, binding: ConfirmationBinding): ConfirmationVerdict {
    const [expiry, id, hints, signature, ...rest] = state.split('.');
    if (!expiry || !id || !hints || !signature || rest.length > 0)
      return { valid: false, reason: 'malformed' };
    const expected = Buffer.from(this.#sign([expiry, id, hints].join('.'), binding));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) {
      return { valid: false, reason: whatDiffers(hints, binding) };
    }
    const expires = Number.parseInt(expiry, 36);
    if (expires <= this.#now()) return { valid: false, reason: 'expired' };
    if (this.#used.has(id)) return { valid: false, reason: 'used' };
    this.#forgetExpired();
    this.#used.set(id, expires);
    return { valid: true };
  }

  #sign(body: string, binding: ConfirmationBinding): string {
    return createHmac('sha256', this.#key)
      .update(`cnpg-mcp confirmation 2\n${body}\n${canonical(binding)}`)
      .digest('base64url');
  }

  #forgetExpired(): void {
    const now = this.#now();
    for (const [id, expires] of this.#used) if (expires <= now) this.#used.delete(id);
  }
}

/** In the order in which a difference is reported. */
const bound = ['principal', 'tool', 'argumentsDigest', 'uid', 'version', 'planDigest'] as const;
const hintLength = 6;

/**
 * The first characters of a digest of each bound value. They prove nothing, that is the signature's part: they only tell
 * which refusal to give. The values themselves need not travel, since whoever redeems a state knows them.
 */
function hintsOf(binding: ConfirmationBinding): string {
  return bound.map((field) => digest(binding[field]).slice(0, hintLength)).join('');
}

function whatDiffers(
  hints: string,
  binding: ConfirmationBinding,
): 'other_principal' | 'other_call' | 'changed' | 'forged' {
  const current = hintsOf(binding);
  const at = bound.findIndex((_field, index) => {
    const start = index * hintLength;
    return hints.slice(start, start + hintLength) !== current.slice(start, start + hintLength);
  });
  const field = bound[at];
  if (field === undefined || hints.length !== current.length) return 'forged';
  if (field === 'principal') return 'other_principal';
  return field === 'tool' || field === 'argumentsDigest' ? 'other_call' : 'changed';
}
