import { describe, expect, it } from 'vitest';
import {
  type ConfirmationBinding,
  ConfirmationSealer,
  confirmationLifetimeSeconds,
  digest,
} from './confirmation.ts';

const binding: ConfirmationBinding = {
  principal: 'alice',
  tool: 'delete_postgres_cluster',
  argumentsDigest: 'arguments',
  planDigest: 'plan',
  uid: 'uid-1',
  version: 'version-1',
};

const key = new Uint8Array(32).fill(7);

describe('a sealed confirmation', () => {
  it('is accepted once, for exactly what it was made for', () => {
    const sealer = new ConfirmationSealer(key);
    const { state } = sealer.seal(binding);
    expect(sealer.redeem(state, binding)).toEqual({ valid: true });
    expect(sealer.redeem(state, binding)).toEqual({ valid: false, reason: 'used' });
  });

  it('is accepted by a replica with the same key, and refused by one with another', () => {
    const { state } = new ConfirmationSealer(key).seal(binding);
    expect(new ConfirmationSealer(key).redeem(state, binding)).toEqual({ valid: true });
    expect(new ConfirmationSealer().redeem(state, binding)).toEqual({ valid: false, reason: 'forged' });
  });

  it.each([
    ['principal', 'other_principal'],
    ['tool', 'other_call'],
    ['argumentsDigest', 'other_call'],
    ['planDigest', 'changed'],
    ['uid', 'changed'],
    ['version', 'changed'],
  ] as const)('is refused when the %s differs', (field, reason) => {
    const sealer = new ConfirmationSealer(key);
    const { state } = sealer.seal(binding);
    expect(sealer.redeem(state, { ...binding, [field]: 'different' })).toEqual({ valid: false, reason });
    expect(sealer.redeem(state, binding), 'a refusal does not use the confirmation up').toEqual({
      valid: true,
    });
  });

  it('expires', () => {
    let now = 1_000_000;
    const sealer = new ConfirmationSealer(key, () => now);
    const { state, expiresAt } = sealer.seal(binding);
    expect(expiresAt.getTime()).toBe(now + confirmationLifetimeSeconds * 1000);
    now += confirmationLifetimeSeconds * 1000;
    expect(sealer.redeem(state, binding)).toEqual({ valid: false, reason: 'expired' });
  });

  it('cannot be altered in any single character', () => {
    const sealer = new ConfirmationSealer(key);
    const { state } = sealer.seal(binding);
    for (let index = 0; index < state.length; index += 1) {
      const other = state[index] === 'A' ? 'B' : 'A';
      const tampered = state.slice(0, index) + other + state.slice(index + 1);
      expect(sealer.redeem(tampered, binding).valid, `character ${index}`).toBe(false);
    }
    expect(sealer.redeem(state, binding)).toEqual({ valid: true });
  });

  it.each(['', '.', 'a.b.c', 'not a token', '💥.💥'])('refuses rubbish: %j', (state) => {
    expect(new ConfirmationSealer(key).redeem(state, binding).valid).toBe(false);
  });

  it('wants a key of at least 32 bytes', () => {
    expect(() => new ConfirmationSealer(new Uint8Array(31))).toThrow(RangeError);
  });
});

describe('digest', () => {
  it('does not depend on the order of keys, nor on keys without a value', () => {
    expect(digest({ a: 1, b: [1, { c: 2, d: 3 }] })).toBe(
      digest({ b: [1, { d: 3, c: 2 }], a: 1, e: undefined }),
    );
  });

  it('differs when any value differs', () => {
    const values = [{}, [], '', null, { a: 1 }, { a: '1' }, { a: [1] }, [['a', 1]], { a: { b: 1 } }];
    expect(new Set(values.map(digest)).size).toBe(values.length);
  });
});
