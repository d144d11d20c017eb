import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { FlowRecord } from '@palisade/flow';
import { createInformer } from '@palisade/kubernetes/client';
import { createFakeClient } from '@palisade/kubernetes/testing';
import dnsPacket from 'dns-packet';
import type { PodSandbox } from '../contract.ts';
import { Resource } from '../controllers/runtime/resources.ts';
import {
  createFabric,
  createNodeNetwork,
  DNS_ADDRESSES,
  type Fabric,
  type NodePolicies,
  netnsPath,
  startNodePolicies,
  startServiceProxy,
} from '../node/network/index.ts';
import { connectIn, udpIn } from '../node/network/namespaces/netns-sockets.ts';
import { isolated } from '../node/network/testing/isolate.ts';
import { service, slice } from '../node/network/testing/objects.ts';
import { outsideNamesOf, outsideZone, startOutside } from '../outside/index.ts';
import { clusterView, clusterZone, startDnsServer } from './index.ts';

const networkPolicies = { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies' };
const serviceIPs = ['10.96.0.10', 'fd00:10:96::a'] as const;
const domain = 'cluster.local';

isolated(import.meta.filename, () => {
  const client = createFakeClient();
  const stop = new AbortController();
  const flows: FlowRecord[] = [];
  const sink = (record: FlowRecord) => flows.push(record);
  const closers: (() => void)[] = [];
  let fabric: Fabric;
  let policies: NodePolicies;
  let network: ReturnType<typeof createNodeNetwork>;
  let a: PodSandbox;

  before(async () => {
    fabric = await createFabric(['node1']);
    network = createNodeNetwork({ node: fabric.nodes[0]!, onPodAdded: () => policies.settled() });
    const informers = {
      pods: createInformer(client, Resource.pods),
      namespaces: createInformer(client, Resource.namespaces),
      services: createInformer(client, Resource.services),
      endpointSlices: createInformer(client, Resource.endpointSlices),
      networkPolicies: createInformer(client, networkPolicies),
    };
    for (const informer of Object.values(informers)) informer.start(stop.signal);
    const common = { nodes: fabric.nodes, signal: stop.signal, log: () => {} };
    policies = await startNodePolicies({ ...common, ...informers, networks: [network], sink, namesOf: outsideNamesOf });
    const proxy = startServiceProxy({ ...common, services: informers.services, slices: informers.endpointSlices });
    const ports = [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ];
    for (const name of ['default', 'kube-system'])
      await client.create(Resource.namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
      });
    await client.create(Resource.services, service('kube-dns', { clusterIPs: serviceIPs, ports }, 'kube-system'));
    for (const [index, family] of (['IPv4', 'IPv6'] as const).entries())
      await client.create(Resource.endpointSlices, slice('kube-dns', family, ports, [{ ip: DNS_ADDRESSES[index]! }], 'kube-system'));
    const zones = [clusterZone(clusterView(informers, domain)), outsideZone()];
    const shared = { sink, clock: () => new Date(), endpointOf: policies.endpointOf };
    const dns = await startDnsServer({ ...shared, netns: fabric.netns, addresses: DNS_ADDRESSES, domain, zones });
    const outside = await startOutside({ ...shared, netns: fabric.outsideNetns });
    closers.push(dns.close, outside.close, policies.close);
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', name: 'a', labels: { app: 'a' } },
      spec: { nodeName: 'node1' },
    };
    a = await network.addPod(await client.create(Resource.pods, object));
    await proxy.settled();
  });
  after(async () => {
    stop.abort();
    for (const close of closers) close();
    await network.removePod(a.podUid);
    await fabric.close();
  });

  const question = (name: string, type: 'A' | 'AAAA') => dnsPacket.encode({ type: 'query', id: 9, questions: [{ type, name }] });
  const data = (bytes: Buffer) => dnsPacket.decode(bytes).answers?.map((record) => ('data' in record ? record.data : undefined));

  async function askUdp(server: string, name: string, type: 'A' | 'AAAA') {
    const socket = await udpIn(netnsPath(a.netns), server.includes(':') ? a.podIPs[1] : a.podIPs[0], 0);
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(2000) });
    socket.send(question(name, type), 53, server);
    try {
      const [bytes, from] = await answer;
      assert.equal(from.address, server);
      return data(bytes);
    } finally {
      socket.close();
    }
  }

  async function restrict(): Promise<void> {
    const dnsOnly = {
      to: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
          podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
        },
      ],
      ports: [
        { protocol: 'UDP', port: 53 },
        { protocol: 'TCP', port: 53 },
      ],
    };
    const spec = { podSelector: {}, policyTypes: ['Egress'], egress: [dnsOnly] };
    await client.create(networkPolicies, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace: 'default', name: 'dns-only' },
      spec,
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    await policies.settled();
  }

  test('UDP and TCP, both families, through the Service; the record names the pod', async () => {
    for (const server of serviceIPs) {
      assert.deepEqual(await askUdp(server, 'kube-dns.kube-system.svc.cluster.local', 'A'), [serviceIPs[0]]);
      assert.deepEqual(await askUdp(server, 'kube-dns.kube-system.svc.cluster.local', 'AAAA'), [serviceIPs[1]]);
    }
    const connection = await connectIn(netnsPath(a.netns), serviceIPs[0], 53, 2000);
    const message = question('example.com', 'A');
    const framed = Buffer.concat([Buffer.from([0, message.length]), message]);
    // Cut in the middle of the length and of the message.
    for (const part of [framed.subarray(0, 1), framed.subarray(1, 9), framed.subarray(9)]) {
      connection.write(part);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const [bytes] = await once(connection, 'data');
    assert.deepEqual(data((bytes as Buffer).subarray(2)), ['198.51.100.80']);
    connection.destroy();
    const record = flows.find((flow) => flow.body.type === 'dns' && flow.body.query === 'example.com');
    assert.deepEqual([record?.source.pod, record?.source.namespace], ['a', 'default']);
  });

  test('the outside world answers by name, and the record names the pod', async () => {
    const [address] = (await askUdp(serviceIPs[0], 'example.com', 'A'))!;
    const connection = await connectIn(netnsPath(a.netns), String(address), 80, 2000);
    connection.write('GET /index.html HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n');
    const [bytes] = await once(connection, 'data');
    assert.match(String(bytes), /^HTTP\/1\.1 200 /);
    connection.destroy();
    const record = flows.find((flow) => flow.body.type === 'http' && flow.body.host === 'example.com');
    assert.deepEqual([record?.source.pod, record?.reporter], ['a', 'outside']);
  });

  test('a policy that allows DNS only: names resolve, the outside is shut, and the denial names policy and host', async () => {
    await restrict();
    for (const server of serviceIPs) assert.deepEqual(await askUdp(server, 'example.com', 'A'), ['198.51.100.80']);
    await assert.rejects(connectIn(netnsPath(a.netns), '198.51.100.80', 80, 200), { code: 'ETIMEDOUT' });
    const record = flows.find((flow) => flow.verdict === 'DROPPED' && flow.destination.ip === '198.51.100.80');
    assert.deepEqual(
      [record?.source.pod, record?.policy?.name, record?.destination.names?.includes('example.com')],
      ['a', 'dns-only', true],
    );
  });
});
