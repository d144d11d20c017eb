/**
 * No address outside the cluster is ever contacted. In a pod, names are answered by the cluster's DNS, and an answer must still be an
 * address that no public network routes; elsewhere only loopback is. MICROSIM_ALLOW_HOST=1 lifts both.
 */
import { BlockList, isIP } from 'node:net';
import type { Environment } from './environment.ts';

export type Reach = 'loopback' | 'cluster' | 'any';

/** Kubernetes sets KUBERNETES_SERVICE_HOST in every container, whatever `enableServiceLinks` says. */
export function readReach(env: Environment): Reach {
  if (env['MICROSIM_ALLOW_HOST'] === '1') return 'any';
  return env['KUBERNETES_SERVICE_HOST'] ? 'cluster' : 'loopback';
}

const loopback = blocks(['127.0.0.0/8', '::1/128']);
/** RFC 1918, 6598, 3927, 2544, 5737, 4193, 4291, 3849: never routed on the public Internet. */
const cluster = blocks([
  '127.0.0.0/8',
  '::1/128',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '198.18.0.0/15',
  '192.0.2.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  'fc00::/7',
  'fe80::/10',
  '2001:db8::/32',
]);

function blocks(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/');
    list.addSubnet(address, Number(prefix), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** @returns the reason why this address must not be contacted, undefined when it may */
export function refuseAddress(address: string, reach: Reach): string | undefined {
  const family = isIP(address);
  if (family === 0) return `"${address}" is not an address`;
  if (reach === 'any') return undefined;
  const list = reach === 'cluster' ? cluster : loopback;
  if (list.check(address, family === 6 ? 'ipv6' : 'ipv4')) return undefined;
  return reach === 'cluster'
    ? `${address} is a public address outside the cluster; MICROSIM_ALLOW_HOST=1 allows it`
    : `${address} is not loopback and this is not a pod; MICROSIM_ALLOW_HOST=1 allows it`;
}
