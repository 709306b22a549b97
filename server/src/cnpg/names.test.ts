import { describe, expect, it } from 'vitest';
import { instanceSerial, objectName } from './names.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

describe('objectName', () => {
  it('keeps a name that Kubernetes allows', () => {
    expect(objectName('orders', 'app')).toBe('orders-app');
    expect(objectName('orders', 'app', 'cnpg', 'user')).toBe('cnpg-orders-user-app');
  });

  it('gives names that differ only in what Kubernetes does not allow different objects', () => {
    const names = ['app_user', 'app-user', 'App_User', 'app.user', 'app user', 'APP-USER'].map((name) =>
      objectName('orders', name),
    );
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(label);
    expect(names[0]).toMatch(/^orders-app-user-[0-9a-f]{8}$/);
  });

  it('does not let a plain name take the derived name of another', () => {
    const derived = objectName('orders', 'app_user');
    const imitation = derived.slice('orders-'.length);
    expect(objectName('orders', imitation)).not.toBe(derived);
  });

  it.each([
    ['shop', 'eu-user-x', 'shop-user-eu', 'x'],
    ['shop', 'user-x', 'shop-user', 'x'],
    ['shop', 'user-user-x', 'shop-user-user', 'x'],
  ])('keeps apart what has the same plain name: %s + %s, %s + %s', (...[cluster, role, other, otherRole]) => {
    expect(objectName(cluster, role, 'cnpg', 'user')).not.toBe(objectName(other, otherRole, 'cnpg', 'user'));
  });

  it.each([
    ['orders', 'user'],
    ['users', 'app'],
    ['user', 'service'],
    ['orders', 'super-user'],
  ])('keeps the plain name of %s + %s, which can be read in one way', (cluster, role) => {
    expect(objectName(cluster, role, 'cnpg', 'user')).toBe(`cnpg-${cluster}-user-${role}`);
  });

  it.each(['Straße', '表', '$$$', '_', 'a'.repeat(63), 'é'.repeat(31)])(
    'derives a valid name for %s',
    (name) => {
      const derived = objectName('c'.repeat(50), name, 'cnpg', 'user');
      expect(derived).toMatch(label);
      expect(derived.length).toBeLessThanOrEqual(63);
    },
  );

  it('keeps long names apart that are equal where they are cut', () => {
    const long = 'x'.repeat(50);
    expect(objectName(long, `${long}_1`)).not.toBe(objectName(long, `${long}_2`));
    expect(objectName(`${long}`, 'role_a')).not.toBe(objectName('x'.repeat(49), 'role_a'));
  });
});

describe('instanceSerial', () => {
  it('reads the serial of an instance of this cluster only', () => {
    expect(instanceSerial('orders', 'orders-12')).toBe(12);
    expect(instanceSerial('orders', 'orders-eu-1')).toBeUndefined();
    expect(instanceSerial('orders', 'billing-1')).toBeUndefined();
    expect(instanceSerial('orders', 'orders-1-initdb')).toBeUndefined();
  });
});
