/** The outside world: names and addresses from the documentation ranges, so that egress and attack stories run offline. */
import { GENERATED_NAMES, MALWARE_URL, MIRROR_URLS } from '@palisade/microsim';
import type { Lookup, ZoneRecord } from '../dns/zone.ts';

export interface OutsideHost {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly serves: 'mirror' | 'malware' | 'site' | 'metadata' | 'command-and-control';
}

const hostnameOf = (url: string) => new URL(url).hostname;

/** Cloud metadata service address (169.254.169.254) and its well-known name. */
export const metadataAddress = '169.254.169.254';

export const outsideHosts: readonly OutsideHost[] = [
  { names: MIRROR_URLS.map(hostnameOf), addresses: ['192.0.2.10', '2001:db8::10'], serves: 'mirror' },
  { names: [hostnameOf(MALWARE_URL)], addresses: ['203.0.113.66', '2001:db8:66::1'], serves: 'malware' },
  {
    names: ['www.example.com', 'example.com', 'example.org', 'www.example.org'],
    addresses: ['198.51.100.80', '2001:db8:80::1'],
    serves: 'site',
  },
  { names: ['metadata.google.internal'], addresses: [metadataAddress], serves: 'metadata' },
  { names: ['cc.attacker.example'], addresses: ['203.0.113.99', '2001:db8:99::1'], serves: 'command-and-control' },
];

/** Every name below it is answered, as a tunnel over DNS needs. */
export const attackerZone = 'tunnel.attacker.example';
const attackerAddress = '203.0.113.99';

/** The first generated name leads to the attacker; the others do not exist, as with real generated domains. */
const generated = GENERATED_NAMES.slice(0, 1);

export function outsideZone(hosts: readonly OutsideHost[] = outsideHosts): Lookup {
  const addresses = new Map<string, readonly string[]>(hosts.flatMap((host) => host.names.map((name) => [name, host.addresses] as const)));
  for (const name of generated) addresses.set(name, [attackerAddress]);
  return (name, type) => {
    const found = addresses.get(name);
    if (found !== undefined) return { exists: true, records: records(name, type, found) };
    if (name === attackerZone || name.endsWith(`.${attackerZone}`)) {
      if (type === 'TXT') return { exists: true, records: [{ type: 'TXT', name, data: 'c2FtcGxlIGNvbW1hbmQ=' }] };
      return { exists: true, records: records(name, type, [attackerAddress]) };
    }
    return undefined;
  };
}

function records(name: string, type: string, addresses: readonly string[]): ZoneRecord[] {
  if (type !== 'A' && type !== 'AAAA') return [];
  return addresses.filter((ip) => ip.includes(':') === (type === 'AAAA')).map((data) => ({ type, name, data }));
}

/** The names an outside address answers for, for flow records. */
export function outsideNamesOf(ip: string): readonly string[] {
  return outsideHosts.find(({ addresses }) => addresses.includes(ip))?.names ?? [];
}
