import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { createInformer, type Informer } from '@palisade/kubernetes/client';
import { createFakeClient } from '@palisade/kubernetes/testing';
import type { PodSandbox } from '../../../contract.ts';
import { Resource } from '../../../controllers/runtime/resources.ts';
import { createFabric, type Fabric } from '../fabric/fabric.ts';
import { createNodeNetwork } from '../fabric/pod-network.ts';
import { netnsPath } from '../namespaces/namespace.ts';
import { connectIn, listenIn, udpIn } from '../namespaces/netns-sockets.ts';
import { isolated } from '../testing/isolate.ts';
import { pod, service, slice } from '../testing/objects.ts';
import { type HostPorts, startHostPorts } from './host-ports.ts';
import { type ServiceProxy, startServiceProxy } from './service-proxy.ts';

isolated(import.meta.filename, () => {
  const client = createFakeClient();
  const stop = new AbortController();
  const told: string[] = [];
  const servers: Server[] = [];
  const informers: Record<'services' | 'slices', Informer> = {
    services: createInformer(client, Resource.services),
    slices: createInformer(client, Resource.endpointSlices),
  };
  let fabric: Fabric;
  let networks: ReturnType<typeof createNodeNetwork>[];
  let a: PodSandbox;
  let b: PodSandbox;
  let c: PodSandbox;
  let proxy: ServiceProxy;
  let ports: HostPorts;

  /** Answers each connection with its own name and the caller's address. */
  async function serve(name: string, sandbox: PodSandbox, port: number): Promise<void> {
    for (const ip of sandbox.podIPs) {
      servers.push(await listenIn(netnsPath(sandbox.netns), ip, port, (socket) => socket.end(`${name} ${socket.remoteAddress}`)));
    }
  }

  async function answer(connection: Socket): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of connection) chunks.push(chunk);
    return String(Buffer.concat(chunks));
  }
  const ask = async (from: string, host: string, port: number) => answer(await connectIn(netnsPath(from), host, port, 2000));

  /** Waits until caches have seen what was written, then until it is in force. */
  async function inForce(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 30));
    await proxy.settled();
    await ports.update();
  }

  before(async () => {
    fabric = await createFabric(['node1', 'node2']);
    networks = fabric.nodes.map((node) => createNodeNetwork({ node }));
    [a, b, c] = await Promise.all([networks[0]!.addPod(pod('a')), networks[0]!.addPod(pod('b')), networks[1]!.addPod(pod('c'))]);
    await serve('b', b, 8080);
    await serve('c', c, 8080);
    const options = {
      services: informers.services,
      slices: informers.slices,
      signal: stop.signal,
      log: (_: string, text: string) => told.push(text),
    };
    for (const informer of Object.values(informers)) informer.start(stop.signal);
    proxy = startServiceProxy({ ...options, nodes: fabric.nodes, onApplied: () => void ports?.update() });
    ports = startHostPorts({
      ...options,
      cluster: 'test',
      client,
      plans: () => proxy.current,
      fabricNetns: fabric.netns,
      events: { event: (object, type, reason) => told.push(`${object.metadata.name} ${type} ${reason}`) },
    });
    const tcp = [{ name: '', port: 8080, protocol: 'TCP' }];
    const [v4, v6] = [
      [b, c].map((one, index) => ({ ip: one.podIPs[0], node: `node${index + 1}` })),
      [b, c].map((one) => ({ ip: one.podIPs[1] })),
    ];
    const add = async (name: string, spec: Record<string, unknown>, four = v4, six = v6) => {
      await client.create(Resource.services, service(name, spec));
      await client.create(Resource.endpointSlices, slice(name, 'IPv4', tcp, four));
      await client.create(Resource.endpointSlices, slice(name, 'IPv6', tcp, six));
    };
    await add('both', { clusterIPs: ['10.96.0.20', 'fd00:10:96::20'], ports: [{ port: 80 }] });
    await add('only-b', { clusterIPs: ['10.96.0.21', 'fd00:10:96::21'], ports: [{ port: 80 }] }, v4.slice(0, 1), v6.slice(0, 1));
    await add('sticky', { clusterIPs: ['10.96.0.22'], sessionAffinity: 'ClientIP', ports: [{ port: 80 }] });
    await add('empty', { clusterIPs: ['10.96.0.23', 'fd00:10:96::23'], ports: [{ port: 80 }] }, [], []);
    await add('local', { clusterIPs: ['10.96.0.24'], internalTrafficPolicy: 'Local', ports: [{ port: 80 }] }, v4.slice(1), []);
    await add('np', { type: 'NodePort', clusterIPs: ['10.96.0.25'], ports: [{ port: 80, nodePort: 30081 }] });
    await add(
      'np-local',
      { type: 'NodePort', clusterIPs: ['10.96.0.26'], externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30082 }] },
      v4.slice(1),
      [],
    );
    await inForce();
  });
  after(async () => {
    stop.abort();
    await ports.close();
    for (const server of servers) server.close();
    for (const network of networks) for (const uid of [...network.pods.keys()]) await network.removePod(uid);
    await fabric.close();
  });

  test('a cluster address spreads over its endpoints, and the caller keeps its address', async () => {
    for (const [family, host] of ['10.96.0.20', 'fd00:10:96::20'].entries()) {
      const seen = new Set<string>();
      for (let count = 0; count < 40; count++) seen.add(await ask(a.netns, host, 80));
      assert.deepEqual([...seen].sort(), [`b ${a.podIPs[family]}`, `c ${a.podIPs[family]}`]);
    }
  });

  test('a pod reaches itself through its Service, from the node’s address', async () => {
    assert.equal(await ask(b.netns, '10.96.0.21', 80), `b ${fabric.nodes[0]!.addresses[0]}`);
    assert.equal(await ask(b.netns, 'fd00:10:96::21', 80), `b ${fabric.nodes[0]!.addresses[1]}`);
  });

  test('the node itself uses Services', async () => {
    assert.equal(await ask(networks[1]!.netns, '10.96.0.21', 80), `b ${fabric.nodes[1]!.addresses[0]}`);
    assert.equal(await ask(networks[1]!.netns, 'fd00:10:96::21', 80), `b ${fabric.nodes[1]!.addresses[1]}`);
  });

  test('client affinity', async () => {
    const seen = new Set<string>();
    for (let count = 0; count < 20; count++) seen.add(await ask(a.netns, '10.96.0.22', 80));
    assert.equal(seen.size, 1);
  });

  test('no endpoint, or no such port: refused at once; Local without a local endpoint: dropped', async () => {
    for (const host of ['10.96.0.23', 'fd00:10:96::23']) await assert.rejects(ask(a.netns, host, 80), { code: 'ECONNREFUSED' });
    await assert.rejects(ask(a.netns, '10.96.0.20', 81), { code: 'ECONNREFUSED' });
    await assert.rejects(ask(networks[0]!.netns, '10.96.0.20', 81), { code: 'ECONNREFUSED' });
    await assert.rejects(connectIn(netnsPath(a.netns), '10.96.0.24', 80, 200), { code: 'ETIMEDOUT' });
    assert.equal(await ask(c.netns, '10.96.0.24', 80), `c ${fabric.nodes[1]!.addresses[0]}`);
  });

  test('node ports inside the cluster', async () => {
    const [one, two] = fabric.nodes.map((node) => node.addresses[0]);
    for (const node of [one!, two!]) assert.match(await ask(a.netns, node, 30081), /^[bc] /);
    // From outside of the nodes: masqueraded with Cluster, the true source with Local, dropped where no endpoint is local.
    assert.match(await answer(await connectIn(fabric.netns, one!, 30081, 2000)), /^b 172\.30\.0\.11$|^c 172\.30\.0\.11$/);
    assert.equal(await answer(await connectIn(fabric.netns, two!, 30082, 2000)), 'c 172.30.0.1');
    await assert.rejects(connectIn(fabric.netns, one!, 30082, 200), { code: 'ETIMEDOUT' });
    assert.equal(await ask(a.netns, one!, 30082), `c ${a.podIPs[0]}`);
  });

  test('UDP', async () => {
    const server = await udpIn(netnsPath(c.netns), c.podIPs[0], 5353);
    server.on('message', (bytes, from) => server.send(`${bytes} ${from.address}`, from.port, from.address));
    await client.create(Resource.services, service('dns', { clusterIPs: ['10.96.0.27'], ports: [{ port: 53, protocol: 'UDP' }] }));
    await client.create(Resource.endpointSlices, slice('dns', 'IPv4', [{ name: '', port: 5353, protocol: 'UDP' }], [{ ip: c.podIPs[0] }]));
    await inForce();
    const socket = await udpIn(netnsPath(a.netns), a.podIPs[0], 0);
    socket.send('hello', 53, '10.96.0.27');
    const [bytes, from] = await once(socket, 'message');
    assert.equal(`${bytes} ${from.address}`, `hello ${a.podIPs[0]} 10.96.0.27`);
    // The same client goes on after the endpoint has moved: its packets must follow.
    const moved = await udpIn(netnsPath(b.netns), b.podIPs[0], 5353);
    moved.on('message', (message, source) => moved.send(`moved ${message}`, source.port, source.address));
    const [before] = (await client.list(Resource.endpointSlices)).items.filter((item) => item.metadata.name === 'dns-ipv4');
    await client.update(Resource.endpointSlices, { ...before!, endpoints: [{ addresses: [b.podIPs[0]], conditions: { ready: true } }] });
    await inForce();
    socket.send('again', 53, '10.96.0.27');
    assert.equal(String((await once(socket, 'message'))[0]), 'moved again');
    for (const one of [socket, server, moved]) one.close();
  });

  test('a verdict changes under the same address: dropped without a local endpoint, served once there is one', async () => {
    await assert.rejects(connectIn(netnsPath(a.netns), '10.96.0.24', 80, 200), { code: 'ETIMEDOUT' });
    const before = await client.get(Resource.endpointSlices, { namespace: 'default', name: 'local-ipv4' });
    const endpoint = (sandbox: PodSandbox, nodeName: string) => ({ addresses: [sandbox.podIPs[0]], nodeName, conditions: { ready: true } });
    await client.update(Resource.endpointSlices, { ...before, endpoints: [endpoint(b, 'node1')] });
    await inForce();
    assert.equal(await ask(a.netns, '10.96.0.24', 80), `b ${a.podIPs[0]}`);
    await assert.rejects(connectIn(netnsPath(c.netns), '10.96.0.24', 80, 200), { code: 'ETIMEDOUT' });
  });

  test('a deleted Service is refused, and its chains are gone', async () => {
    await client.create(Resource.services, service('brief', { clusterIPs: ['10.96.0.28'], ports: [{ port: 80 }] }));
    await client.create(
      Resource.endpointSlices,
      slice('brief', 'IPv4', [{ name: '', port: 8080, protocol: 'TCP' }], [{ ip: b.podIPs[0] }]),
    );
    await inForce();
    assert.match(await ask(a.netns, '10.96.0.28', 80), /^b /);
    await client.delete(Resource.services, { namespace: 'default', name: 'brief' });
    await inForce();
    await assert.rejects(connectIn(netnsPath(a.netns), '10.96.0.28', 80, 500), /ENETUNREACH|EHOSTUNREACH/);
  });

  test('the host’s loopback: NodePort, LoadBalancer with an address of its own, and a port already taken', async () => {
    const free = createServer();
    free.listen(0, '127.0.0.1');
    await once(free, 'listening');
    const taken = (free.address() as AddressInfo).port;
    const ports80 = [{ name: '', port: 8080, protocol: 'TCP' }];
    await client.create(
      Resource.services,
      service('lb', { type: 'LoadBalancer', clusterIPs: ['10.96.0.29'], ports: [{ port: 18080, nodePort: taken }] }),
    );
    await client.create(Resource.endpointSlices, slice('lb', 'IPv4', ports80, [{ ip: c.podIPs[0] }]));
    await inForce();
    await inForce();
    const address = (await client.get(Resource.services, { namespace: 'default', name: 'lb' }))['status'].loadBalancer.ingress[0].ip;
    assert.match(address, /^127\.77\./);
    assert.equal(await answer(connect({ host: address, port: 18080, allowHalfOpen: true })), 'c 172.30.0.1');
    assert.ok(told.includes('lb Warning PortTaken'), told.join('\n'));
    assert.match(await answer(connect({ host: '127.0.0.1', port: 30081, allowHalfOpen: true })), /^[bc] 172\.30\.0\.1$/);
    free.close();
    await client.delete(Resource.services, { namespace: 'default', name: 'lb' });
    await inForce();
    await assert.rejects(answer(connect({ host: address, port: 18080 })), { code: 'ECONNREFUSED' });
  });
});
