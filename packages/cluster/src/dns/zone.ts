/** What a name means, without sockets: the records of one zone, asked one name and one type at a time. */

export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'SRV' | 'PTR' | 'TXT' | 'NS' | 'SOA';

export type ZoneRecord =
  | { readonly type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'TXT'; readonly name: string; readonly data: string }
  | { readonly type: 'SRV'; readonly name: string; readonly data: { readonly target: string; readonly port: number } };

/**
 * The answer of a zone for one name (lower case, no trailing dot).
 * `undefined`: not this zone's name. `exists: false`: NXDOMAIN. An existing name without records of the type is NODATA (RFC 2308).
 */
export type Lookup = (name: string, type: string) => { readonly exists: boolean; readonly records: readonly ZoneRecord[] } | undefined;

const MAX_CHAIN = 8;

export interface Resolution {
  readonly responseCode: 'NOERROR' | 'NXDOMAIN';
  readonly records: readonly ZoneRecord[];
}

/** Asks the zones in order and follows CNAMEs across them (RFC 1034 §3.6.2), as a recursive resolver does. */
export function resolveName(zones: readonly Lookup[], name: string, type: string): Resolution {
  const records: ZoneRecord[] = [];
  let current = name;
  for (let step = 0; step < MAX_CHAIN; step++) {
    const answer = firstAnswer(zones, current, type);
    if (answer === undefined || !answer.exists) return { responseCode: records.length > 0 ? 'NOERROR' : 'NXDOMAIN', records };
    records.push(...answer.records);
    const alias = answer.records.find((record) => record.type === 'CNAME');
    if (alias === undefined || type === 'CNAME' || alias.type !== 'CNAME') return { responseCode: 'NOERROR', records };
    current = alias.data.toLowerCase().replace(/\.$/, '');
  }
  return { responseCode: 'NOERROR', records };
}

function firstAnswer(zones: readonly Lookup[], name: string, type: string) {
  for (const zone of zones) {
    const answer = zone(name, type);
    if (answer !== undefined) return answer;
  }
  return undefined;
}
