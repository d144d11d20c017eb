import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeClock } from '@palisade/kubernetes/testing';
import { createExpectations } from './expectations.ts';
import { decideClaims } from './ownership.ts';
import { slowStart } from './slow-start.ts';

test('nothing is counted before everything asked for was seen, or five minutes went by', () => {
  const clock = createFakeClock();
  const expectations = createExpectations(clock);
  expectations.expectCreations('k', 2);
  expectations.expectDeletions('k', ['u']);
  const states = [expectations.isSatisfied('k')];
  expectations.creationSeen('k');
  expectations.creationSeen('k');
  expectations.creationSeen('k');
  states.push(expectations.isSatisfied('k'));
  expectations.deletionSeen('k', 'other');
  states.push(expectations.isSatisfied('k'));
  expectations.deletionSeen('k', 'u');
  states.push(expectations.isSatisfied('k'));
  expectations.expectCreations('k', 1);
  states.push(expectations.isSatisfied('k'), expectations.isSatisfied('another'));
  clock.advance(5 * 60 * 1000 + 1);
  states.push(expectations.isSatisfied('k'));
  assert.deepEqual(states, [false, false, false, true, false, true, true]);
});

test('slow start doubles its batches and stops at the first that fails', async () => {
  const batches: number[] = [];
  const tick = async () => {
    batches[batches.length - 1]! += 1;
    await new Promise((resolve) => setImmediate(resolve));
  };
  let open = 0;
  const result = await slowStart(12, async (i) => {
    if (open++ === 0) batches.push(0);
    await tick();
    open -= 1;
    if (i === 5) throw new Error('quota');
  });
  assert.deepEqual(batches, [1, 2, 4]);
  assert.deepEqual([result.succeeded, (result.error as Error).message], [6, 'quota']);
  assert.deepEqual(await slowStart(0, async () => {}), { succeeded: 0 });
});

test('whom an owner owns, adopts and releases', () => {
  const owner = (isDeleting = false) => ({
    apiVersion: 'v1',
    kind: 'R',
    metadata: { name: 'r', uid: 'r', ...(isDeleting ? { deletionTimestamp: 'now' } : {}) },
  });
  const object = (name: string, ownerUid?: string, isDeleting = false) => ({
    apiVersion: 'v1',
    kind: 'O',
    metadata: {
      name,
      ...(ownerUid === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'R', name: 'x', uid: ownerUid, controller: true }] }),
      ...(isDeleting ? { deletionTimestamp: 'now' } : {}),
    },
  });
  const objects = [
    object('mine+', 'r'),
    object('mine-', 'r'),
    object('free+'),
    object('free-'),
    object('free+going', undefined, true),
    object('other+', 'other'),
  ];
  const names = (isDeleting: boolean) => {
    const claims = decideClaims(owner(isDeleting), ({ metadata }) => metadata.name!.includes('+'), objects);
    return [claims.owned, claims.adopt, claims.release].map((list) => list.map(({ metadata }) => metadata.name));
  };
  assert.deepEqual(names(false), [['mine+'], ['free+'], ['mine-']]);
  assert.deepEqual(names(true), [['mine+'], [], []]);
});
