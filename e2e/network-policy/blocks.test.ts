import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { isIPv6Block, without } from './blocks.ts';

describe('a block without its exceptions', () => {
  it('is itself when there are none, with the bits behind its prefix cleared', () => {
    expect(without('10.1.2.3/16', [])).toEqual(['10.1.0.0/16']);
    expect(without('0.0.0.0/0', [])).toEqual(['0.0.0.0/0']);
  });

  it('is what is left around them, as few blocks', () => {
    expect(without('10.0.0.0/8', ['10.128.0.0/9'])).toEqual(['10.0.0.0/9']);
    expect(without('192.0.2.0/30', ['192.0.2.2/32'])).toEqual(['192.0.2.0/31', '192.0.2.3/32']);
    expect(without('0.0.0.0/0', ['128.0.0.0/2', '0.0.0.0/1'])).toEqual(['192.0.0.0/2']);
  });

  it('is nothing when they cover it, and is whole when they lie elsewhere', () => {
    expect(without('10.1.0.0/16', ['10.0.0.0/8'])).toEqual([]);
    expect(without('10.1.0.0/16', ['10.2.0.0/16'])).toEqual(['10.1.0.0/16']);
  });

  it('holds exactly the addresses that Node.js counts in', () => {
    const except = ['172.16.9.0/24', '172.16.64.0/18', '172.16.255.255/32'];
    const [left, taken] = [new BlockList(), new BlockList()];
    const add = (list: BlockList, cidr: string): void => {
      const [network = '', bits] = cidr.split('/');
      list.addSubnet(network, Number(bits));
    };
    for (const cidr of without('172.16.0.0/16', except)) add(left, cidr);
    for (const cidr of except) add(taken, cidr);
    for (let host = 0; host < 65_536; host += 1) {
      const address = `172.16.${host >> 8}.${host & 255}`;
      if (left.check(address) === taken.check(address)) expect.fail(`${address} is wrong`);
    }
  });

  it('is refused when it is none', () => {
    for (const bad of ['10.0.0.0', '10.0.0/8', '10.0.0.256/8', '10.0.0.0/33', 'fd00::/8'])
      expect(() => without(bad, []), bad).toThrow(bad);
  });

  it('is told apart from one of IPv6', () => {
    expect([isIPv6Block('fd00::1/128'), isIPv6Block('10.0.0.1/32')]).toEqual([true, false]);
  });
});
