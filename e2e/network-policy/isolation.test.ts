import { describe, expect, it } from 'vitest';
import { isolations, type NetworkPolicy, type Pod } from './isolation.ts';

function pod(namespace: string, name: string, podIP: string, more: Partial<Pod['spec']> = {}): Pod {
  return {
    metadata: { name, namespace, labels: { app: name } },
    spec: { containers: [], ...more },
    status: { phase: 'Running', podIP },
  };
}

const policy = (spec: Partial<NetworkPolicy['spec']>): NetworkPolicy => ({
  metadata: { name: 'p', namespace: 'tools' },
  spec: { podSelector: { matchLabels: { app: 'server' } }, ...spec },
});

const ports = (...list: { name: string; containerPort: number; protocol?: 'TCP' | 'UDP' }[]) => ({
  containers: [{ ports: list }],
});
const server = pod('tools', 'server', '10.0.0.1', ports({ name: 'http', containerPort: 3000 }));
const client = pod('tools', 'client', '10.0.0.2');
const web = pod('shop', 'web', '10.0.0.3', ports({ name: 'http', containerPort: 8080 }));
const dns = pod('shop', 'dns', '10.0.0.4', ports({ name: 'http', containerPort: 53, protocol: 'UDP' }));
const namespaces = [
  { metadata: { name: 'tools', labels: { team: 'a' } } },
  { metadata: { name: 'shop', labels: { team: 'b' } } },
];
const pods = [server, client, web, dns];

const isolated = (...specs: Partial<NetworkPolicy['spec']>[]) =>
  isolations({ policies: specs.map(policy), pods, namespaces });

/** What one policy for one direction allows to the server's pod. */
function allowed(spec: Partial<NetworkPolicy['spec']>) {
  const direction = spec.egress ? 'egress' : 'ingress';
  const policyTypes: ['Egress'] | ['Ingress'] = direction === 'egress' ? ['Egress'] : ['Ingress'];
  const found = isolated({ ...spec, policyTypes });
  expect(found).toMatchObject([{ pod: 'tools/server', address: '10.0.0.1', direction }]);
  return found[0]?.allowed;
}

const toPeer = (peer: object) => allowed({ egress: [{ to: [peer] }] });

describe('isolation', () => {
  it('is only for pods that a policy of their own namespace selects', () => {
    expect(isolated({ podSelector: { matchLabels: { app: 'web' } } })).toEqual([]);
    expect(isolated({ podSelector: {} }).map((each) => each.pod)).toEqual(['tools/server', 'tools/client']);
  });

  it('is of the directions that policyTypes names, whatever rules there are', () => {
    const directions = (spec: Partial<NetworkPolicy['spec']>) => isolated(spec).map((each) => each.direction);
    expect(directions({ policyTypes: ['Egress'], ingress: [{}] })).toEqual(['egress']);
    expect(directions({ policyTypes: ['Ingress', 'Egress'] })).toEqual(['ingress', 'egress']);
    expect(directions({})).toEqual(['ingress']);
    expect(directions({ egress: [] })).toEqual(['ingress', 'egress']);
  });

  it('allows nothing without a rule, and everything with an empty one', () => {
    expect(allowed({ ingress: [] })).toEqual([]);
    expect(allowed({ ingress: [{}] })).toEqual([{}]);
    expect(allowed({ egress: [{ to: [], ports: [] }] })).toEqual([{}]);
  });

  it('allows what any of several policies allows', () => {
    const one = { ingress: [{ ports: [{ port: 1 }] }] };
    const other = { ingress: [{ ports: [{ port: 2 }] }] };
    expect(isolated(one, other)).toMatchObject([{ allowed: [{ ports: [1, 1] }, { ports: [2, 2] }] }]);
  });

  it('leaves out pods of the host network, without an address, and those that have ended', () => {
    const odd = [
      pod('tools', 'server', '10.9.0.1', { hostNetwork: true }),
      { ...server, status: { phase: 'Succeeded', podIP: '10.0.0.9' } },
      { ...server, status: { phase: 'Pending' } },
    ];
    const all = policy({ ingress: [{ from: [{ podSelector: {} }] }] });
    expect(isolations({ policies: [all], pods: odd, namespaces })).toEqual([]);
    const [only] = isolations({ policies: [all], pods: [...odd, client, server], namespaces });
    expect(only?.allowed).toEqual([{ peer: '10.0.0.2/32' }, { peer: '10.0.0.1/32' }]);
  });
});

