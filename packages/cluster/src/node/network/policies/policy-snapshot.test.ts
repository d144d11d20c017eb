import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyCompiler } from '@palisade/netpol';
import { ifnameOf, planNodes } from '../fabric/addresses.ts';
import type { LocalPod } from '../fabric/pod-network.ts';
import { createAddressNames } from '../flows/address-names.ts';
import { pod } from '../testing/objects.ts';
import { createPolicySnapshots, isSamePodForPolicies, nodeView } from './policy-snapshot.ts';

const nodes = planNodes(['node1', 'node2']);
const none = { nodes, namespaces: [], networkPolicies: [], clusterPolicies: [] };

function placed(name: string, uid: string, ip: string, nodeName = 'node1'): LocalPod {
  return {
    uid,
    namespace: 'default',
    name,
    nodeName,
    ifname: ifnameOf(uid),
    podIPs: [ip, `fd00:244:1::${ip.split('.').at(-1)}`],
    object: pod(name, { uid, labels: { from: 'node' } }),
  };
}

test('addresses come from the network before the API knows them; unknown pods are taken as placed', () => {
  const snapshot = createPolicySnapshots()({
    ...none,
    pods: [
      pod('known', { uid: 'u1', labels: { from: 'api' } }),
      pod('elsewhere', { uid: 'u9', podIPs: ['10.9.9.9'], spec: { nodeName: 'somewhere' } }),
      pod('unmade', { uid: 'u8', podIPs: ['10.244.1.3'], spec: { nodeName: 'node1' } }),
      pod('host', { uid: 'u7', podIPs: ['172.30.0.11'], spec: { nodeName: 'node1', hostNetwork: true } }),
    ],
    placed: new Map([['node1', [placed('known', 'u1', '10.244.1.2'), placed('new', 'u2', '10.244.1.3')]]]),
  });
  assert.deepEqual(
    snapshot.pods.map(({ name, uid, ips, node, labels }) => [name, uid, ips[0], node, labels['from']]),
    [
      ['known', 'u1', '10.244.1.2', 'node1', 'api'],
      ['elsewhere', 'u9', '10.9.9.9', 'somewhere', undefined],
      ['unmade', 'u8', undefined, 'node1', undefined],
      ['host', 'u7', '172.30.0.11', 'node1', undefined],
      ['new', 'u2', '10.244.1.3', 'node1', 'node'],
    ],
  );
});

test('of two pods with one name the placed one counts: its link is the one that carries traffic', () => {
  const snapshot = createPolicySnapshots()({
    ...none,
    pods: [pod('db-0', { uid: 'next', labels: { from: 'api' } })],
    placed: new Map([['node1', [placed('db-0', 'old', '10.244.1.2')]]]),
  });
  assert.deepEqual(
    snapshot.pods.map(({ uid, labels }) => [uid, labels['from']]),
    [['old', 'node']],
  );
  for (const order of [
    ['next', 'old'],
    ['old', 'next'],
  ]) {
    const both = createPolicySnapshots()({
      ...none,
      pods: [pod('db-0', { uid: 'next', labels: { from: 'api' } })],
      placed: new Map(order.map((uid, index) => [`node${index + 1}`, [placed('db-0', uid, '10.244.1.2', `node${index + 1}`)]])),
    });
    assert.deepEqual(
      both.pods.map(({ uid, labels }) => [uid, labels['from']]),
      [['next', 'api']],
    );
  }
});

test('what did not change is the same value in the next snapshot', () => {
  const snapshots = createPolicySnapshots();
  const local = placed('a', 'u1', '10.244.1.2');
  const inputs = {
    ...none,
    namespaces: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }],
    pods: [pod('a', { uid: 'u1' }), pod('b', { uid: 'u2', spec: { nodeName: 'node1' } }), pod('c', { uid: 'u3' })],
    placed: new Map([['node1', [local]]]),
  };
  const [first, second] = [snapshots(inputs), snapshots({ ...inputs })];
  assert.equal(first.nodes, second.nodes);
  for (const [index, fact] of first.pods.entries()) assert.equal(second.pods[index], fact);
  assert.equal(second.namespaces[0], first.namespaces[0]);
  const third = snapshots({ ...inputs, placed: new Map([['node1', [{ ...local, podIPs: ['10.244.1.9', 'fd00:244:1::9'] }]]]) });
  assert.deepEqual(
    third.pods.map((fact, index) => fact === first.pods[index]),
    [false, true, true],
  );
});

test('a node sees its own pods only', () => {
  const all = new Map([
    ['node1', [placed('a', 'u1', '10.244.1.2')]],
    ['node2', [placed('b', 'u2', '10.244.2.2', 'node2')]],
  ]);
  assert.deepEqual(
    nodeView(nodes[1]!, all).pods.map(({ name, ifname }) => [name, ifname]),
    [['b', ifnameOf('u2')]],
  );
});

test('status writes do not matter to policies, labels and addresses do', () => {
  const one = pod('a', { podIPs: ['10.244.1.2'] });
  assert.equal(isSamePodForPolicies({ ...one, status: { ...one['status'], conditions: [{ type: 'Ready' }] } }, one), true);
  assert.equal(isSamePodForPolicies(pod('a', { podIPs: ['10.244.1.2'], labels: { app: 'x' } }), one), false);
  assert.equal(isSamePodForPolicies(pod('a', { podIPs: ['10.244.1.3'] }), one), false);
  assert.equal(isSamePodForPolicies({ ...one, status: { ...one['status'], phase: 'Failed' } }, one), false);
});

test('an address keeps its name for a minute after its pod has gone', () => {
  let nowMs = 0;
  const names = createAddressNames(
    () => nowMs,
    (ip) => (ip === '192.0.2.10' ? ['mirror.example'] : []),
  );
  const fact = { namespace: 'default', name: 'a', labels: {}, ips: ['10.244.1.2'], ports: [] };
  names.update(new PolicyCompiler().update({ namespaces: [], pods: [fact], networkPolicies: [] }));
  assert.equal(names.complete({ ip: '10.244.1.2', reserved: 'world' }).pod, 'a');
  assert.equal(names.complete({ ip: '10.244.1.2', reserved: 'world' }).reserved, undefined);
  const nobody = { podByAddress: new Map(), departed: [] };
  names.update({ ...nobody, departed: [fact] });
  nowMs = 59_000;
  names.update(nobody);
  assert.equal(names.complete({ ip: '10.244.1.2' }).pod, 'a');
  nowMs = 60_000;
  names.update(nobody);
  assert.equal(names.complete({ ip: '10.244.1.2' }).pod, undefined);
  assert.equal(names.complete({ ip: '172.30.0.1' }).reserved, 'host');
  assert.deepEqual(names.complete({ ip: '192.0.2.10' }).names, ['mirror.example']);
  assert.deepEqual(names.complete({ pod: 'other', ip: '192.0.2.10' }), { pod: 'other', ip: '192.0.2.10' });
});
