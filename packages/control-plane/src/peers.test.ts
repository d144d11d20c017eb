import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { TypeUrl } from '@palisade/xds';
import { peerName, readPeer } from '@palisade/xds/peer';
import type { ProxyConnection, ResourceSnapshot } from '@palisade/xds/server';
import { createPeerFeed } from './peers.ts';

const pod = (name: string, addresses: readonly string[], spec: object = {}, phase = 'Running'): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: { app: 'web', version: 'v2' } },
  spec: { serviceAccountName: 'web', ...spec },
  status: { phase, podIPs: addresses.map((ip) => ({ ip })) },
});

function start(pods: KubernetesObject[]) {
  const waiting: (() => void)[] = [];
  const pushed: ResourceSnapshot[] = [];
  const feed = createPeerFeed({ pods: () => pods, later: (action) => void waiting.push(action) });
  const gone = feed.add({ push: (snapshot: ResourceSnapshot) => void pushed.push(snapshot) } as unknown as ProxyConnection<undefined>);
  return { feed, waiting, gone, last: () => pushed.at(-1)!.get(TypeUrl.clusterLoadAssignment)!, pushed };
}

test('a pod is found by each of its addresses; not by the node’s, nor by one that it has given back', () => {
  const { last } = start([
    pod('web-1', ['10.0.0.1', 'fd00::1']),
    pod('host', ['192.168.0.1'], { hostNetwork: true }),
    pod('done', ['10.0.0.3'], {}, 'Succeeded'),
    pod('failed', ['10.0.0.3'], {}, 'Failed'),
    pod('next', ['10.0.0.3']),
    pod('starting', []),
  ]);
  assert.deepEqual([...last().keys()], ['10.0.0.1', 'fd00::1', '10.0.0.3'].map(peerName));
  const whole = { namespace: 'shop', pod: 'web-1', serviceAccount: 'web', workload: 'web-1;shop;web;v2;Kubernetes' };
  for (const address of ['10.0.0.1', 'fd00::1']) assert.deepEqual(readPeer(last().get(peerName(address))!.value), whole);
  assert.equal(readPeer(last().get(peerName('10.0.0.3'))!.value).pod, 'next');
});

test('changes go out together; what did not change is the same resource; nobody listens, nothing is made', () => {
  const first = pod('web-1', ['10.0.0.1']);
  const pods = [first];
  const { feed, waiting, pushed, last, gone } = start(pods);
  const before = last().get(peerName('10.0.0.1'));
  pods.push(pod('web-2', ['10.0.0.2']));
  feed.schedule();
  feed.schedule();
  assert.deepEqual([waiting.length, pushed.length], [1, 1]);
  waiting.shift()!();
  assert.deepEqual([...last().keys()], ['10.0.0.1', '10.0.0.2'].map(peerName));
  assert.equal(last().get(peerName('10.0.0.1')), before);
  gone();
  feed.schedule();
  waiting.shift()!();
  assert.equal(pushed.length, 2);
});
