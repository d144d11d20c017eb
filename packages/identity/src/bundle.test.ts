import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addRoot, createBundle, dropRetired, renderBundle, signWith } from './bundle.ts';

const at = (hours: number) => new Date(hours * 3_600_000);
const root = (fingerprint: string, hours: number) => ({ fingerprint, certificatePem: `PEM ${fingerprint}\n`, addedAt: at(hours) });
const hour = 3_600_000;

test('a rotation: both roots are trusted from before the new one signs until after the old one’s last certificate', () => {
  const first = createBundle(root('a', 0));
  const both = addRoot(first, root('b', 10));
  assert.equal(renderBundle(both), 'PEM a\nPEM b\n');
  assert.equal(both.signing, 'a');
  assert.throws(() => signWith(both, 'b', at(10.5), hour), /not every proxy trusts it yet/);
  assert.throws(() => signWith(both, 'c', at(12), hour), /add it first/);
  const switched = signWith(both, 'b', at(11), hour);
  assert.equal(switched.signing, 'b');
  assert.equal(renderBundle(dropRetired(switched, at(34), 24 * hour)), 'PEM a\nPEM b\n');
  assert.equal(renderBundle(dropRetired(switched, at(35), 24 * hour)), 'PEM b\n');
});

test('each step may be repeated, and going back is a rotation too', () => {
  const both = addRoot(createBundle(root('a', 0)), root('b', 0));
  assert.equal(addRoot(both, root('b', 5)), both);
  const switched = signWith(both, 'b', at(2), hour);
  assert.equal(signWith(switched, 'b', at(3), hour), switched);
  const back = signWith(switched, 'a', at(4), hour);
  assert.deepEqual([back.signing, back.roots.map((entry) => entry.retiredAt)], ['a', [undefined, at(4)]]);
  assert.equal(dropRetired(back, at(5), 24 * hour), back);
});
