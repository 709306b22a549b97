/** Isolations as rules of iptables, where the node of the local provider passes on packets: after their destination was translated. */
import type { Allowance, Isolation } from './isolation.ts';

/** Chains that a pod's packets pass: to other pods and away, and to the node itself. */
const hooks = ['FORWARD', 'INPUT'];

/**
 * Input of `iptables-restore --noflush` that makes the first chain, which says nothing yet, and leads packets into it. The hook is
 * the first rule, because kube-proxy's accept some packets for good. What the node itself sends passes OUTPUT, where there is no
 * rule: probes, and the proxy of the API server, are always allowed, as Kubernetes promises.
 */
export function firstChain(prefix: string): string {
  return document([`:${prefix} - [0:0]`, ...hooks.map((hook) => `-I ${hook} 1 -j ${prefix}`)]);
}

/** All chains that there are for so many isolations. */
function namesOf(prefix: string, count: number): string[] {
  return [prefix, ...Array.from({ length: count }, (_, index) => `${prefix}-${index}`)];
}

/**
 * Input of `iptables-restore --noflush` that makes the chains named by `prefix` say exactly this, in one step. `before` is how many
 * isolations they said until now; chains that are no longer needed go.
 */
export function chains(prefix: string, isolated: readonly Isolation[], before = 0): string {
  const unused = namesOf(prefix, before).slice(isolated.length + 1);
  return document([
    ...[...namesOf(prefix, isolated.length), ...unused].map((name) => `:${name} - [0:0]`),
    // A policy is about who may open a connection.
    `-A ${prefix} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN`,
    ...isolated.flatMap((isolation, index) => rulesOf(isolation, prefix, `${prefix}-${index}`)),
    ...unused.map((name) => `-X ${name}`),
  ]);
}

/** Input of `iptables-restore --noflush` that takes all of it away again, with so many isolations. */
export function noChains(prefix: string, before: number): string {
  const names = namesOf(prefix, before);
  return document([
    ...names.map((name) => `:${name} - [0:0]`),
    ...hooks.map((hook) => `-D ${hook} -j ${prefix}`),
    ...names.map((name) => `-X ${name}`),
  ]);
}

const document = (lines: readonly string[]): string => ['*filter', ...lines, 'COMMIT', ''].join('\n');

/**
 * A chain for one direction of one pod. What it allows returns from it, so that the other pod's chain is asked as well. The rest is
 * dropped: that shows as a timeout, as with most network plugins.
 */
function rulesOf({ pod, address, direction, allowed }: Isolation, prefix: string, chain: string): string[] {
  const [own, other] = direction === 'ingress' ? ['-d', '-s'] : ['-s', '-d'];
  return [
    `-A ${prefix} ${own} ${address}/32 -m comment --comment "${direction} of ${pod}" -j ${chain}`,
    // A pod always reaches itself, also through its Service.
    `-A ${chain} ${other} ${address}/32 -j RETURN`,
    ...allowed.map((allowance) => `-A ${chain}${matchOf(allowance, other)} -j RETURN`),
    `-A ${chain} -j DROP`,
  ];
}

function matchOf({ peer, protocol, ports }: Allowance, other: string | undefined): string {
  const [first, last] = ports ?? [];
  const range = first === last ? `${first}` : `${first}:${last}`;
  return [
    ...(peer === undefined ? [] : [` ${other} ${peer}`]),
    ...(protocol === undefined ? [] : [` -p ${protocol.toLowerCase()}`]),
    ...(ports === undefined ? [] : [` --dport ${range}`]),
  ].join('');
}
