import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeClock } from '@palisade/kubernetes/testing';
import { createCoalescer } from './coalesce.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

function setup(act: () => Promise<void>) {
  const clock = createFakeClock();
  const stop = new AbortController();
  const errors: unknown[] = [];
  return {
    clock,
    stop,
    errors,
    coalescer: createCoalescer(act, { pauseMs: 10, clock, signal: stop.signal, onError: (error) => errors.push(error) }),
  };
}

test('triggers of one turn are one run; a trigger during a run is one more after the pause', async () => {
  let runs = 0;
  const { clock, coalescer } = setup(async () => {
    runs++;
    if (runs === 1) void coalescer.trigger();
  });
  await Promise.all([coalescer.trigger(), coalescer.trigger(), coalescer.trigger()]);
  assert.equal(runs, 1);
  await turn();
  assert.equal(runs, 1);
  clock.advance(10);
  await turn();
  assert.equal(runs, 2);
  clock.advance(100);
  await turn();
  assert.equal(runs, 2);
});

test('a run that began before the trigger does not count', async () => {
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  const { clock, coalescer } = setup(async () => {
    if (++runs === 1) await gate.promise;
  });
  const first = coalescer.trigger();
  await turn();
  let isSecondDone = false;
  const second = coalescer.trigger().then(() => {
    isSecondDone = true;
  });
  gate.resolve();
  await first;
  await turn();
  assert.equal(isSecondDone, false);
  clock.advance(10);
  await second;
  assert.equal(runs, 2);
});

test('a failed run is told, repeated with growing waits, and resolves its callers when it succeeds', async () => {
  let runs = 0;
  const { clock, errors, coalescer } = setup(async () => {
    if (++runs < 3) throw new Error(`no ${runs}`);
  });
  const done = coalescer.trigger();
  await turn();
  assert.deepEqual([runs, errors.length], [1, 1]);
  clock.advance(99);
  await turn();
  assert.equal(runs, 1);
  clock.advance(1);
  await turn();
  assert.deepEqual([runs, errors.length], [2, 2]);
  clock.advance(200);
  await done;
  assert.equal(runs, 3);
});

test('after the signal nothing runs and nobody waits', async () => {
  let runs = 0;
  const { stop, coalescer } = setup(async () => {
    runs++;
    throw new Error('never succeeds');
  });
  const waiting = coalescer.trigger();
  await turn();
  stop.abort();
  await waiting;
  await coalescer.trigger();
  assert.equal(runs, 1);
});
