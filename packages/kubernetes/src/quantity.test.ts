import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { addQuantity, canonicalQuantity, compareQuantity, formatQuantity, isQuantity, parseQuantity } from './quantity.ts';

describe('quantities', () => {
  const rows: [text: string, value: number, canonical: string][] = [
    ['0', 0, '0'],
    ['1', 1, '1'],
    ['0.5', 0.5, '500m'],
    ['1000m', 1, '1'],
    ['100m', 0.1, '100m'],
    ['64Mi', 67108864, '64Mi'],
    ['1024Mi', 1073741824, '1Gi'],
    ['1.5Gi', 1610612736, '1536Mi'],
    ['512Ki', 524288, '512Ki'],
    ['0.5Ki', 512, '512'],
    ['1e3', 1000, '1e3'],
    ['12E', 12e18, '12E'],
    ['-1k', -1000, '-1k'],
    ['.5', 0.5, '500m'],
    ['1.', 1, '1'],
    ['0.1n', 1e-9, '1n'],
  ];
  for (const [text, value, canonical] of rows) {
    test(`${text} is ${value}, stored as ${canonical}`, () => {
      assert.equal(parseQuantity(text), value);
      assert.equal(canonicalQuantity(text), canonical);
    });
  }
  for (const text of ['', 'abc', '1Kb', '1 Mi', '--1', '.', '1e', '0x10', '1Ki2']) {
    test(`"${text}" is refused`, () => {
      assert.equal(isQuantity(text), false);
      assert.throws(() => parseQuantity(text), RangeError);
    });
  }
  test('the stored form is a fixed point with the same value', () => {
    const text = fc
      .tuple(fc.integer({ min: -99999, max: 99999 }), fc.nat(999), fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Mi', 'Gi', 'e2'))
      .map(([whole, part, suffix]) => `${whole}.${part}${suffix}`);
    fc.assert(
      fc.property(text, (t) => {
        const stored = canonicalQuantity(t);
        assert.equal(canonicalQuantity(stored), stored);
        assert.equal(compareQuantity(t, stored), 0);
      }),
    );
  });
  test('arithmetic is exact and keeps the first format', () => {
    assert.equal(addQuantity('0.1', '0.2'), '300m');
    assert.equal(addQuantity('512Mi', '512Mi'), '1Gi');
    assert.equal(compareQuantity('1Gi', '1G') > 0, true);
    assert.equal(formatQuantity(1073741824, true), '1Gi');
    assert.equal(formatQuantity(0.25), '250m');
  });
});
