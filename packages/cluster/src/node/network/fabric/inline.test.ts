import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { after, before, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { PodSandbox } from '../../../contract.ts';
import { ipBatch, netnsPath, run } from '../namespaces/namespace.ts';
import { connectIn, listenIn, udpIn } from '../namespaces/netns-sockets.ts';
import { isolated } from '../testing/isolate.ts';
import { createFabric, type Fabric } from './fabric.ts';
import { createNodeNetwork } from './pod-network.ts';

const pod = (name: string, isInline: boolean): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    ...(isInline ? { annotations: { 'palisade.dev/interception': 'inline' } } : {}),
  },
  spec: { containers: [{ name: 'app' }], initContainers: [{ name: 'istio-proxy' }] },
});

isolated(import.meta.filename, () => {
  let fabric: Fabric;
  let networks: ReturnType<typeof createNodeNetwork>[];
  let inner: PodSandbox;
  let peer: PodSandbox;
  let proxy: string;
  const servers: Server[] = [];

  before(async () => {
    fabric = await createFabric(['node1', 'node2']);
    networks = fabric.nodes.map((node) => createNodeNetwork({ node }));
    inner = await networks[0]!.addPod(pod('inner', true));
    peer = await networks[1]!.addPod(pod('peer', false));
    proxy = netnsPath(inner.proxyNetns!);
    for (const address of ['0.0.0.0', '::'])
      for (const port of [15_001, 15_006]) servers.push(await listenIn(proxy, address, port, (socket) => socket.end(`proxy ${port}`)));
  });
  after(async () => {
    for (const server of servers) server.close();
    for (const network of networks) for (const uid of [...network.pods.keys()]) await network.removePod(uid);
    await fabric.close();
    assert.equal((await run('ip', ['netns', 'list'])).trim(), '', 'both namespaces of the pod went with it');
  });

  async function read(from: string, address: string, port: number): Promise<string> {
    const connection = await connectIn(from, address, port, 2000);
    const [data] = await once(connection, 'data');
    connection.destroy();
    return String(data);
  }
  const node = (netns: string, script: string) => run(process.execPath, ['-e', script], { netns });

  test('TCP ends at the proxy in both directions and families, whatever the port', async () => {
    for (const family of [0, 1] as const) {
      assert.equal(await read(netnsPath(peer.netns), inner.podIPs[family], 8080), 'proxy 15006');
      assert.equal(await read(netnsPath(inner.netns), peer.podIPs[family], 9999), 'proxy 15001');
    }
  });

  test('the proxy reaches the application from the inner address, and the network with the pod’s', async () => {
    for (const [family, source] of [
      [0, '169.254.1.2'],
      [1, 'fd00:a9fe::2'],
    ] as const) {
      const any = family === 0 ? '0.0.0.0' : '::';
      const app = await listenIn(netnsPath(inner.netns), any, 0, (socket) => socket.end(String(socket.remoteAddress)));
      const target = { host: inner.podIPs[family], port: (app.address() as AddressInfo).port, localAddress: source };
      const script = `require("net").connect(${JSON.stringify(target)}).on("data",(d)=>console.log(String(d)))`;
      assert.equal((await node(proxy, script)).trim(), source);
      app.close();
      const far = await listenIn(netnsPath(peer.netns), peer.podIPs[family], 0, (socket) => socket.end(String(socket.remoteAddress)));
      assert.equal(await read(proxy, peer.podIPs[family], (far.address() as AddressInfo).port), inner.podIPs[family]);
      far.close();
    }
  });

  test('datagrams pass both ways', async () => {
    for (const family of [0, 1] as const) {
      const far = await udpIn(netnsPath(peer.netns), peer.podIPs[family], 0);
      const near = await udpIn(netnsPath(inner.netns), inner.podIPs[family], 0);
      near.send('question', far.address().port, peer.podIPs[family]);
      const [question, from] = (await once(far, 'message')) as [Buffer, { address: string; port: number }];
      assert.deepEqual([String(question), from.address], ['question', inner.podIPs[family]]);
      far.send('answer', from.port, from.address);
      assert.equal(String((await once(near, 'message'))[0]), 'answer');
      far.send('unasked', near.address().port, inner.podIPs[family]);
      assert.equal(String((await once(near, 'message'))[0]), 'unasked');
      for (const socket of [far, near]) socket.close();
    }
  });

  test('user 1337, its own rules and other addresses lead nowhere else (control: redirect’s exemption is not there)', async () => {
    const app = netnsPath(inner.netns);
    await run('nft', ['flush', 'ruleset'], { netns: app });
    const ask = (user: number, host: string) =>
      node(
        app,
        `process.setgid(${user});process.setuid(${user});require("net").connect({host:"${host}",port:8080}).on("data",(d)=>console.log(String(d))).on("error",(e)=>console.log(e.code))`,
      );
    for (const family of [0, 1] as const) assert.equal((await ask(1337, peer.podIPs[family])).trim(), 'proxy 15001');
    await ipBatch(app, ['addr add 10.244.1.99/32 dev eth0']);
    const far = await udpIn(netnsPath(peer.netns), peer.podIPs[0], 0);
    const seen: string[] = [];
    far.on('message', (_, from) => seen.push(from.address));
    const liar = await udpIn(app, '10.244.1.99', 0);
    const honest = await udpIn(app, inner.podIPs[0], 0);
    liar.send('x', far.address().port, peer.podIPs[0], () => honest.send('x', far.address().port, peer.podIPs[0]));
    await once(far, 'message');
    assert.deepEqual(seen, [inner.podIPs[0]]);
    for (const socket of [far, liar, honest]) socket.close();
  });

  test('the administrator’s and the agent’s ports: from the node as they are, from the application never', async () => {
    const status = await listenIn(proxy, '0.0.0.0', 15_020, (socket) => socket.end('status'));
    assert.equal(await read(netnsPath(networks[0]!.netns), inner.podIPs[0], 15_020), 'status');
    assert.equal(await read(netnsPath(inner.netns), '169.254.1.2', 15_020), 'proxy 15001');
    status.close();
  });
});
