import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatLabelSelector, matchLabelSelector, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { isStatusError } from './status.ts';

describe('parseLabelSelector', () => {
  const labels = { app: 'web', tier: 'front', 'example.com/rank': '7' };
  const rows: [selector: string, matches: boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app=db', false],
    ['missing!=x', true],
    ['app in (web, db)', true],
    ['app in (db)', false],
    ['app notin (db)', true],
    ['missing notin (x)', true],
    ['app', true],
    ['!app', false],
    ['!missing', true],
    ['example.com/rank>6', true],
    ['example.com/rank<7', false],
    ['app>1', false],
    ['missing=', false],
    ['constructor', false],
  ];
  for (const [selector, matches] of rows) {
    test(`"${selector}" ${matches ? 'matches' : 'does not match'}`, () => assert.equal(parseLabelSelector(selector)(labels), matches));
  }

  for (const bad of ['app=', 'a b', 'app in web', 'app in (web', '=x', 'app=web,', 'a/b/c=d', 'app=-x', 'n>x', 'a=b=c', '!']) {
    test(`"${bad}" ${bad === 'app=' ? 'means the empty value' : 'is refused with 400'}`, () => {
      if (bad === 'app=') assert.equal(parseLabelSelector(bad)({ app: '' }), true);
      else
        assert.throws(
          () => parseLabelSelector(bad),
          (e) => isStatusError(e, 'BadRequest') && e.code === 400,
        );
    });
  }
});

describe('matchLabelSelector', () => {
  test('no selector matches nothing, an empty one everything', () => {
    assert.equal(matchLabelSelector(undefined, { a: 'b' }), false);
    assert.equal(matchLabelSelector({}, undefined), true);
  });
  test('an unknown operator matches nothing', () => {
    assert.equal(matchLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] }, { a: 'b' }), false);
  });

  const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
  const expression = fc.oneof(
    fc.record({ key: word, operator: fc.constantFrom('In', 'NotIn'), values: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }) }),
    fc.record({ key: word, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  );
  test('the text form of a selector decides as the object form', () => {
    const selector = fc.record({
      matchLabels: fc.dictionary(word, word, { maxKeys: 2 }),
      matchExpressions: fc.array(expression, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(selector, fc.dictionary(word, word, { maxKeys: 4 }), (s, labels) => {
        assert.equal(parseLabelSelector(formatLabelSelector(s))(labels), matchLabelSelector(s, labels));
      }),
    );
  });
});

describe('parseFieldSelector', () => {
  test('reads terms, operators and escapes', () => {
    assert.deepEqual(parseFieldSelector('metadata.name=x,status.phase!=Running,spec.a==b\\,c\\=d'), [
      { field: 'metadata.name', op: '=', value: 'x' },
      { field: 'status.phase', op: '!=', value: 'Running' },
      { field: 'spec.a', op: '=', value: 'b,c=d' },
    ]);
    assert.deepEqual(parseFieldSelector(''), []);
  });
  for (const bad of ['metadata.name', 'a=b=c', '=,x']) {
    test(`"${bad}" is refused`, () =>
      assert.throws(
        () => parseFieldSelector(bad),
        (e) => isStatusError(e, 'BadRequest'),
      ));
  }
});
