import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeClock } from './testing/fake-clock.ts';
import { createWorkQueue } from './work-queue.ts';

const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('a key waits once, runs alone, and runs again when added meanwhile', async () => {
  const runs: string[] = [];
  let release = () => {};
  const queue = createWorkQueue({
    clock: createFakeClock(),
    concurrency: 2,
    async process(key) {
      runs.push(key);
      if (key === 'slow') await new Promise<void>((resolve) => (release = resolve));
    },
  });
  queue.add('slow');
  queue.add('slow');
  assert.deepEqual(runs, [], 'nothing before start');
  queue.start();
  await turns();
  queue.add('slow');
  queue.add('slow');
  queue.add('other');
  await turns();
  assert.deepEqual(runs, ['slow', 'other']);
  release();
  await turns();
  assert.deepEqual(runs, ['slow', 'other', 'slow']);
  release();
  await turns();
  assert.equal(queue.isIdle(), true);
});

test('at most `concurrency` keys run', async () => {
  let running = 0;
  let most = 0;
  const queue = createWorkQueue({
    clock: createFakeClock(),
    concurrency: 3,
    async process() {
      most = Math.max(most, ++running);
      await turns();
      running -= 1;
    },
  });
  for (let i = 0; i < 10; i++) queue.add(`k${i}`);
  queue.start();
  while (!queue.isIdle()) await turns();
  assert.equal(most, 3);
});

test('failures are retried after 5, 10, 20 ms … and the wait is forgotten after a success', async () => {
  const clock = createFakeClock();
  const at: number[] = [];
  const start = clock.now().getTime();
  let failures = 3;
  const errors: number[] = [];
  const queue = createWorkQueue({
    clock,
    async process() {
      at.push(clock.now().getTime() - start);
      if (failures-- > 0) throw new Error('no');
    },
    onError: (_key, _error, retries) => errors.push(retries),
  });
  queue.start();
  queue.add('k');
  for (let i = 0; i < 100; i++) {
    await turns();
    clock.advance(1);
  }
  assert.deepEqual(at, [0, 5, 15, 35]);
  assert.deepEqual(errors, [0, 1, 2]);
  failures = 1;
  at.length = 0;
  const again = clock.now().getTime() - start;
  queue.add('k');
  for (let i = 0; i < 20; i++) {
    await turns();
    clock.advance(1);
  }
  assert.deepEqual(at, [again, again + 5]);
});

test('a returned delay asks again; the earliest of several wins; stop ends it all', async () => {
  const clock = createFakeClock();
  let runs = 0;
  const queue = createWorkQueue({
    clock,
    async process() {
      runs += 1;
      return 1000;
    },
  });
  queue.start();
  queue.addAfter('k', 500);
  queue.addAfter('k', 900);
  queue.addAfter('k', 100);
  clock.advance(100);
  await turns();
  assert.equal(runs, 1);
  clock.advance(999);
  await turns();
  assert.equal(runs, 1);
  clock.advance(1);
  await turns();
  assert.equal(runs, 2);
  await queue.stop();
  assert.equal(clock.pending, 0);
  queue.add('k');
  await turns();
  assert.equal(runs, 2);
});
