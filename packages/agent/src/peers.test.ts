import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '@palisade/xds/api/envoy/service/discovery/v3/discovery';
import type { ClientEvents } from '@palisade/xds/grpc';
import { peerName, renderPeer } from '@palisade/xds/peer';
import { toAny } from '@palisade/xds/server';
import { createPeerDirectory } from './peers.ts';

const web = { namespace: 'shop', pod: 'web-1', serviceAccount: 'web', workload: 'web;shop;web;v1;Kubernetes' };

function start() {
  const streams: { events: ClientEvents; asked: DeltaDiscoveryRequest[] }[] = [];
  const waiting: { action: () => void; ms: number }[] = [];
  let isAway = false;
  const directory = createPeerDirectory({
    nodeId: 'agent~10.0.0.9',
    open(events) {
      if (isAway) throw new Error('nobody there');
      const asked: DeltaDiscoveryRequest[] = [];
      streams.push({ events, asked });
      return { send: (message) => void asked.push(fromBinary(DeltaDiscoveryRequestSchema, message)), end() {}, cancel() {} };
    },
    later: (action, ms) => void waiting.push({ action, ms }),
  });
  const answer = (found: Readonly<Record<string, typeof web>>, removed: readonly string[] = [], nonce = '1') =>
    streams.at(-1)!.events.message(
      toBinary(
        DeltaDiscoveryResponseSchema,
        create(DeltaDiscoveryResponseSchema, {
          nonce,
          resources: Object.entries(found).map(([address, peer]) => ({
            name: peerName(address),
            resource: toAny(renderPeer(address, peer)),
          })),
          removedResources: removed.map(peerName),
        }),
      ),
    );
  const pass = (ms: number) => {
    const due = waiting.filter((each) => each.ms === ms);
    for (const each of due) waiting.splice(waiting.indexOf(each), 1);
    for (const { action } of due) action();
  };
  const setAway = (value: boolean) => {
    isAway = value;
  };
  return { directory, streams, answer, pass, setAway };
}
const isDone = async (promise: Promise<void> | undefined) => {
  assert.ok(promise !== undefined);
  return Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
};

test('each address is asked about once, on one stream; answers change when the control plane says so', async () => {
  const { directory, streams, answer } = start();
  assert.equal(directory.learn([]), undefined);
  assert.equal(streams.length, 0, 'no stream before somebody calls');
  const first = directory.learn(['10.0.0.1', '10.0.0.1', '10.0.0.2']);
  assert.deepEqual(
    streams[0]!.asked.map(({ node, resourceNamesSubscribe }) => [node?.id, resourceNamesSubscribe]),
    [['agent~10.0.0.9', ['10.0.0.1', '10.0.0.2'].map(peerName)]],
  );
  answer({ '10.0.0.1': web });
  assert.equal(await isDone(first), false);
  answer({}, ['10.0.0.2'], '2');
  assert.equal(await isDone(first), true);
  assert.deepEqual(
    streams[0]!.asked.slice(1).map(({ responseNonce }) => responseNonce),
    ['1', '2'],
  );
  assert.deepEqual([directory.find('10.0.0.1'), directory.find('10.0.0.2')], [web, undefined]);
  assert.equal(directory.learn(['10.0.0.1', '10.0.0.2']), undefined);
  assert.equal(await isDone(directory.learn(['10.0.0.1', '10.0.0.3'])), false);
  assert.deepEqual(streams[0]!.asked.at(-1)!.resourceNamesSubscribe, [peerName('10.0.0.3')]);
  answer({ '10.0.0.1': { ...web, pod: 'web-2' } });
  assert.equal(directory.find('10.0.0.1')!.pod, 'web-2');
  answer({}, ['10.0.0.1']);
  assert.equal(directory.find('10.0.0.1'), undefined);
});

test('a control plane that is away is waited for once; what is known stays; on its return everything is asked again', async () => {
  const { directory, streams, answer, pass, setAway } = start();
  void directory.learn(['10.0.0.1']);
  answer({ '10.0.0.1': web });
  setAway(true);
  streams[0]!.events.closed(undefined);
  const unknown = directory.learn(['10.0.0.2']);
  assert.equal(await isDone(unknown), false);
  pass(1000);
  assert.equal(await isDone(unknown), true);
  assert.equal(directory.learn(['10.0.0.2']), undefined);
  assert.deepEqual(directory.find('10.0.0.1'), web);
  pass(5000);
  setAway(false);
  assert.equal(streams.length, 1);
  pass(5000);
  assert.equal(streams.length, 2);
  assert.deepEqual(streams[1]!.asked[0]!.resourceNamesSubscribe, ['10.0.0.1', '10.0.0.2'].map(peerName));
  answer({ '10.0.0.2': web });
  assert.deepEqual(directory.find('10.0.0.2'), web);
});

test('callers from ever new addresses cannot fill the memory', () => {
  const { directory, streams, answer } = start();
  void directory.learn(['first']);
  answer({ first: web });
  for (let index = 0; index < 2000; index++) void directory.learn([`address ${index}`]);
  assert.equal(directory.find('first'), undefined);
  assert.deepEqual(streams[0]!.asked.at(-1)!.resourceNamesUnsubscribe, [peerName('first')]);
});
