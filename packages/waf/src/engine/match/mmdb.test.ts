import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openGeoDatabase } from './geo.ts';

type Value = string | number | readonly Value[] | { readonly [key: string]: Value } | { readonly double: number };

/** A value in the format's own coding (MaxMind DB 2.0, "Data Field Format"). */
function encode(value: Value): number[] {
  const head = (type: number, size: number): number[] => {
    const [short, more] = size < 29 ? [size, []] : [29, [size - 29]];
    return type < 8 ? [(type << 5) | short, ...more] : [short, type - 7, ...more];
  };
  if (typeof value === 'string') {
    const bytes = [...Buffer.from(value, 'utf8')];
    return [...head(2, bytes.length), ...bytes];
  }
  if (typeof value === 'number') {
    const bytes = value === 0 ? [] : [...Buffer.from(value.toString(16).padStart(8, '0'), 'hex')];
    return [...head(6, bytes.length), ...bytes];
  }
  if (Array.isArray(value)) return [...head(11, value.length), ...value.flatMap(encode)];
  if ('double' in value) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE((value as { double: number }).double);
    return [...head(3, 8), ...bytes];
  }
  const entries = Object.entries(value as Record<string, Value>);
  return [...head(7, entries.length), ...entries.flatMap(([key, item]) => [...encode(key), ...encode(item)])];
}

/** A database with one network of whole bytes, in records of 24, 28 or 32 bits. */
function build(prefix: readonly number[], record: Value, recordBits: number, version: 4 | 6): Buffer {
  const bits = [...(version === 6 ? new Array<number>(12).fill(0) : []), ...prefix].flatMap((byte) =>
    Array.from({ length: 8 }, (_, i) => (byte >> (7 - i)) & 1),
  );
  const count = bits.length;
  const tree = bits.flatMap((bit, index) => {
    const next = index === count - 1 ? count + 16 : index + 1;
    const [left, right] = bit === 0 ? [next, count] : [count, next];
    const bytes = (value: number, length: number) => Array.from({ length }, (_, i) => (value >>> (8 * (length - 1 - i))) & 0xff);
    if (recordBits === 28) return [...bytes(left, 3), 0, ...bytes(right, 3)];
    return [...bytes(left, recordBits / 8), ...bytes(right, recordBits / 8)];
  });
  const metadata = encode({ node_count: count, record_size: recordBits, ip_version: version });
  return Buffer.from([
    ...tree,
    ...new Array<number>(16).fill(0),
    ...encode(record),
    ...Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    ...metadata,
  ]);
}

const place = {
  country: { iso_code: 'BR', names: { en: 'Brazil' } },
  continent: { names: { en: 'South America' } },
  subdivisions: [{ names: { en: 'Pernambuco' } }],
  city: { names: { en: 'Łódź', pt: 'Recife, a capital do estado de Pernambuco' } },
  location: { latitude: { double: -8.051502 }, longitude: { double: -34.9 }, metro_code: 803 },
} satisfies Value;

describe('MaxMind databases', () => {
  for (const [bits, version] of [
    [24, 4],
    [28, 6],
    [32, 6],
  ] as const)
    test(`records of ${bits} bits, IP version ${version}`, () => {
      const lookup = openGeoDatabase(build([200, 249, 12], place, bits, version), 'modsecurity3');
      assert.deepEqual(lookup('200.249.12.31'), {
        COUNTRY_CODE: 'BR',
        COUNTRY_NAME: 'Brazil',
        COUNTRY_CONTINENT: 'South America',
        REGION: 'Pernambuco',
        CITY: Buffer.from('Łódź').toString('latin1'),
        LATITUDE: '-8.051502',
        LONGITUDE: '-34.900000',
        DMA_CODE: '803',
      });
      for (const other of ['200.249.13.1', '2001:db8::1', '', 'localhost']) assert.equal(lookup(other), undefined, other);
    });

  test('what is no such database is refused; a damaged one finds nothing, and never crashes or hangs', () => {
    assert.throws(() => openGeoDatabase(Buffer.from('GeoIP city edition 1'), 'modsecurity3'), /wanted a database in MaxMind DB/);
    const good = build([200, 249, 12], place, 24, 4);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = Buffer.from(good);
        for (const [at, byte] of changes) damaged[at] = byte;
        let lookup: ReturnType<typeof openGeoDatabase>;
        try {
          lookup = openGeoDatabase(damaged, 'modsecurity3');
        } catch (error) {
          assert.ok(error instanceof Error);
          return;
        }
        lookup('200.249.12.31');
      }),
    );
  });
});
