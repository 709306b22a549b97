import { describe, expect, it } from 'vitest';
import { chains, firstChain, noChains } from './iptables.ts';
import type { Allowance, Isolation } from './isolation.ts';

const isolation = (direction: Isolation['direction'], ...allowed: Allowance[]): Isolation => ({
  pod: 'tools/server',
  address: '10.0.0.1',
  direction,
  allowed,
});

describe('the rules of iptables', () => {
  it('drop what an isolated pod may not send, after what it may and what it sends to itself', () => {
    const egress = isolation(
      'egress',
      { peer: '10.0.0.2/32', protocol: 'TCP', ports: [80, 80] },
      { protocol: 'UDP', ports: [1, 9] },
      { protocol: 'SCTP' },
    );
    expect(chains('NP', [egress]).split('\n')).toEqual([
      '*filter',
      ':NP - [0:0]',
      ':NP-0 - [0:0]',
      '-A NP -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN',
      '-A NP -s 10.0.0.1/32 -m comment --comment "egress of tools/server" -j NP-0',
      '-A NP-0 -d 10.0.0.1/32 -j RETURN',
      '-A NP-0 -d 10.0.0.2/32 -p tcp --dport 80 -j RETURN',
      '-A NP-0 -p udp --dport 1:9 -j RETURN',
      '-A NP-0 -p sctp -j RETURN',
      '-A NP-0 -j DROP',
      'COMMIT',
      '',
    ]);
  });

  it('look at the source of what comes in, but still at the port of the destination', () => {
    const text = chains('NP', [
      isolation('ingress', { peer: '10.0.0.2/32', protocol: 'TCP', ports: [80, 80] }),
    ]);
    expect(text).toContain('-A NP -d 10.0.0.1/32 -m comment --comment "ingress of tools/server" -j NP-0');
    expect(text).toContain('-A NP-0 -s 10.0.0.2/32 -p tcp --dport 80 -j RETURN');
  });

  it('ask both ends: what one allows returns to where the other is asked', () => {
    const text = chains('NP', [isolation('egress', {}), isolation('ingress')]);
    expect(text.match(/^-A NP .*-j NP-\d$/gm)).toHaveLength(2);
    expect(text).toContain('-A NP-0 -j RETURN');
    expect(text).not.toContain('ACCEPT');
  });

  it('go when they are no longer needed, in the step that makes the others', () => {
    const text = chains('NP', [isolation('ingress')], 3);
    expect(text.match(/^:.*$/gm)).toEqual([':NP - [0:0]', ':NP-0 - [0:0]', ':NP-1 - [0:0]', ':NP-2 - [0:0]']);
    expect(text.match(/^-X.*$/gm)).toEqual(['-X NP-1', '-X NP-2']);
  });

  it('are hooked in before all others where pods send, never where the node does, and are unhooked with the last chain', () => {
    expect(firstChain('NP').match(/^-.*$/gm)).toEqual(['-I FORWARD 1 -j NP', '-I INPUT 1 -j NP']);
    expect(noChains('NP', 1).match(/^-.*$/gm)).toEqual([
      '-D FORWARD -j NP',
      '-D INPUT -j NP',
      '-X NP',
      '-X NP-0',
    ]);
  });
});
