import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SchemaRegistry } from '../schema/registry.ts';
import { difference, type FieldSet, fieldsOf, intersection, isEmpty, parseFields, renderFields, renderPaths, union } from './field-set.ts';
import { compare, merge, prune } from './merge.ts';
import { builtinShape } from './shape.ts';

const isSame = (a: FieldSet, b: FieldSet) => isEmpty(difference(a, b)) && isEmpty(difference(b, a));
const shape = builtinShape(SchemaRegistry.builtin(), 'io.k8s.api.core.v1.Service');

/** Objects that look like Services, with keys, sets, maps and atomic parts. */
const port = fc.record(
  { name: fc.constantFrom('a', 'b'), port: fc.integer({ min: 1, max: 5 }), protocol: fc.constantFrom('TCP', 'UDP') },
  { requiredKeys: ['port'] },
);
const drawn = fc.record(
  {
    metadata: fc.record({ labels: fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom('1', '2')) }),
    spec: fc.record(
      {
        type: fc.constantFrom('ClusterIP', 'NodePort'),
        selector: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2')),
        ports: fc.uniqueArray(port, { selector: ({ port: number, protocol = 'TCP' }) => `${number} ${protocol}` }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

/** As JSON makes objects. */
const service = drawn.map((object) => JSON.parse(JSON.stringify(object)) as object);

test('a set is the same after it was written and read', () => {
  fc.assert(
    fc.property(service, (object) => {
      const set = fieldsOf(shape, object);
      assert.ok(isSame(parseFields(JSON.parse(JSON.stringify(renderFields(set))))!, set));
    }),
  );
});

test('sets obey the laws of sets', () => {
  fc.assert(
    fc.property(service, service, (one, two) => {
      const [a, b] = [fieldsOf(shape, one), fieldsOf(shape, two)];
      assert.ok(isSame(union(difference(a, b), intersection(a, b)), a));
      assert.ok(isEmpty(intersection(difference(a, b), b)));
      assert.ok(isSame(union(a, b), union(b, a)));
    }),
  );
});

test('nothing changes between equal objects, and merging an object over itself leaves it', () => {
  fc.assert(
    fc.property(service, (object) => {
      const { changed, removed } = compare(shape, object, JSON.parse(JSON.stringify(object)));
      assert.ok(isEmpty(changed) && isEmpty(removed));
      assert.deepEqual(merge(shape, object, JSON.parse(JSON.stringify(object))), object);
    }),
  );
});

test('what was merged in is there: merging it again changes nothing', () => {
  fc.assert(
    fc.property(service, service, (live, config) => {
      const once = merge(shape, live, config);
      assert.deepEqual(merge(shape, once, config), once);
    }),
  );
});

test('pruning what is still owned takes nothing away', () => {
  fc.assert(
    fc.property(service, (object) => {
      const set = fieldsOf(shape, object);
      assert.deepEqual(prune(shape, object, set, set), object);
    }),
  );
});

test('paths as people read them', () => {
  const set = fieldsOf(shape, {
    metadata: { labels: { a: '1' }, finalizers: ['f'] },
    spec: { ports: [{ port: 80 }], selector: { a: 'b' } },
  });
  assert.deepEqual(renderPaths(set), [
    '.metadata.finalizers[="f"]',
    '.metadata.labels.a',
    '.spec.selector',
    '.spec.ports[port=80,protocol="TCP"]',
    '.spec.ports[port=80,protocol="TCP"].port',
  ]);
});

test('what is no FieldsV1 is not taken for one', () => {
  for (const value of [null, [], 'f:a', { a: {} }, { 'f:a': 1 }, { 'f:a': { 'x:b': {} } }]) assert.equal(parseFields(value), undefined);
});

test('long lists are merged in one pass, not one for each new element', { timeout: 20_000 }, () => {
  const count = 100_000;
  const finalizers = (prefix: string) => [...Array.from({ length: count }, (_, i) => `example.com/${prefix}${i}`), 'example.com/shared'];
  const live = { metadata: { finalizers: finalizers('a') } };
  const merged = merge(shape, live, { metadata: { finalizers: finalizers('b') } }) as typeof live;
  const found = merged.metadata.finalizers;
  assert.equal(found.length, 2 * count + 1);
  assert.deepEqual([found[0], found[count]], ['example.com/a0', 'example.com/b0']);
  assert.deepEqual(found.slice(-2), [`example.com/b${count - 1}`, 'example.com/shared']);
});
