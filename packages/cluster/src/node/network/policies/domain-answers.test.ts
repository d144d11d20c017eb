import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeClock } from '@palisade/kubernetes/testing';
import { createDomainAnswers } from './domain-answers.ts';

function setup(inUse: Set<string> = new Set()) {
  const clock = createFakeClock();
  const stop = new AbortController();
  let expired = 0;
  const answers = createDomainAnswers({
    clock,
    signal: stop.signal,
    isInUse: async (address) => inUse.has(address),
    onExpired: () => expired++,
  });
  const pass = async (ms: number) => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { answers, pass, stop, expired: () => expired };
}

test('an address counts while its answer lives and a moment longer', async () => {
  const { answers, pass, expired } = setup();
  assert.equal(answers.observe('a.example', ['192.0.2.1'], 5), true);
  await pass(9_999);
  assert.deepEqual([...answers.current], [['a.example', ['192.0.2.1']]]);
  await pass(1);
  assert.equal(answers.current.size, 0);
  assert.equal(expired(), 1);
});

test('asked again it lives on; the map stays the same value', async () => {
  const { answers, pass, expired } = setup();
  answers.observe('a.example', ['192.0.2.1'], 5);
  const before = answers.current;
  await pass(4_000);
  assert.equal(answers.observe('a.example', ['192.0.2.1'], 5), false);
  assert.equal(answers.current, before);
  await pass(6_000);
  assert.equal(answers.current.size, 1);
  await pass(5_000);
  assert.equal(answers.current.size, 0);
  assert.equal(expired(), 1);
});

test('answers of several families and rounds add up, each with its own life', async () => {
  const { answers, pass } = setup();
  answers.observe('a.example', ['192.0.2.1'], 5);
  await pass(5_000);
  assert.equal(answers.observe('a.example', ['2001:db8::1'], 5), true);
  assert.deepEqual(answers.current.get('a.example'), ['192.0.2.1', '2001:db8::1']);
  await pass(5_000);
  assert.deepEqual(answers.current.get('a.example'), ['2001:db8::1']);
});

test('an address with an open connection stays until that ends', async () => {
  const inUse = new Set(['192.0.2.1']);
  const { answers, pass } = setup(inUse);
  answers.observe('a.example', ['192.0.2.1'], 5);
  for (let minute = 0; minute < 3; minute++) await pass(10_000);
  assert.equal(answers.current.size, 1);
  inUse.clear();
  await pass(10_000);
  assert.equal(answers.current.size, 0);
});

test('names are bounded: the oldest goes first', () => {
  const { answers, stop } = setup();
  for (let n = 0; n <= 1_000; n++) answers.observe(`n${n}.example`, ['192.0.2.1'], 5);
  assert.equal(answers.current.size, 1_000);
  assert.equal(answers.current.has('n0.example'), false);
  stop.abort();
});
