import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planNodes } from './fabric/addresses.ts';
import { createNodeTables } from './node-tables.ts';

test('a table is changed from what is known to be there, made anew after a failure, and left alone when nothing differs', async () => {
  const broken = new Set<string>();
  const applied: string[] = [];
  const change = createNodeTables<number>(planNodes(['node1', 'node2']), async (netns, text) => {
    const name = netns.slice(netns.lastIndexOf('node'));
    if (broken.has(name)) throw new Error(`no table on ${name}`);
    applied.push(`${name}: ${text}`);
  });
  const to = (state: number) => change((_node, before) => ({ text: before === state ? '' : `${before ?? 'nothing'} to ${state}`, state }));
  const lastApplied = () => applied.splice(0).sort();

  assert.equal(await to(1), true);
  assert.deepEqual(lastApplied(), ['node1: nothing to 1', 'node2: nothing to 1']);
  assert.equal(await to(1), false);
  assert.deepEqual(lastApplied(), []);
  broken.add('node1');
  await assert.rejects(to(2), /no table on node1/);
  assert.deepEqual(lastApplied(), ['node2: 1 to 2']);
  broken.clear();
  assert.equal(await to(2), true);
  assert.deepEqual(lastApplied(), ['node1: nothing to 2']);
});
