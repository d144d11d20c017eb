import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openGeoDatabase } from './geo.ts';

const COUNTRY_BEGIN = 0xff_ff_00;
const threeBytes = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff, value >> 16];
const degrees = (value: number): number[] => threeBytes(Math.round((value + 180) * 10_000));

/** A database with one network of whole bytes; `record` is what a leaf of a city edition points to. */
function build(prefix: readonly number[], edition: number, country: number, record: readonly number[] = []): Buffer {
  const isCity = [2, 6, 30, 31].includes(edition % 105);
  const bits = prefix.flatMap((byte) => Array.from({ length: 8 }, (_, i) => (byte >> (7 - i)) & 1));
  const count = bits.length;
  const nothing = isCity ? count : COUNTRY_BEGIN;
  // A record begins one byte after the nodes: a leaf that points to the very end of the nodes knows nothing.
  const found = isCity ? count + 1 : COUNTRY_BEGIN + country;
  const tree = bits.flatMap((bit, index) => {
    const next = index === count - 1 ? found : index + 1;
    return [bit === 0 ? next : nothing, bit === 0 ? nothing : next].flatMap(threeBytes);
  });
  const records = isCity ? [0, country, ...record] : [];
  return Buffer.from([...tree, ...records, 0xff, 0xff, 0xff, edition, ...(isCity ? threeBytes(count) : [])]);
}

const text = (...values: string[]): number[] => values.flatMap((value) => [...Buffer.from(value, 'latin1'), 0]);
const elSegundo = [...text('CA', 'El Segundo', '90245'), ...degrees(33.9164), ...degrees(-118.404), ...threeBytes(803_310)];
const country = (code: string, code3: string, name: string, continent: string) => ({
  COUNTRY_CODE: code,
  COUNTRY_CODE3: code3,
  COUNTRY_NAME: name,
  COUNTRY_CONTINENT: continent,
});
const unitedStates = country('US', 'USA', 'United States', 'NA');

describe('the older GeoIP format', () => {
  test('cities: degrees in four bytes, areas of the United States, regions by code or by name', () => {
    const city = { ...unitedStates, CITY: 'El Segundo', POSTAL_CODE: '90245', LATITUDE: '33.916401', LONGITUDE: '-118.403999' };
    const areas = { DMA_CODE: '803', AREA_CODE: '310' };
    for (const [edition, profile, wanted] of [
      [2, 'modsecurity2', { ...city, ...areas, REGION: 'CA' }],
      [2, 'modsecurity3', { ...city, ...areas, REGION: 'California' }],
      [107, 'modsecurity2', { ...city, ...areas, REGION: 'CA' }],
      [6, 'modsecurity2', { ...city, REGION: 'CA' }],
    ] as const) {
      const lookup = openGeoDatabase(build([64, 17, 254], edition, 225, elSegundo), profile);
      assert.deepEqual(lookup('64.17.254.216'), wanted, `edition ${edition}, ${profile}`);
      for (const other of ['64.17.255.1', '2001:db8::1', '', 'localhost']) assert.equal(lookup(other), undefined, other);
    }
    const elsewhere = build([200], 2, 31, [...text('30', 'Recife', ''), ...degrees(-8.05), ...degrees(-34.9)]);
    const recife = openGeoDatabase(elsewhere, 'modsecurity3')('200.1.2.3');
    assert.deepEqual(
      [recife?.['REGION'], recife?.['CITY'], recife?.['POSTAL_CODE'], recife?.['DMA_CODE']],
      ['30', 'Recife', '', undefined],
    );
  });

  test('countries, by IPv4 and IPv6; names with spaces; the last of the list; numbers that were never given out', () => {
    const of = (number: number, edition = 1) => openGeoDatabase(build([192, 0], edition, number), 'modsecurity2')('192.0.2.1');
    assert.deepEqual(of(225), unitedStates);
    assert.deepEqual(of(106, 106), country('IR', 'IRN', 'Iran, Islamic Republic of', 'AS'));
    assert.deepEqual(of(254), country('SS', 'SSD', 'South Sudan', 'AF'));
    for (const number of [0, 255]) assert.equal(of(number), undefined);
    const lookup = openGeoDatabase(build([0x20, 0x01, 0x0d, 0xb8], 12, 225), 'modsecurity2');
    assert.deepEqual([lookup('2001:db8::1'), lookup('2001:db9::1'), lookup('32.1.13.184')], [unitedStates, undefined, undefined]);
    const mapped = openGeoDatabase(build([...new Array<number>(12).fill(0), 192, 0], 12, 225), 'modsecurity2');
    assert.deepEqual(mapped('192.0.2.1'), unitedStates);
  });

  test('what is no such database is refused; a damaged one finds nothing, and never crashes or hangs', () => {
    const refused = (bytes: Uint8Array) => () => openGeoDatabase(bytes, 'modsecurity2');
    assert.throws(refused(Buffer.alloc(0)), /wanted a database in MaxMind DB \(\.mmdb\) or the older GeoIP format/);
    assert.throws(refused(Buffer.concat([build([1], 1, 1), Buffer.alloc(100)])), /found neither layout/);
    assert.throws(refused(build([1], 5, 1)), /found GeoIP edition 5, wanted one of countries/);
    assert.throws(refused(Buffer.from([0xff, 0xff, 0xff, 2, 1])), /wanted the number of nodes/);
    assert.throws(refused(Buffer.from([0xff, 0xff, 0xff, 2, 1, 1, 1])), /wanted a tree of 65793 nodes/);
    const good = build([64, 17, 254], 2, 225, elSegundo);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = Buffer.from(good);
        for (const [at, byte] of changes) damaged[at] = byte;
        let lookup: ReturnType<typeof openGeoDatabase>;
        try {
          lookup = openGeoDatabase(damaged, 'modsecurity2');
        } catch (error) {
          assert.match((error as Error).message, /^found /);
          return;
        }
        lookup('64.17.254.216');
      }),
    );
  });
});
