import {
  DNS_ADDRESSES,
  FABRIC_NETNS,
  GATEWAY_MAC,
  GATEWAY4,
  GATEWAY6,
  HOST_ADDRESSES,
  macOf,
  type NodePlan,
  OUTSIDE_ADDRESSES,
  OUTSIDE_NETNS,
  OUTSIDE_RANGES,
} from './addresses.ts';

export type Sysctl = readonly [name: string, value: string | number];

/**
 * Written before any link exists, because links copy `default` when they are made. No link-local addresses
 * (addr_gen_mode 1): neighbours are static, so discovery, router solicitations and group reports would be noise only.
 */
const LINK_SYSCTLS: readonly Sysctl[] = [
  ['net.ipv6.conf.default.accept_dad', 0],
  ['net.ipv6.conf.default.addr_gen_mode', 1],
  ['net.ipv6.conf.default.router_solicitations', 0],
  ['net.ipv6.conf.default.accept_ra', 0],
  ['net.ipv6.conf.default.accept_redirects', 0],
  ['net.ipv6.conf.all.accept_redirects', 0],
];

export const ROUTER_SYSCTLS: readonly Sysctl[] = [
  ['net.ipv4.ip_forward', 1],
  ['net.ipv6.conf.all.forwarding', 1],
  ...['all', 'default'].flatMap((scope): Sysctl[] => [
    [`net.ipv4.conf.${scope}.rp_filter`, 0],
    [`net.ipv4.conf.${scope}.send_redirects`, 0],
  ]),
  ...LINK_SYSCTLS,
];

export const POD_SYSCTLS: readonly Sysctl[] = [
  ['net.ipv4.ip_unprivileged_port_start', 0],
  ['net.ipv4.ping_group_range', '0 2147483647'],
  ...LINK_SYSCTLS,
];

/** It answers for whole ranges; IPv4 lets a socket bind to any address of a local route, IPv6 only with this. */
export const OUTSIDE_SYSCTLS: readonly Sysctl[] = [...POD_SYSCTLS, ['net.ipv6.ip_nonlocal_bind', 1]];

/** Without this, a connection ended by `conntrack -D` comes back from the other side as a new one (tcp_loose). */
export const CONNTRACK_SYSCTLS: readonly Sysctl[] = [['net.netfilter.nf_conntrack_tcp_loose', 0]];

/** The lines for `ip -batch`, by the namespace they run in. */
export interface FabricPlan {
  readonly namespaces: readonly string[];
  /** Run where this process is, after the sysctls: makes the links between the namespaces. */
  readonly links: readonly string[];
  readonly batches: ReadonlyMap<string, readonly string[]>;
}

/** The far end of a link: one default route per family through a gateway that is no address of anybody. */
export function renderUplink(dev: string, addresses: readonly [string, string]): string[] {
  return [
    'link set dev lo up',
    `addr add ${addresses[0]}/32 dev ${dev}`,
    `addr add ${addresses[1]}/128 dev ${dev} nodad`,
    `link set dev ${dev} up`,
    `neigh replace ${GATEWAY4} lladdr ${GATEWAY_MAC} dev ${dev} nud permanent`,
    `route add default via ${GATEWAY4} dev ${dev} onlink src ${addresses[0]}`,
    `neigh replace ${GATEWAY6} lladdr ${GATEWAY_MAC} dev ${dev} nud permanent`,
    `route add ::/0 via ${GATEWAY6} dev ${dev} onlink src ${addresses[1]}`,
  ];
}

/** The near end: host routes and fixed neighbours, so no packet waits for ARP or neighbour discovery. */
export function renderDownlink(dev: string, addresses: readonly [string, string]): string[] {
  return [
    `link set dev ${dev} up`,
    ...addresses.flatMap((address, family) => [
      `route add ${address}/${family === 0 ? 32 : 128} dev ${dev}`,
      `neigh replace ${address} lladdr ${macOf(addresses[0])} dev ${dev} nud permanent`,
    ]),
  ];
}

