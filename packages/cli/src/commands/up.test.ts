import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNodes } from './up.ts';

test('a number makes that many nodes', () => assert.deepEqual(parseNodes('2'), ['node1', 'node2']));
test('names are kept in order', () => assert.deepEqual(parseNodes('node1, es-node'), ['node1', 'es-node']));
for (const text of ['0', '51', 'a,a', 'UPPER', '', 'a,', '-a', 'x'.repeat(64)]) {
  test(`"${text}" is refused`, () => assert.throws(() => parseNodes(text), /^Error: Cannot/));
}
