import type { GeoLookup } from '../resources.ts';
import type { Profile } from '../seclang/ast.ts';
import { parseIp } from './ip.ts';
import { readLegacyGeo } from './legacy-geo.ts';
import { legacyRegionName } from './legacy-geo-names.ts';
import { isMmdb, readMmdb } from './mmdb.ts';

type Fields = Readonly<Record<string, string | undefined>>;
type Find = (ip: Uint8Array | readonly number[]) => Fields | undefined;

/**
 * GEO's fields from a City or Country database, in MaxMind's DB format with the names that ModSecurity 3 gives them, or in the
 * older GeoIP format (`.dat`), which is the one that ModSecurity 2.9 reads.
 *
 * @throws Error when the bytes are no such database
 */
export function openGeoDatabase(bytes: Uint8Array, profile: Profile): GeoLookup {
  const find = isMmdb(bytes) ? mmdbFields(bytes) : legacyFields(bytes, profile);
  return (address) => {
    const ip = parseIp(address);
    if (ip === undefined) return undefined;
    let fields: Fields | undefined;
    try {
      fields = find(ip);
    } catch {
      // A damaged record is an address the database does not know.
      return undefined;
    }
    return fields && Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
  };
}

function mmdbFields(bytes: Uint8Array): Find {
  const lookup = readMmdb(bytes);
  return (ip) => {
    const record = lookup(ip);
    if (record === undefined) return undefined;
    const text = (...path: (string | number)[]): string | undefined => {
      const value = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], record);
      return value === undefined ? undefined : String(value);
    };
    const degrees = (value: string | undefined) => (value === undefined ? undefined : Number(value).toFixed(6));
    return {
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
  };
}

function legacyFields(bytes: Uint8Array, profile: Profile): Find {
  const lookup = readLegacyGeo(bytes);
  // ModSecurity keeps degrees in four bytes, and writes what these hold.
  const degrees = (value: number | undefined) => (value === undefined ? undefined : Math.fround(value).toFixed(6));
  return (ip) => {
    const place = lookup(ip);
    if (!place) return undefined;
    const { country, city } = place;
    return {
      COUNTRY_CODE: country.code,
      COUNTRY_CODE3: country.code3,
      COUNTRY_NAME: country.name,
      COUNTRY_CONTINENT: country.continent,
      REGION: city && (profile === 'modsecurity3' ? legacyRegionName(country.code, city.region) : city.region),
      CITY: city?.name,
      POSTAL_CODE: city?.postalCode,
      LATITUDE: degrees(city?.latitude),
      LONGITUDE: degrees(city?.longitude),
      DMA_CODE: city?.dmaCode?.toString(),
      AREA_CODE: city?.areaCode?.toString(),
    };
  };
}
