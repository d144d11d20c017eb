/**
 * `inline` interception: the mesh proxy's namespace stands between the application's and the node. It owns the pod's address on its outer
 * link; the application carries the same address and has no other way out, whatever its user, its rules or its capabilities there.
 */
import type { KubernetesObject } from '@palisade/kubernetes';
import { PROXY_CONTAINER } from '../../../contract.ts';
import { macOf } from './addresses.ts';
import { renderLink, renderUplink } from './fabric-plan.ts';

const annotation = 'palisade.dev/interception';
/** The proxy's address on the inner link, by family; the control plane's `appSource` names the same. */
const INNER = ['169.254.1.2', 'fd00:a9fe::2'] as const;
const TABLE = 100;
const MARK = '0x100';

export const INLINE_SYSCTLS: readonly (readonly [string, string | number])[] = [
  ['net.ipv4.ip_forward', 1],
  ['net.ipv6.conf.all.forwarding', 1],
  // Packets of the application carry an address that is this namespace's own; `raw` below refuses all others.
  ['net.ipv4.conf.all.accept_local', 1],
  ['net.ipv4.conf.default.accept_local', 1],
  // Apart from the ports that the application's datagrams are given, so that the two never collide towards one target.
  ['net.ipv4.ip_local_port_range', '20000 60999'],
];

/** A pod that was injected for it; without its proxy there would be nothing to stand in line. */
export function isInline(pod: KubernetesObject): boolean {
  const spec = pod['spec'] as { containers?: { name: string }[]; initContainers?: { name: string }[] } | undefined;
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return pod.metadata.annotations?.[annotation] === 'inline' && containers.some(({ name }) => name === PROXY_CONTAINER);
}

export interface InlinePlan {
  readonly netnsName: string;
  readonly links: readonly string[];
  readonly batch: readonly string[];
  /** Rules of one family each: a line of `ip rule` does not say which. */
  readonly rules: { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] };
  readonly nft: string;
}

export function planInline(ifname: string, nodeNetns: string, appNetns: string, podIPs: readonly [string, string]): InlinePlan {
  const netnsName = `${appNetns}-proxy`;
  const [ipv4, ipv6] = podIPs;
  const rules = (inner: string) => [
    `rule add pref 10 fwmark ${MARK}/${MARK} lookup ${TABLE}`,
    `rule add pref 11 from ${inner} lookup ${TABLE}`,
    // After ours: the pod's address is local here, and yet there are packets for the application.
    'rule add pref 20 lookup local',
    'rule del pref 0',
  ];
  return {
    netnsName,
    links: [renderLink(ifname, nodeNetns, 'eth0', netnsName, ipv4), renderLink('app', netnsName, 'eth0', appNetns, ipv4)],
    batch: [
      ...renderUplink('eth0', podIPs),
      `addr add ${INNER[0]}/32 dev app`,
      `addr add ${INNER[1]}/128 dev app nodad`,
      'link set dev app up',
      ...podIPs.flatMap((address, family) => [
        `neigh replace ${address} lladdr ${macOf(ipv4)} dev app nud permanent`,
        `route add ${address}/${family === 0 ? 32 : 128} dev app table ${TABLE}${family === 0 ? ` src ${INNER[0]}` : ''}`,
      ]),
    ],
    rules: { ipv4: rules(INNER[0]), ipv6: rules(INNER[1]) },
    nft: renderInline(ipv4, ipv6),
  };
}

/**
 * TCP never crosses: it ends at the proxy, in both directions. The rest is forwarded under the node's NetworkPolicies, except what is
 * none of UDP, SCTP and ICMP.
 */
function renderInline(ipv4: string, ipv6: string): string {
  const others = 'meta l4proto { udp, sctp, icmp, icmpv6 }';
  return `table inet palisade-inline {
  chain raw {
    type filter hook prerouting priority raw; policy accept;
    iifname "app" ip saddr != ${ipv4} counter drop
    iifname "app" ip6 saddr != { ${ipv6}, fe80::/10 } counter drop
    iifname "app" meta l4proto tcp ct original zone set 1
  }
  chain marks {
    type filter hook prerouting priority mangle; policy accept;
    iifname "app" ${others} ct mark set 1
    iifname "eth0" ${others} ct state new ct mark set 1
    iifname "eth0" ct mark 1 meta mark set ${MARK}
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "app" meta l4proto tcp redirect to :15001
    iifname "eth0" tcp dport { 15020, 15021, 15090 } return
    iifname "eth0" meta l4proto tcp redirect to :15006
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    iifname "app" oifname "eth0" meta nfproto ipv4 meta l4proto udp snat ip to ${ipv4}:10000-19999
    iifname "app" oifname "eth0" meta nfproto ipv6 meta l4proto udp snat ip6 to [${ipv6}]:10000-19999
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ${others} accept
    counter
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "app" meta l4proto tcp ct status dnat accept
    iifname "app" meta l4proto tcp ct state established accept
    iifname "app" icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    iifname "app" counter drop
  }
}
`;
}
