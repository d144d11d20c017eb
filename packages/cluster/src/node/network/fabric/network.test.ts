import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { PodSandbox } from '../../../contract.ts';
import { ipBatch, netnsPath, run } from '../namespaces/namespace.ts';
import { connectIn, listenIn, udpIn } from '../namespaces/netns-sockets.ts';
import { isolated } from '../testing/isolate.ts';
import { createFabric, type Fabric } from './fabric.ts';
import { createNodeNetwork } from './pod-network.ts';

function pod(name: string, uid = `uid-${name}`): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name, uid } };
}

isolated(import.meta.filename, () => {
  let fabric: Fabric;
  let networks: ReturnType<typeof createNodeNetwork>[];
  let a: PodSandbox;
  let b: PodSandbox;
  let c: PodSandbox;

  before(async () => {
    fabric = await createFabric(['node1', 'node2', 'es-node']);
    networks = fabric.nodes.map((node) => createNodeNetwork({ node }));
    [a, b, c] = await Promise.all([networks[0]!.addPod(pod('a')), networks[0]!.addPod(pod('b')), networks[2]!.addPod(pod('c'))]);
  });
  after(async () => {
    for (const network of networks) for (const uid of [...network.pods.keys()]) await network.removePod(uid);
    await fabric.close();
    assert.equal((await run('ip', ['netns', 'list'])).trim(), '');
  });

  async function reaches(from: string, netns: string, address: string): Promise<string> {
    const server = await listenIn(netns, address, 0, (socket) => socket.end(String(socket.remoteAddress)));
    const connection = await connectIn(from, address, (server.address() as AddressInfo).port, 2000);
    const [data] = await once(connection, 'data');
    connection.destroy();
    server.close();
    return String(data);
  }

  test('pods reach pods of the same and of another node, by both families, with their own address', async () => {
    for (const family of [0, 1] as const) {
      assert.equal(await reaches(netnsPath(a.netns), netnsPath(b.netns), b.podIPs[family]), a.podIPs[family]);
      assert.equal(await reaches(netnsPath(a.netns), netnsPath(c.netns), c.podIPs[family]), a.podIPs[family]);
    }
  });

  test('a node reaches its pods from its own address; the host reaches pods from its own', async () => {
    for (const family of [0, 1] as const) {
      const node = networks[0]!;
      assert.equal(await reaches(netnsPath(node.netns), netnsPath(a.netns), a.podIPs[family]), node.node.addresses[family]);
      assert.equal(await reaches(fabric.netns, netnsPath(c.netns), c.podIPs[family]), ['172.30.0.1', 'fd00:172:30::1'][family]);
    }
  });

  test('pods reach the outside world and nothing beyond it', async () => {
    assert.equal(await reaches(netnsPath(a.netns), fabric.outsideNetns, '198.51.100.7'), a.podIPs[0]);
    assert.equal(await reaches(netnsPath(a.netns), fabric.outsideNetns, '2001:db8::7'), a.podIPs[1]);
    await assert.rejects(connectIn(netnsPath(a.netns), '8.8.8.8', 53, 1000), { code: 'ENETUNREACH' });
    await assert.rejects(connectIn(netnsPath(a.netns), '10.244.2.9', 80, 1000), /EHOSTUNREACH|ENETUNREACH/);
  });

  test('connect and connectInPod', async () => {
    const server = await listenIn(netnsPath(a.netns), '127.0.0.1', 0, (socket) => socket.end('local'));
    const { port } = server.address() as AddressInfo;
    const inside = await networks[0]!.connectInPod(a.podUid, '127.0.0.1', port);
    assert.equal(String((await once(inside, 'data'))[0]), 'local');
    await assert.rejects(networks[0]!.connect(a.podIPs[0], port, 1000), { code: 'ECONNREFUSED' });
    await assert.rejects(networks[0]!.connectInPod('unknown', '127.0.0.1', port), /has no network/);
    server.close();
  });

  test('a pod cannot speak with an address that is not its own', async () => {
    const forged = ['10.244.1.77', 'fd00:244:1::77', b.podIPs[0], b.podIPs[1], '172.30.0.11', 'fd00:172:30::11', '172.30.0.1', '192.0.2.9'];
    for (const address of forged) {
      const isIPv6 = address.includes(':');
      await ipBatch(netnsPath(c.netns), [`addr add ${address}/${isIPv6 ? 128 : 32} dev eth0${isIPv6 ? ' nodad' : ''}`]);
      const target = isIPv6 ? a.podIPs[1] : a.podIPs[0];
      const listener = await udpIn(netnsPath(a.netns), target, 0);
      const seen: string[] = [];
      listener.on('message', (_, from) => seen.push(from.address));
      const liar = await udpIn(netnsPath(c.netns), address, 0);
      const honest = await udpIn(netnsPath(c.netns), isIPv6 ? c.podIPs[1] : c.podIPs[0], 0);
      liar.send('x', listener.address().port, target);
      liar.send('x', listener.address().port, target, () => honest.send('x', listener.address().port, target));
      await once(listener, 'message');
      assert.deepEqual(seen, [isIPv6 ? c.podIPs[1] : c.podIPs[0]], address);
      for (const socket of [listener, liar, honest]) socket.close();
    }
  });

  test('addPod is idempotent by uid; removePod frees the name and a later pod gets another address', async () => {
    const network = networks[1]!;
    const [first, again] = await Promise.all([network.addPod(pod('d')), network.addPod(pod('d'))]);
    assert.equal(first, again);
    await network.removePod(first.podUid);
    await network.removePod(first.podUid);
    const next = await network.addPod(pod('d'));
    assert.notEqual(next.podIPs[0], first.podIPs[0]);
    assert.equal(network.pods.size, 1);
  });

  test('a pod whose namespace cannot be made leaves nothing behind', async () => {
    await assert.rejects(networks[1]!.addPod(pod('x', '../escape')), /expected letters/);
    assert.equal(networks[1]!.pods.size, 1);
  });
});
