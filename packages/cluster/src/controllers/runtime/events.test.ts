import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeClient, createFakeClock } from '@palisade/kubernetes/testing';
import { createEventRecorder } from './events.ts';
import { Resource } from './resources.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'shop', uid: 'u', resourceVersion: '3' } };
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'n' } };

test('a repetition counts up, within an hour; another message is another event', async () => {
  const clock = createFakeClock();
  const client = createFakeClient(clock.now);
  const recorder = createEventRecorder({ client, clock, component: 'kubelet', host: 'n', log: () => {} });
  for (let i = 0; i < 3; i++) {
    recorder.event(pod, 'Warning', 'BackOff', 'Back-off restarting');
    clock.advance(1000);
  }
  recorder.event(pod, 'Warning', 'BackOff', 'something else');
  recorder.event(node, 'Normal', 'Ready', 'is ready');
  await recorder.flush();
  clock.advance(2 * 60 * 60 * 1000);
  recorder.event(pod, 'Warning', 'BackOff', 'Back-off restarting');
  await recorder.flush();
  const found = (await client.list(Resource.events)).items.map((event) => [
    event.metadata.namespace,
    event['message'],
    event['count'],
    event['firstTimestamp'],
    event['lastTimestamp'],
  ]);
  assert.deepEqual(found, [
    ['shop', 'Back-off restarting', 3, '2026-01-01T00:00:00Z', '2026-01-01T00:00:02Z'],
    ['shop', 'something else', 1, '2026-01-01T00:00:03Z', '2026-01-01T00:00:03Z'],
    ['default', 'is ready', 1, '2026-01-01T00:00:03Z', '2026-01-01T00:00:03Z'],
    ['shop', 'Back-off restarting', 1, '2026-01-01T02:00:03Z', '2026-01-01T02:00:03Z'],
  ]);
  const [first] = (await client.list(Resource.events)).items;
  assert.deepEqual(first!['involvedObject'], {
    apiVersion: 'v1',
    kind: 'Pod',
    name: 'p',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '3',
  });
  assert.deepEqual(first!['source'], { component: 'kubelet', host: 'n' });
});

test('an event that was removed is written anew; a failure is only logged', async () => {
  const clock = createFakeClock();
  const client = createFakeClient(clock.now);
  const log: string[] = [];
  const recorder = createEventRecorder({ client, clock, component: 'c', log: (_level, message) => log.push(message) });
  recorder.event(pod, 'Normal', 'R', 'm');
  await recorder.flush();
  const [event] = (await client.list(Resource.events)).items;
  await client.delete(Resource.events, { namespace: 'shop', name: event!.metadata.name! });
  clock.advance(1000);
  recorder.event(pod, 'Normal', 'R', 'm');
  await recorder.flush();
  assert.equal((await client.list(Resource.events)).items.length, 1);
  client.intercept = () => {
    throw new Error('no');
  };
  recorder.event(pod, 'Normal', 'R', 'other');
  await recorder.flush();
  assert.deepEqual(log, ['event R of Pod p not written: Error: no']);
});
