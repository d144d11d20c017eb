/**
 * The older GeoIP format (`.dat`): a binary tree over address bits whose leaves name a country or a record of a city. How it is
 * laid out stands at its end, after three bytes FF: the edition, and the number of nodes.
 */
import { type LegacyCountry, legacyCountries } from './legacy-geo-names.ts';

export interface LegacyPlace {
  readonly country: LegacyCountry;
  /** Present in city editions; empty where unknown. */
  readonly city: LegacyCity | undefined;
}

export interface LegacyCity {
  readonly region: string;
  readonly name: string;
  readonly postalCode: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Metropolitan area and telephone area: of the United States alone. */
  readonly dmaCode: number | undefined;
  readonly areaCode: number | undefined;
}

interface Edition {
  readonly isCity: boolean;
  readonly hasAreas: boolean;
  readonly isV6: boolean;
}

const editions: Readonly<Record<number, Edition>> = {
  1: { isCity: false, hasAreas: false, isV6: false },
  2: { isCity: true, hasAreas: true, isV6: false },
  6: { isCity: true, hasAreas: false, isV6: false },
  12: { isCity: false, hasAreas: false, isV6: true },
  30: { isCity: true, hasAreas: true, isV6: true },
  31: { isCity: true, hasAreas: false, isV6: true },
};

/** Editions are also written 105 higher. */
const EDITION_OFFSET = 105;
/** The layout stands in the last bytes: as far as its readers look for it. */
const LAYOUT_BYTES = 24;
/** Leaves of country editions count from here. */
const COUNTRY_BEGIN = 0xff_ff_00;
const NODE_BYTES = 6;

/** @returns finds an address' place; 4 or 16 bytes. @throws Error when the bytes are no such database */
export function readLegacyGeo(bytes: Uint8Array): (address: Uint8Array | readonly number[]) => LegacyPlace | undefined {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = data.lastIndexOf(Buffer.from([0xff, 0xff, 0xff]));
  if (mark < 0 || mark < data.length - LAYOUT_BYTES || mark + 4 > data.length)
    throw new Error('found neither layout, wanted a database in MaxMind DB (.mmdb) or the older GeoIP format (.dat)');
  const written = data[mark + 3]!;
  const number = written > EDITION_OFFSET ? written - EDITION_OFFSET : written;
  const edition = editions[number];
  if (!edition) throw new Error(`found GeoIP edition ${number}, wanted one of countries (1, 12) or cities (2, 6, 30, 31)`);
  if (edition.isCity && mark + 7 > data.length) throw new Error('found the end of the file, wanted the number of nodes');
  const leaves = edition.isCity ? data.readUIntLE(mark + 4, 3) : COUNTRY_BEGIN;
  if (edition.isCity && leaves * NODE_BYTES > data.length) throw new Error(`found ${data.length} bytes, wanted a tree of ${leaves} nodes`);
  const countries = legacyCountries();

  const placeOf = (leaf: number): LegacyPlace | undefined => {
    if (!edition.isCity) {
      const country = countries(leaf - COUNTRY_BEGIN);
      return country && { country, city: undefined };
    }
    // Leaves of city editions count on where the nodes end, in bytes.
    const at = leaf - leaves + leaves * NODE_BYTES;
    const country = leaf === leaves ? undefined : countries(data[at] ?? 0);
    return country && { country, city: cityOf(data, at + 1, edition.hasAreas && country.code === 'US') };
  };

  return (address) => {
    if (!edition.isV6 && address.length === 16) return undefined;
    // IPv4 addresses are ::a.b.c.d in a tree for IPv6.
    const padded = edition.isV6 && address.length === 4 ? [...new Array<number>(12).fill(0), ...address] : [...address];
    let node = 0;
    for (let bit = 0; bit < padded.length * 8; bit++) {
      const at = node * NODE_BYTES + (((padded[bit >> 3]! >> (7 - (bit & 7))) & 1) === 1 ? 3 : 0);
      if (at + 3 > data.length) return undefined;
      node = data.readUIntLE(at, 3);
      if (node >= leaves) return placeOf(node);
    }
    return undefined;
  };
}

/** A record after its country: three texts that end with NUL, and numbers of three bytes. @throws RangeError when it is cut off */
function cityOf(data: Buffer, start: number, hasAreas: boolean): LegacyCity {
  let at = start;
  const text = (): string => {
    const end = data.indexOf(0, at);
    if (end < 0) throw new RangeError('a record ends in the middle of a text');
    const value = data.toString('latin1', at, end);
    at = end + 1;
    return value;
  };
  const number = (): number => {
    at += 3;
    return data.readUIntLE(at - 3, 3);
  };
  const degrees = (): number => number() / 10_000 - 180;
  const [region, name, postalCode] = [text(), text(), text()];
  const [latitude, longitude] = [degrees(), degrees()];
  const areas = hasAreas ? number() : undefined;
  return {
    region,
    name,
    postalCode,
    latitude,
    longitude,
    dmaCode: areas === undefined ? undefined : Math.floor(areas / 1000),
    areaCode: areas === undefined ? undefined : areas % 1000,
  };
}
