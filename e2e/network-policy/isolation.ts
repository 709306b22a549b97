/** What NetworkPolicies mean for each pod: whether it is isolated, in which direction, and what it may exchange all the same. */
import { isIPv6Block, without } from './blocks.ts';
import { type LabelSelector, selects } from './selector.ts';

type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** The parts of a Pod that matter here. */
export interface Pod {
  metadata: { name: string; namespace: string; uid?: string; labels?: Record<string, string> };
  spec: {
    hostNetwork?: boolean;
    containers: { ports?: { name?: string; containerPort: number; protocol?: Protocol }[] }[];
  };
  status?: { phase?: string; podIP?: string };
}

export interface Namespace {
  metadata: { name: string; labels?: Record<string, string> };
}

interface Peer {
  ipBlock?: { cidr: string; except?: string[] };
  namespaceSelector?: LabelSelector;
  podSelector?: LabelSelector;
}

interface Port {
  protocol?: Protocol;
  port?: number | string;
  endPort?: number;
}

/** networking.k8s.io/v1. */
export interface NetworkPolicy {
  metadata: { name: string; namespace: string };
  spec: {
    podSelector: LabelSelector;
    policyTypes?: ('Ingress' | 'Egress')[];
    ingress?: { from?: Peer[]; ports?: Port[] }[];
    egress?: { to?: Peer[]; ports?: Port[] }[];
  };
}

/** Everything that policies speak of, of the whole cluster. */
export interface World {
  policies: readonly NetworkPolicy[];
  pods: readonly Pod[];
  namespaces: readonly Namespace[];
}

/** Connections that are allowed: to or from addresses, on ports of their destination after it was translated. */
export interface Allowance {
  /** Block of addresses of the other side; absent: any. */
  peer?: string;
  /** Absent: any, and any port. */
  protocol?: Protocol;
  /** First and last port; absent: any. */
  ports?: readonly [first: number, last: number];
}

/** A pod that may exchange only what is allowed. Established connections and those of the node itself are not meant. */
export interface Isolation {
  /** `namespace/name` of the pod, for people. */
  pod: string;
  address: string;
  direction: 'ingress' | 'egress';
  allowed: readonly Allowance[];
}

/**
 * Every isolation that the policies make, in the order of the pods. Only IPv4: a block of IPv6 allows nothing here. A pod of the
 * host's network is neither isolated nor found by a selector: its address is that of the node.
 */
export function isolations(world: World): Isolation[] {
  return world.pods.filter(isOnNetwork).flatMap((pod) => {
    const { name, namespace, labels = {} } = pod.metadata;
    const policies = world.policies.filter(
      ({ metadata, spec }) => metadata.namespace === namespace && selects(spec.podSelector, labels),
    );
    const isolation = (
      direction: Isolation['direction'],
      type: 'Ingress' | 'Egress',
      allowedBy: (policy: NetworkPolicy) => Allowance[],
    ): Isolation[] => {
      const isolating = policies.filter(({ spec }) => typesOf(spec).includes(type));
      if (isolating.length === 0) return [];
      const allowed = isolating.flatMap(allowedBy);
      return [{ pod: `${namespace}/${name}`, address: addressOf(pod), direction, allowed }];
    };
    return [
      ...isolation('ingress', 'Ingress', (policy) => ingressOf(policy, pod, world)),
      ...isolation('egress', 'Egress', (policy) => egressOf(policy, world)),
    ];
  });
}

/** What the API server fills in when nothing is said. */
function typesOf({ policyTypes, egress }: NetworkPolicy['spec']): readonly string[] {
  return policyTypes ?? ['Ingress', ...(egress === undefined ? [] : ['Egress'])];
}

/** Whether a pod has an address of its own. One that has ended has it no longer. */
function isOnNetwork({ spec, status }: Pod): boolean {
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return !spec.hostNetwork && !hasEnded && status?.podIP !== undefined;
}

