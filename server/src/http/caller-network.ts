/** From where a caller comes, for limits: whoever has one address in IPv6 has all of its /64. */
import { isIPv6 } from 'node:net';

const prefixGroups = 4;

/**
 * An IPv4 address as it is, also when it is written as IPv6 (`::ffff:192.0.2.1`); of an IPv6 address its /64, such as
 * `2001:db8:0:1::/64`. Text that is no address comes back unchanged.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const groups = groupsOf(address);
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (isMapped) return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  const prefix = groups.slice(0, prefixGroups).map((group) => group.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** The eight numbers of an IPv6 address. URL writes every spelling of one address alike, but knows no zones (`%eth0`). */
function groupsOf(address: string): number[] {
  const { hostname } = new URL(`http://[${address.replace(/%.*/, '')}]`);
  const [head = [], tail = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16))));
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
