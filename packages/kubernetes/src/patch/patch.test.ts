import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SchemaRegistry } from '../schema/registry.ts';
import { isStatusError } from '../status.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const registry = SchemaRegistry.builtin();
const refusedWith = (code: number) => (e: unknown) => isStatusError(e) && e.code === code;

describe('merge patch', () => {
  // RFC 7386 appendix A
  const rows: [target: unknown, patch: unknown, result: unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  ];
  for (const [target, patch, result] of rows) {
    test(`${JSON.stringify(target)} with ${JSON.stringify(patch)}`, () => assert.deepEqual(applyMergePatch(target, patch), result));
  }
  test('__proto__ is a key like any other', () => {
    const out = applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":1}}')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(out), ['__proto__']);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });
});

describe('JSON patch', () => {
  const target = { a: { 'x/y': 1, '~': 2 }, l: [1, 2, 3] };
  const rows: [name: string, patch: unknown[], result: unknown][] = [
    [
      'escapes',
      [
        { op: 'replace', path: '/a/x~1y', value: 5 },
        { op: 'remove', path: '/a/~0' },
      ],
      { a: { 'x/y': 5 }, l: [1, 2, 3] },
    ],
    [
      'insert and append',
      [
        { op: 'add', path: '/l/1', value: 9 },
        { op: 'add', path: '/l/-', value: 8 },
      ],
      { ...target, l: [1, 9, 2, 3, 8] },
    ],
    [
      'move and copy',
      [
        { op: 'move', from: '/l/0', path: '/first' },
        { op: 'copy', from: '/first', path: '/l/0' },
      ],
      { ...target, first: 1, l: [1, 2, 3] },
    ],
    ['test passes', [{ op: 'test', path: '/a', value: { '~': 2, 'x/y': 1 } }], target],
    ['whole document', [{ op: 'replace', path: '', value: { z: 1 } }], { z: 1 }],
  ];
  for (const [name, patch, result] of rows) test(name, () => assert.deepEqual(applyJsonPatch(target, patch), result));

  const refusals: [name: string, code: number, patch: unknown][] = [
    ['a failed test', 422, [{ op: 'test', path: '/l/0', value: 2 }]],
    ['a missing path', 422, [{ op: 'remove', path: '/nope' }]],
    ['an index past the end', 422, [{ op: 'add', path: '/l/4', value: 1 }]],
    ['an inherited property', 422, [{ op: 'remove', path: '/constructor' }]],
    ['a move into itself', 422, [{ op: 'move', from: '/a', path: '/a/b' }]],
    ['an unknown operation', 422, [{ op: 'swap', path: '/a' }]],
    ['no list', 400, {}],
    ['no pointer', 400, [{ op: 'remove', path: 'a' }]],
    ['too many operations', 413, Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/l/0', value: 1 }))],
  ];
  for (const [name, code, patch] of refusals) {
    test(`${name} is refused with ${code} and changes nothing`, () => {
      const before = structuredClone(target);
      assert.throws(() => applyJsonPatch(target, patch), refusedWith(code));
      assert.deepEqual(target, before);
    });
  }
});

test('refusals say in their cause what the library of the real server says', () => {
  const rows: [operation: object, why: string][] = [
    [{ op: 'add', path: '/x/y', value: 1 }, 'add operation does not apply: doc is missing path: "/x/y": missing value'],
    [{ op: 'add', path: '/l/9', value: 1 }, "error in add for path: '/l/9': Unable to access invalid index: 9: invalid index referenced"],
    [{ op: 'remove', path: '/x' }, "error in remove for path: '/x': Unable to remove nonexistent key: x: missing value"],
    [{ op: 'remove', path: '/l/z' }, 'error in remove for path: \'/l/z\': strconv.Atoi: parsing "z": invalid syntax'],
    [{ op: 'replace', path: '/l/9', value: 1 }, 'replace operation does not apply: doc is missing key: /l/9: missing value'],
    [{ op: 'move', from: '/x', path: '/y' }, "error in move for path: 'x': Unable to remove nonexistent key: x: missing value"],
    [{ op: 'copy', from: '/x/y', path: '/z' }, 'copy operation does not apply: doc is missing from path: /x/y: missing value'],
    [{ op: 'test', path: '/x', value: 1 }, 'testing value /x failed: test failed'],
    [{ op: 'shake', path: '/x' }, 'Unexpected kind: shake'],
  ];
  for (const [operation, why] of rows)
    assert.throws(
      () => applyJsonPatch({ l: [1] }, [operation]),
      ({ cause }: Error) => (cause as Error).message === why,
      why,
    );
  assert.deepEqual(applyJsonPatch({ l: [1, 2] }, [{ op: 'remove', path: '/l/-1' }]), { l: [1] });
  assert.deepEqual(applyJsonPatch({}, [{ op: 'copy', from: '/x', path: '/y' }]), { y: null });
});

describe('strategic merge patch', () => {
  const pod = { group: '', version: 'v1', kind: 'Pod' };
  const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
  const on = (target: unknown, patch: unknown, gvk = pod): unknown => applyStrategicMergePatch(registry, gvk, target, patch);
  const containers = (...names: string[]): unknown[] => names.map((name) => ({ name, image: 'a' }));
  const namesOf = (value: unknown): string[] => (value as { spec: { containers: { name: string }[] } }).spec.containers.map((c) => c.name);

  const rows: [name: string, target: unknown, patch: unknown, result: unknown][] = [
    [
      'lists with a key merge by it',
      { spec: { containers: containers('a', 'b') } },
      { spec: { containers: [{ name: 'b', image: 'z' }] } },
      {
        spec: {
          containers: [
            { name: 'a', image: 'a' },
            { name: 'b', image: 'z' },
          ],
        },
      },
    ],
    [
      'nested keys: env by name',
      { spec: { containers: [{ name: 'a', env: [{ name: 'X', value: '1' }] }] } },
      { spec: { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }] }] } },
      {
        spec: {
          containers: [
            {
              name: 'a',
              env: [
                { name: 'Y', value: '2' },
                { name: 'X', value: '1' },
              ],
            },
          ],
        },
      },
    ],
    [
      'atomic lists are replaced',
      { spec: { containers: [{ name: 'a', args: ['1', '2'] }] } },
      { spec: { containers: [{ name: 'a', args: ['3'] }] } },
      { spec: { containers: [{ name: 'a', args: ['3'] }] } },
    ],
    [
      'tolerations are atomic',
      { spec: { tolerations: [{ key: 'a' }] } },
      { spec: { tolerations: [{ key: 'b' }] } },
      { spec: { tolerations: [{ key: 'b' }] } },
    ],
    [
      '$patch: delete removes an element',
      { spec: { containers: containers('a', 'b') } },
      { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
      { spec: { containers: containers('b') } },
    ],
    [
      '$patch: replace replaces a list',
      { spec: { containers: containers('a', 'b') } },
      { spec: { containers: [{ $patch: 'replace' }, { name: 'c' }] } },
      { spec: { containers: [{ name: 'c' }] } },
    ],
    [
      '$patch: replace replaces an object',
      { spec: { nodeSelector: { a: '1' } } },
      { spec: { nodeSelector: { $patch: 'replace', b: '2' } } },
      { spec: { nodeSelector: { b: '2' } } },
    ],
    [
      '$patch: delete empties an object',
      { metadata: { labels: { a: '1' } } },
      { metadata: { labels: { $patch: 'delete' } } },
      { metadata: { labels: {} } },
    ],
    [
      'null removes, and is dropped where nothing is',
      { metadata: { labels: { a: '1' } } },
      { metadata: { labels: { a: null, b: null }, annotations: { c: null } } },
      { metadata: { labels: {}, annotations: {} } },
    ],
    [
      'finalizers are a set',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['b', 'c'] } },
      { metadata: { finalizers: ['b', 'c'] } },
    ],
    [
      '$retainKeys clears the other sources of a volume',
      { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
      { spec: { volumes: [{ name: 'v', hostPath: { path: '/x' }, $retainKeys: ['name', 'hostPath'] }] } },
      { spec: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] } },
    ],
    [
      'directives in a new element vanish',
      { spec: {} },
      { spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'emptyDir'], emptyDir: { medium: null } }] } },
      { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
    ],
  ];
  for (const [name, target, patch, result] of rows) {
    test(name, () => {
      const before = structuredClone(target);
      assert.deepEqual(on(target, patch), result);
      assert.deepEqual(target, before);
    });
  }

  test('deployment strategy retains only what is named', () => {
    const target = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { type: 'Recreate', $retainKeys: ['type'] } } };
    assert.deepEqual(on(target, patch, deployment), { spec: { strategy: { type: 'Recreate' } } });
  });

  const orders: [name: string, before: string[], patch: string[], order: string[], after: string[]][] = [
    ['reorders', ['a', 'b', 'c'], [], ['c', 'b', 'a'], ['c', 'b', 'a']],
    ['puts a new element where the order says', ['a', 'b'], ['n'], ['a', 'n', 'b'], ['a', 'n', 'b']],
    ['keeps what only the server has in place', ['a', 'server', 'b'], ['b'], ['a', 'b'], ['a', 'server', 'b']],
    ['a server element before all stays before', ['server', 'a'], [], ['a'], ['server', 'a']],
  ];
  for (const [name, before, patch, order, after] of orders) {
    test(`$setElementOrder ${name}`, () => {
      const directive = { '$setElementOrder/containers': order.map((n) => ({ name: n })) };
      const spec = patch.length > 0 ? { ...directive, containers: patch.map((n) => ({ name: n, image: 'z' })) } : directive;
      assert.deepEqual(namesOf(on({ spec: { containers: containers(...before) } }, { spec })), after);
    });
  }

  const refusals: [name: string, code: number, patch: unknown][] = [
    ['an element without its key', 500, { spec: { containers: [{ image: 'x' }] } }],
    ['an unknown directive', 500, { spec: { $patch: 'mangle' } }],
    ['$retainKeys that misses a key', 422, { spec: { volumes: [{ name: 'v', hostPath: {}, $retainKeys: ['name'] }] } }],
    ['no object', 400, []],
  ];
  for (const [name, code, patch] of refusals) {
    test(`${name} is refused with ${code}`, () =>
      assert.throws(() => on({ spec: { containers: containers('a') } }, patch), refusedWith(code)));
  }

  test('on labels it is a merge patch', () => {
    const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.string({ maxLength: 2 }));
    const patches = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.option(fc.string({ maxLength: 2 })));
    fc.assert(
      fc.property(labels, patches, (target, patch) => {
        assert.deepEqual(
          on({ metadata: { labels: target } }, { metadata: { labels: patch } }),
          applyMergePatch({ metadata: { labels: target } }, { metadata: { labels: patch } }),
        );
      }),
    );
  });
});
