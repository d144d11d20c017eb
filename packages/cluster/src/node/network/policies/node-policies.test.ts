import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import type { FlowRecord } from '@palisade/flow';
import type { KubernetesObject } from '@palisade/kubernetes';
import { createInformer } from '@palisade/kubernetes/client';
import { createFakeClient } from '@palisade/kubernetes/testing';
import type { PodSandbox } from '../../../contract.ts';
import { Resource } from '../../../controllers/runtime/resources.ts';
import { createFabric, type Fabric } from '../fabric/fabric.ts';
import { createNodeNetwork } from '../fabric/pod-network.ts';
import { ipBatch, netnsPath } from '../namespaces/namespace.ts';
import { connectIn, listenIn, udpIn } from '../namespaces/netns-sockets.ts';
import { isolated } from '../testing/isolate.ts';
import { type NodePolicies, startNodePolicies } from './node-policies.ts';

const networkPolicies = { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies' };

function policy(name: string, spec: Record<string, unknown>): KubernetesObject {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace: 'default', name }, spec };
}

isolated(import.meta.filename, () => {
  const client = createFakeClient();
  const stop = new AbortController();
  const flows: FlowRecord[] = [];
  const told: string[] = [];
  const servers: Server[] = [];
  const accepted: Socket[] = [];
  let fabric: Fabric;
  let networks: ReturnType<typeof createNodeNetwork>[];
  let policies: NodePolicies;
  let a: PodSandbox;
  let b: PodSandbox;
  let c: PodSandbox;

  const refusal = { code: /ETIMEDOUT|ECONNREFUSED|ECONNRESET/ };
  const refuses = (from: string, to: string) =>
    assert.rejects(connectIn(from, to, 8080, 150), (error: { code: string }) => refusal.code.test(error.code));

  async function addPod(index: number, name: string, uid?: string): Promise<PodSandbox> {
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', name, labels: { app: name } },
      spec: { nodeName: fabric.nodes[index]!.name },
    };
    const made = await client.create(Resource.pods, object);
    return networks[index]!.addPod(uid === undefined ? made : { ...made, metadata: { ...made.metadata, uid } });
  }

  async function serve(sandbox: PodSandbox): Promise<void> {
    for (const ip of sandbox.podIPs)
      servers.push(await listenIn(netnsPath(sandbox.netns), ip, 8080, (socket) => accepted.push(socket.on('error', () => {}).resume())));
  }

  async function reaches(from: string, to: string): Promise<void> {
    (await connectIn(from, to, 8080, 2000)).destroy();
  }

  /** Waits until something is so; says what was there instead when it does not come. */
  async function eventually<T>(what: string, look: () => T | undefined | false): Promise<T> {
    for (let count = 0; count < 200; count++) {
      const found = look();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${what} did not come; flows:\n${flows.map((flow) => JSON.stringify(flow)).join('\n')}\n${told.join('\n')}`);
  }

  async function applied(object: KubernetesObject): Promise<void> {
    await client.create(networkPolicies, object);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await policies.settled();
  }

  before(async () => {
    fabric = await createFabric(['node1', 'node2', 'node3']);
    const hooks = { onPodAdded: () => policies.settled(), onPodRemoved: () => void policies.settled() };
    networks = fabric.nodes.map((node) => createNodeNetwork({ node, ...hooks }));
    const informers = {
      pods: createInformer(client, Resource.pods),
      namespaces: createInformer(client, Resource.namespaces),
      networkPolicies: createInformer(client, networkPolicies),
    };
    for (const informer of Object.values(informers)) informer.start(stop.signal);
    await client.create(Resource.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    policies = await startNodePolicies({
      ...informers,
      nodes: fabric.nodes,
      networks,
      sink: (record) => flows.push(record),
      signal: stop.signal,
      log: (level, message) => told.push(`${level} ${message}`),
    });
    [a, b, c] = await Promise.all([addPod(0, 'a'), addPod(0, 'b'), addPod(1, 'c')]);
    await serve(b);
    await serve(c);
  });
  beforeEach(async () => {
    for (const object of (await client.list(networkPolicies)).items)
      await client.delete(networkPolicies, { namespace: 'default', name: object.metadata.name! });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await policies.settled();
    flows.length = 0;
  });
  after(async () => {
    stop.abort();
    policies.close();
    for (const socket of accepted) socket.destroy();
    for (const server of servers) server.close();
    for (const network of networks) for (const uid of [...network.pods.keys()]) await network.removePod(uid);
    await fabric.close();
    assert.deepEqual(
      told.filter((text) => text.startsWith('warn')),
      [],
    );
  });

  test('without policies pods reach each other, and the accepted connection is a record naming both', async () => {
    for (const family of [0, 1] as const) {
      await reaches(netnsPath(a.netns), b.podIPs[family]);
      await reaches(netnsPath(a.netns), c.podIPs[family]);
      const record = await eventually('the record', () =>
        flows.find((flow) => flow.destination.ip === c.podIPs[family] && flow.reporter === 'node/node2'),
      );
      assert.equal(record.verdict, 'FORWARDED');
      assert.deepEqual(
        [record.source.pod, record.source.namespace, record.destination.pod, record.destination.port],
        ['a', 'default', 'c', 8080],
      );
    }
  });

  test('a pod that was just made is reachable as soon as addPod has resolved', async () => {
    const d = await addPod(2, 'd');
    await reaches(netnsPath(d.netns), b.podIPs[0]);
    await networks[2]!.removePod(d.podUid);
  });

  test("a denied connection is dropped at the receiver's node and named with its policy", async () => {
    await applied(
      policy('only-b', {
        podSelector: { matchLabels: { app: 'c' } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'b' } } }] }],
      }),
    );
    for (const family of [0, 1] as const) {
      await refuses(netnsPath(a.netns), c.podIPs[family]);
      await reaches(netnsPath(b.netns), c.podIPs[family]);
      const record = await eventually('the denial', () =>
        flows.find((flow) => flow.verdict === 'DROPPED' && flow.destination.ip === c.podIPs[family]),
      );
      assert.deepEqual(
        [
          record.reporter,
          record.direction,
          record.source.pod,
          record.destination.pod,
          record.policy?.kind,
          record.policy?.name,
          record.body.type,
        ],
        ['node/node2', 'ingress', 'a', 'c', 'NetworkPolicy', 'only-b', 'l4'],
      );
    }
  });

  test('from the change of a policy to its enforcement: one table a node, and a connection already open ends', async () => {
    const connection = await connectIn(netnsPath(a.netns), c.podIPs[0], 8080, 2000);
    const ended = new Promise<string>((resolve) => {
      connection.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
    });
    await applied(policy('deny', { podSelector: {}, policyTypes: ['Ingress'] }));
    connection.write('more');
    assert.equal(await ended, 'ECONNRESET');
    await refuses(netnsPath(a.netns), b.podIPs[0]);
  });

  test('answers of a UDP flow stop when the flow is forbidden', async () => {
    const server = await udpIn(netnsPath(c.netns), c.podIPs[0], 5353);
    const asker = await udpIn(netnsPath(a.netns), a.podIPs[0], 0);
    const { port } = asker.address();
    asker.send('first', 5353, c.podIPs[0]);
    await once(server, 'message');
    server.send('answer', port, a.podIPs[0]);
    assert.equal(String((await once(asker, 'message'))[0]), 'answer');
    await applied(policy('deny-all', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }));
    await eventually('the end of the flow', () => told.some((text) => text.includes('flows ended')));
    flows.length = 0;
    server.send('late', port, a.podIPs[0]);
    const record = await eventually('the denial', () => flows.find((flow) => flow.verdict === 'DROPPED'));
    assert.deepEqual([record.source.pod, record.destination.pod], ['c', 'a']);
    server.close();
    asker.close();
  });

  test('a pod the policies do not know stays shut', async () => {
    const stranger = await networks[2]!.addPod({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', name: 'ended', uid: 'uid-ended' },
      spec: {},
      status: { phase: 'Failed' },
    });
    await refuses(netnsPath(stranger.netns), b.podIPs[0]);
    const record = await eventually('the denial', () => flows.find((flow) => flow.reason.includes('not in place')));
    assert.equal(record.verdict, 'DROPPED');
    await networks[2]!.removePod('uid-ended');
  });

  test('a forged source address is a record that names the pod behind it', async () => {
    await ipBatch(netnsPath(a.netns), ['addr add 10.244.2.99/32 dev eth0']);
    const liar = await udpIn(netnsPath(a.netns), '10.244.2.99', 0);
    liar.send('x', 53, c.podIPs[0]);
    const record = await eventually('the record', () => flows.find((flow) => flow.reason.includes('not the sender')));
    assert.deepEqual([record.source.ip, record.source.pod, record.destination.pod, record.verdict], ['10.244.2.99', 'a', 'c', 'DROPPED']);
    liar.close();
  });

  test('probes of the own node pass whatever the policies say', async () => {
    await applied(policy('deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }));
    (await networks[1]!.connect(c.podIPs[0], 8080, 1000)).destroy();
  });
});
