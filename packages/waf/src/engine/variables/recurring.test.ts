import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recurring } from './recurring.ts';

test('what keeps coming stays, what is made up goes', () => {
  const recurring = new Recurring<string>();
  recurring.keep('host', () => 'known');
  for (let i = 0; i < 5000; i++) {
    recurring.keep(`made-up-${i}`, (text) => text);
    assert.equal(recurring.get('host'), 'known');
  }
  assert.equal(recurring.get('made-up-4999'), 'made-up-4999');
  assert.equal(recurring.get('made-up-1'), undefined);
});

test('false is kept, too', () => {
  const recurring = new Recurring<boolean>();
  assert.equal(
    recurring.keep('a', () => false),
    false,
  );
  assert.equal(recurring.get('a'), false);
});
