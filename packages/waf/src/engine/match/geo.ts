import type { GeoLookup } from '../resources.ts';
import { parseIp } from './ip.ts';
import { readMmdb } from './mmdb.ts';

/**
 * GEO's fields from a City or Country database in MaxMind's DB format, named as ModSecurity 3 names them.
 *
 * @throws Error when the bytes are no such database; the older GeoIP format (`.dat`, no longer published) is refused
 */
export function openGeoDatabase(bytes: Uint8Array): GeoLookup {
  const lookup = readMmdb(bytes);
  const find = (ip: readonly number[]): unknown => {
    try {
      return lookup(ip);
    } catch {
      // A damaged record is an address the database does not know.
      return undefined;
    }
  };
  return (address) => {
    const ip = parseIp(address);
    const record = ip && find(ip);
    if (record === undefined) return undefined;
    const text = (...path: (string | number)[]): string | undefined => {
      const value = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], record);
      return value === undefined ? undefined : String(value);
    };
    const degrees = (value: string | undefined) => (value === undefined ? undefined : Number(value).toFixed(6));
    const fields = {
      COUNTRY_CODE: text('country', 'iso_code'),
      COUNTRY_NAME: text('country', 'names', 'en'),
      COUNTRY_CONTINENT: text('continent', 'names', 'en'),
      REGION: text('subdivisions', 0, 'names', 'en'),
      CITY: text('city', 'names', 'en'),
      POSTAL_CODE: text('postal', 'code'),
      LATITUDE: degrees(text('location', 'latitude')),
      LONGITUDE: degrees(text('location', 'longitude')),
      DMA_CODE: text('location', 'metro_code'),
    };
    return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
  };
}