const addressOf = ({ status }: Pod): string => status?.podIP as string;
const blockOf = (pod: Pod): string => `${addressOf(pod)}/32`;

/** Names of ports are those of the pod that is isolated. */
function ingressOf({ metadata, spec }: NetworkPolicy, pod: Pod, world: World): Allowance[] {
  return (spec.ingress ?? []).flatMap(({ from, ports }) =>
    across(blocksOf(from, metadata.namespace, world), [...numbersOf(ports), ...namesOf(ports, pod)]),
  );
}

/** Names of ports are those of the destination, so every pod that may be one is looked at for itself. */
function egressOf({ metadata, spec }: NetworkPolicy, world: World): Allowance[] {
  return (spec.egress ?? []).flatMap(({ to, ports }) => {
    const destinations = isAll(to)
      ? world.pods.filter(isOnNetwork)
      : to.flatMap((peer) => podsOf(peer, metadata.namespace, world));
    return [
      ...across(blocksOf(to, metadata.namespace, world), numbersOf(ports)),
      ...destinations.flatMap((pod) => across([blockOf(pod)], namesOf(ports, pod))),
    ];
  });
}

/** No list and an empty one both mean everybody; of ports, every port of every protocol. */
function isAll(list: readonly unknown[] | undefined): list is undefined | [] {
  return list === undefined || list.length === 0;
}

function across(peers: readonly (string | undefined)[], matches: readonly Match[]): Allowance[] {
  return peers.flatMap((peer) => matches.map((match) => ({ ...(peer !== undefined && { peer }), ...match })));
}

/** The blocks of addresses that a list of peers means; `undefined` for any. */
function blocksOf(peers: Peer[] | undefined, namespace: string, world: World): (string | undefined)[] {
  if (isAll(peers)) return [undefined];
  const blocks = peers.flatMap((peer) => {
    const { ipBlock } = peer;
    if (ipBlock === undefined) return podsOf(peer, namespace, world).map(blockOf);
    return isIPv6Block(ipBlock.cidr) ? [] : without(ipBlock.cidr, ipBlock.except ?? []);
  });
  return [...new Set(blocks)];
}

/** Pods that the selectors of a peer mean: both together, and in the policy's own namespace where no other is selected. */
function podsOf(
  { ipBlock, namespaceSelector, podSelector = {} }: Peer,
  namespace: string,
  world: World,
): Pod[] {
  if (ipBlock !== undefined) return [];
  const isThere = (name: string): boolean => {
    if (namespaceSelector === undefined) return name === namespace;
    const found = world.namespaces.find(({ metadata }) => metadata.name === name);
    return found !== undefined && selects(namespaceSelector, found.metadata.labels ?? {});
  };
  return world.pods
    .filter(isOnNetwork)
    .filter(({ metadata }) => isThere(metadata.namespace) && selects(podSelector, metadata.labels ?? {}));
}

type Match = Pick<Allowance, 'protocol' | 'ports'>;

/** What a list of ports means, but for those that are given by name. */
function numbersOf(ports: Port[] | undefined): Match[] {
  if (isAll(ports)) return [{}];
  return ports.flatMap(({ protocol = 'TCP', port, endPort }): Match[] => {
    if (port === undefined) return [{ protocol }];
    return typeof port === 'number' ? [{ protocol, ports: [port, endPort ?? port] }] : [];
  });
}

/** What those that are given by name mean for a pod. */
function namesOf(ports: Port[] = [], { spec }: Pod): Match[] {
  const ofPod = spec.containers.flatMap((container) => container.ports ?? []);
  return ports.flatMap(({ protocol = 'TCP', port }) =>
    ofPod
      .filter((own) => own.name !== undefined && own.name === port && (own.protocol ?? 'TCP') === protocol)
      .map(({ containerPort }) => ({ protocol, ports: [containerPort, containerPort] as const })),
  );
}