describe('peers', () => {
  it('by podSelector are of the namespace of the policy', () => {
    expect(toPeer({ podSelector: {} })).toEqual([{ peer: '10.0.0.1/32' }, { peer: '10.0.0.2/32' }]);
    expect(toPeer({ podSelector: { matchLabels: { app: 'web' } } })).toEqual([]);
  });

  it('by namespaceSelector are all pods there, and with a podSelector those of them', () => {
    const namespaceSelector = { matchLabels: { team: 'b' } };
    expect(toPeer({ namespaceSelector })).toEqual([{ peer: '10.0.0.3/32' }, { peer: '10.0.0.4/32' }]);
    const podSelector = { matchLabels: { app: 'web' } };
    expect(toPeer({ namespaceSelector, podSelector })).toEqual([{ peer: '10.0.0.3/32' }]);
  });

  it('by ipBlock are its addresses without the exceptions; of IPv6 there are none here', () => {
    expect(toPeer({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/9'] } })).toEqual([
      { peer: '10.128.0.0/9' },
    ]);
    expect(toPeer({ ipBlock: { cidr: 'fd00::/8' } })).toEqual([]);
  });

  it('that no pod fits allow nobody, unlike no peers at all', () => {
    expect(allowed({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'none' } } }] }] })).toEqual([]);
  });
});

describe('ports', () => {
  it('are TCP unless said otherwise, one, a range, or all of a protocol', () => {
    expect(
      allowed({
        egress: [{ ports: [{ port: 443 }, { port: 1, endPort: 9, protocol: 'UDP' }, { protocol: 'SCTP' }] }],
      }),
    ).toEqual([
      { protocol: 'TCP', ports: [443, 443] },
      { protocol: 'UDP', ports: [1, 9] },
      { protocol: 'SCTP' },
    ]);
  });

  it('count for each peer of their rule', () => {
    const from = [{ podSelector: { matchLabels: { app: 'client' } } }, { ipBlock: { cidr: '192.0.2.0/24' } }];
    expect(allowed({ ingress: [{ from, ports: [{ port: 80 }] }] })).toEqual([
      { peer: '10.0.0.2/32', protocol: 'TCP', ports: [80, 80] },
      { peer: '192.0.2.0/24', protocol: 'TCP', ports: [80, 80] },
    ]);
  });

  it('by name are those of the isolated pod, inwards', () => {
    expect(allowed({ ingress: [{ ports: [{ port: 'http' }, { port: 'none' }] }] })).toEqual([
      { protocol: 'TCP', ports: [3000, 3000] },
    ]);
  });

  it('by name are those of each destination, outwards, and never the same number of another pod', () => {
    const to = [{ namespaceSelector: {} }];
    const http = [
      { peer: '10.0.0.1/32', protocol: 'TCP', ports: [3000, 3000] },
      { peer: '10.0.0.3/32', protocol: 'TCP', ports: [8080, 8080] },
    ];
    expect(allowed({ egress: [{ to, ports: [{ port: 'http' }] }] })).toEqual(http);
    expect(allowed({ egress: [{ ports: [{ port: 'http' }] }] })).toEqual(http);
    expect(allowed({ egress: [{ ports: [{ port: 'http', protocol: 'UDP' }, { port: 1 }] }] })).toEqual([
      { protocol: 'TCP', ports: [1, 1] },
      { peer: '10.0.0.4/32', protocol: 'UDP', ports: [53, 53] },
    ]);
  });
});
