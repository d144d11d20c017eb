import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseXml } from './xml.ts';
import { textOf } from './xml-tree.ts';
import { parseXPath, selectXPath } from './xpath.ts';

const read = (text: string): string => {
  const parsed = parseXml(text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.reason);
  return textOf(parsed.root);
};

test('what an entity of the document stands for is seen, as the application sees it', () => {
  const rows: readonly (readonly [subset: string, content: string, wanted: string])[] = [
    ['<!ENTITY x "1 or 1=1">', 'id &x;', 'id 1 or 1=1'],
    ["<!ENTITY x 'a'><!ENTITY x 'b'>", '&x;', 'a'],
    ['<!ENTITY y "&x;c"><!ENTITY x "a&#98;">', '&y;', 'abc'],
    ['<!ENTITY x "<b>bold</b>">', '&x;', '<b>bold</b>'],
    ['<!ENTITY % p "a"><!ELEMENT a ANY><!-- <!ENTITY x "hidden"> -->', '[&x;]', '[]'],
    ['<!ENTITY amp "no"><!ENTITY constructor "own">', '&amp;&constructor;&toString;', '&own'],
  ];
  for (const [subset, content, wanted] of rows) {
    assert.equal(read(`<!DOCTYPE a [${subset}]><a>${content}</a>`), wanted, subset);
    const parsed = parseXml(`<!DOCTYPE a [${subset}]><a b="${content}"/>`);
    assert.equal(parsed.root?.attributes[0]?.value, wanted, `${subset} in an attribute`);
  }
});

test('entities that come to too much, or to themselves, are an error', () => {
  const nested = Array.from({ length: 12 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join('');
  for (const leaf of ['lol', ''])
    assert.equal(parseXml(`<!DOCTYPE a [<!ENTITY e0 "${leaf}">${nested}]><a>&e12;</a>`).ok, false, `of ${JSON.stringify(leaf)}`);
  assert.equal(parseXml('<!DOCTYPE a [<!ENTITY x "&x;">]><a>&x;</a>').ok, false);
  assert.equal(read(`<!DOCTYPE a [<!ENTITY e0 "lol">${nested}]><a>&e2;</a>`), 'lol'.repeat(100));
});

test('entities nest 20 deep, and come to a million characters, one more for each reference', () => {
  const nest = (depth: number) => Array.from({ length: depth }, (_, i) => `<!ENTITY e${i + 1} "&e${i};">`).join('');
  const deep = (depth: number) => parseXml(`<!DOCTYPE a [<!ENTITY e0 "x">${nest(depth)}]><a>&e${depth};</a>`).ok;
  assert.deepEqual([deep(20), deep(21)], [true, false]);
  const many = (count: number) => parseXml(`<!DOCTYPE a [<!ENTITY x "${'a'.repeat(999)}">]><a>${'&x;'.repeat(count)}</a>`).ok;
  assert.deepEqual([many(1000), many(1001)], [true, false]);
});

test('what a parameter entity may declare is not passed over', () => {
  const declared = '<!ENTITY % p "<!ENTITY x \'1 or 1=1\'>">';
  const parsed = parseXml(`<!DOCTYPE a [${declared} %p;]><a>&x;</a>`);
  assert.match(parsed.ok ? 'read' : parsed.reason, /parameter entity %p; is not read/);
  for (const unnamed of ['', '<!-- %p; -->', '<!ENTITY x "100%;">'])
    assert.ok(parseXml(`<!DOCTYPE a [${declared}${unnamed}]><a/>`).ok, unnamed);
});

test('XPath predicates', () => {
  const { root } = parseXml('<s:shop xmlns:s="urn:x"><item kind="a">1</item><item kind="b">2</item><s:note><b>x</b></s:note></s:shop>');
  const rows: readonly (readonly [path: string, wanted: readonly string[]])[] = [
    ["/*[local-name()='shop']/item", ['1', '2']],
    ["/*[name()='shop']", []],
    ['/*[name()="s:shop"]/note', ['x']],
    ["//item[@kind='b']", ['2']],
    ["//item[text()='1']", ['1']],
    ["//*[local-name() = 'note'][1]", []],
    ["//note[b='x']", ['x']],
    ["//note[b='y']", []],
    ['//*[@kind]', ['1', '2']],
  ];
  for (const [path, wanted] of rows) {
    if (path.endsWith('][1]')) assert.throws(() => parseXPath(path, new Map()), /wanted a path such as/);
    else assert.deepEqual(selectXPath(root, parseXPath(path, new Map())), wanted, path);
  }
});