export function renderLink(near: string, nearNetns: string, far: string, farNetns: string, ipv4: string): string {
  return `link add name ${near} netns ${nearNetns} address ${GATEWAY_MAC} type veth peer name ${far} netns ${farNetns} address ${macOf(ipv4)}`;
}

/** What it takes to make the fabric, its nodes and the outside world; nothing of it is in the host's namespace. */
export function planFabric(nodes: readonly NodePlan[]): FabricPlan {
  const namespaces = [FABRIC_NETNS, OUTSIDE_NETNS, ...nodes.map((node) => node.netnsName)];
  const hostRoute = (range: string) =>
    `route add ${range} via ${range.includes(':') ? OUTSIDE_ADDRESSES[1] : OUTSIDE_ADDRESSES[0]} dev out0 onlink`;
  const fabric = [
    'link set dev lo up',
    ...[HOST_ADDRESSES, DNS_ADDRESSES].flatMap(([ipv4, ipv6]) => [`addr add ${ipv4}/32 dev lo`, `addr add ${ipv6}/128 dev lo nodad`]),
    ...renderDownlink('out0', OUTSIDE_ADDRESSES),
    ...OUTSIDE_RANGES.map(hostRoute),
    ...nodes.flatMap((node) => [
      ...renderDownlink(node.fabricLink, node.addresses),
      `route add ${node.podCIDRs[0]} via ${node.addresses[0]} dev ${node.fabricLink} onlink src ${HOST_ADDRESSES[0]}`,
      `route add ${node.podCIDRs[1]} via ${node.addresses[1]} dev ${node.fabricLink} onlink src ${HOST_ADDRESSES[1]}`,
    ]),
  ];
  // Every address of these ranges is local there: one listener on the wildcard answers for all of them.
  const outside = [...renderUplink('eth0', OUTSIDE_ADDRESSES), ...OUTSIDE_RANGES.map((range) => `route add local ${range} dev lo`)];
  const batches = new Map<string, readonly string[]>([
    [FABRIC_NETNS, fabric],
    [OUTSIDE_NETNS, outside],
  ]);
  for (const node of nodes) {
    // Packets to absent pods end here; without these routes they would loop between node and fabric until their TTL.
    const unreachable = node.podCIDRs.map((cidr) => `route add unreachable ${cidr}`);
    batches.set(node.netnsName, [...renderUplink('up0', node.addresses), ...unreachable]);
  }
  return {
    namespaces,
    links: [
      renderLink('out0', FABRIC_NETNS, 'eth0', OUTSIDE_NETNS, OUTSIDE_ADDRESSES[0]),
      ...nodes.map((node) => renderLink(node.fabricLink, FABRIC_NETNS, 'up0', node.netnsName, node.addresses[0])),
    ],
    batches,
  };
}

/** Prefix of the log lines of spoofed packets; the pod follows from the interface they came in by. */
export const SPOOF_LOG_PREFIX = 'palisade:spoof';
/** NFLOG group of everything this project logs; groups are per namespace. */
export const LOG_GROUP = 5;

/**
 * A source address is believed only on the link that leads to it. An unspecified IPv6 source (discovery) is dropped without a
 * word. The node never tells pods of a shorter way: with the routed links there is none, and hairpins would trigger it.
 */
export function renderNodeBase(): string {
  return `table inet palisade-base {
  chain antispoof {
    type filter hook prerouting priority raw; policy accept;
    ip6 saddr :: drop
    iifname "v*" fib saddr . iif oif missing limit rate 20/second burst 20 packets log prefix "${SPOOF_LOG_PREFIX}" group ${LOG_GROUP} snaplen 96
    iifname "v*" fib saddr . iif oif missing drop
  }
  chain redirects {
    type filter hook output priority filter; policy accept;
    icmpv6 type nd-redirect drop
    icmp type redirect drop
  }
  chain tracking {
    type filter hook input priority -300; policy accept;
    ct state invalid drop
  }
}
`;
}

/** The fabric holds nodes and the outside world to their own addresses as nodes hold pods to theirs. */
export function renderFabricBase(): string {
  return `table inet palisade-base {
  chain antispoof {
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" fib saddr . iif oif missing drop
  }
}
`;
}
