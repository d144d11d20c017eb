/**
 * Which key-set addresses the control plane may fetch on a user's word (server-side request forgery: the URL comes from whoever may write
 * a RequestAuthentication, the request leaves from the control plane).
 */
import { BlockList, isIP } from 'node:net';

/** What no key set is ever fetched from, allowed networks or not: this host, link-local with its metadata services, groups, reserved. */
const forbidden = blocks([
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '224.0.0.0/3',
  '100.100.100.200/32',
  '168.63.129.16/32',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254/128',
  // IPv4 in other clothes: compatible (RFC 4291, with `::` and `::1`), translated (RFC 6052, 8215) and 6to4 (RFC 3056) addresses.
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2002::/16',
]);

/** Not routed on the public Internet: fetched from only where the operator allows it, for example an identity provider in the cluster. */
const inner = blocks([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '198.18.0.0/15',
  '192.0.2.0/24',
  '198.51.100.0/24',
  '203.0.113.0/24',
  'fc00::/7',
  'fec0::/10',
  '2001:db8::/32',
]);

/** @throws RangeError for a block that does not parse */
export function blocks(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/');
    const family = isIP(address);
    if (family === 0 || !/^\d{1,3}$/.test(prefix)) throw new RangeError(`"${cidr}" is no CIDR block`);
    list.addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** @returns why this URL is never fetched, undefined when only its address is left to judge */
export function refuseJwksUri(uri: string): string | undefined {
  const url = URL.parse(uri);
  if (url === null) return `"${uri.slice(0, 200)}" is no URL`;
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `scheme "${url.protocol}" is not http or https`;
  if (url.username !== '' || url.password !== '') return 'a URL with credentials is not fetched';
  return undefined;
}

/** @param allowed inner networks that the operator permits. @returns why this address is not connected to, undefined when it may be */
export function refuseJwksAddress(address: string, allowed: BlockList): string | undefined {
  const version = isIP(address);
  if (version === 0) return `"${address}" is no address`;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (forbidden.check(address, family)) return `${address} is this host’s, link-local or reserved`;
  if (inner.check(address, family) && !allowed.check(address, family)) return `${address} is not public and not among the allowed networks`;
  return undefined;
}
