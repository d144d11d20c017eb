import { createHash } from 'node:crypto';
import type { NodeIdentity } from '../../../contract.ts';

/** The address plan of the embedded cluster. All of it lives in private namespaces, so nothing can clash with the host's. */
export const FABRIC_NETNS = 'fabric';
export const OUTSIDE_NETNS = 'outside';

/** What stands for the user's machine and the control plane inside of the cluster's network. */
export const HOST_ADDRESSES = ['172.30.0.1', 'fd00:172:30::1'] as const;
/** Where the cluster DNS really listens; pods ask the Service `kube-system/kube-dns` in front of it. */
export const DNS_ADDRESSES = ['172.30.0.2', 'fd00:172:30::2'] as const;
/** The outside world's own router address. Whatever else it answers for is data (outside/). */
export const OUTSIDE_ADDRESSES = ['172.30.0.3', 'fd00:172:30::3'] as const;

/** Documentation ranges (RFC 5737, RFC 3849) and the cloud metadata address: the whole world there is. */
export const OUTSIDE_RANGES = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '169.254.169.254/32', '2001:db8::/32'] as const;

/** Node numbers are 1 to 200: 172.30.0.(10+X) must stay inside one byte. */
export const MAX_NODES = 200;
/** Pods of a node have the numbers 2 to 254. */
export const FIRST_POD = 2;
export const LAST_POD = 254;

/** MAC address of the node's end of every link: one value, since each link is a network of its own. */
export const GATEWAY_MAC = 'ee:ee:ee:ee:ee:ee';
export const GATEWAY4 = '169.254.1.1';
export const GATEWAY6 = 'fe80::1';

/** One node's part of the plan. */
export interface NodePlan extends NodeIdentity {
  readonly number: number;
  readonly netnsName: string;
  /** The link's name in the fabric. */
  readonly fabricLink: string;
}

export function planNodes(names: readonly string[]): NodePlan[] {
  if (names.length === 0 || names.length > MAX_NODES)
    throw new RangeError(`Cannot plan ${names.length} nodes: expected 1 to ${MAX_NODES}; give fewer names to --nodes`);
  const seen = new Set<string>();
  return names.map((name, index) => {
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      throw new TypeError(`Cannot name a node "${name}": expected lower-case letters, digits and "-", at most 63 (RFC 1123 label)`);
    if (seen.has(name)) throw new TypeError(`Cannot name two nodes "${name}": each name may be given once`);
    seen.add(name);
    return planNode(name, index + 1);
  });
}

function planNode(name: string, number: number): NodePlan {
  return {
    name,
    number,
    addresses: [`172.30.0.${10 + number}`, `fd00:172:30::${10 + number}`],
    podCIDRs: [`10.244.${number}.0/24`, `fd00:244:${number}::/64`],
    netnsName: `node-${name}`,
    fabricLink: `n${number}`,
  };
}

/** Pod number K of node X: 10.244.X.K and fd00:244:X::K, the same digits in both so that people can match them. */
export function podAddresses(node: Pick<NodePlan, 'number'>, pod: number): readonly [string, string] {
  return [`10.244.${node.number}.${pod}`, `fd00:244:${node.number}::${pod}`];
}

/** The inverse, for an IPv4 address of this node; `undefined` for any other. */
export function podNumberOf(node: Pick<NodePlan, 'number'>, ipv4: unknown): number | undefined {
  const match = /^10\.244\.(\d+)\.(\d+)$/.exec(String(ipv4));
  return match !== null && Number(match[1]) === node.number ? Number(match[2]) : undefined;
}

/** `0a:58` and the IPv4 address, as CNI's bridge plugins do: readable in a packet dump. */
export function macOf(ipv4: string): string {
  return `0a:58:${ipv4
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`;
}

/** Name of a pod's link on its node: "v" and 12 hex digits of the uid's hash; IFNAMSIZ allows 15 characters. */
export function ifnameOf(podUid: string): string {
  return `v${createHash('sha256').update(podUid).digest('hex').slice(0, 12)}`;
}

/** Name of a pod's namespace under /run/netns. */
export function podNetnsOf(podUid: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(podUid))
    throw new TypeError(`Cannot make a namespace for pod uid "${podUid}": expected letters, digits, ".", "_" and "-"`);
  return `pod-${podUid}`;
}
