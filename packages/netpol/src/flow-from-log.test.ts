import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePolicies } from './compile/compile.ts';
import { flowFromLog } from './flow-from-log.ts';
import type { ClusterSnapshot } from './model.ts';
import { renderNftables } from './nft/render-nftables.ts';
import { podsOf, policy, viewOf } from './testing/fixtures.ts';

const snapshot: ClusterSnapshot = {
  namespaces: [],
  pods: podsOf({ 'default/auth': { labels: { app: 'auth' } }, 'default/db': { labels: { app: 'db' }, node: 'node2' }, 'default/web': {} }),
  nodes: [
    { name: 'node1', addresses: ['192.168.0.1'] },
    { name: 'node2', addresses: ['192.168.0.2'] },
  ],
  networkPolicies: [
    policy('default', 'db', {
      podSelector: { matchLabels: { app: 'db' } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'auth' } } }], ports: [{ port: 80 }] }],
    }),
    policy('default', 'auth', {
      podSelector: { matchLabels: { app: 'auth' } },
      policyTypes: ['Egress'],
      egress: [{ to: [{ podSelector: {} }] }],
    }),
  ],
};
const compiled = compilePolicies(snapshot);
const logIds = new Map(['node1', 'node2'].flatMap((node) => [...renderNftables(compiled, viewOf(snapshot, node)).logIds]));
const idOf = (reason: RegExp) => [...logIds].find(([, meaning]) => reason.test(meaning.reason))?.[0] ?? '';
const [auth, db, web] = snapshot.pods.map((pod) => pod.ips[0]!) as [string, string, string];

function logged(prefix: string, source: string, destination: string, destinationPort: number, nodeName = 'node1') {
  const packet = { source, destination, protocol: 'TCP', sourcePort: 40_000, destinationPort, tcpFlags: ['SYN'] };
  return flowFromLog({ prefix, packet, time: '2026-01-01T00:00:00.000Z', nodeName }, compiled, logIds);
}

describe('flowFromLog', () => {
  it('a denial names both pods, the policy and the reason', () => {
    const record = logged(`D|I|${idOf(/isolated by NetworkPolicy default\/db/)}`, web, db, 80, 'node2');
    assert.deepEqual(record, {
      time: '2026-01-01T00:00:00.000Z',
      reporter: 'node/node2',
      verdict: 'DROPPED',
      direction: 'ingress',
      reason: 'no NetworkPolicy allows it (isolated by NetworkPolicy default/db)',
      policy: { kind: 'NetworkPolicy', namespace: 'default', name: 'db', direction: 'ingress' },
      source: { ip: web, port: 40_000, namespace: 'default', pod: 'web', labels: {}, node: 'node1' },
      destination: { ip: db, port: 80, namespace: 'default', pod: 'db', labels: { app: 'db' }, node: 'node2' },
      body: { type: 'l4', protocol: 'TCP', tcpFlags: ['SYN'] },
    });
  });

  const accepted: readonly (readonly [node: string, direction: string, policy: string, reason: string])[] = [
    [
      'node1',
      'egress',
      'auth',
      'allowed by NetworkPolicy default/auth spec.egress[0]; ingress allowed by NetworkPolicy default/db spec.ingress[0]',
    ],
    [
      'node2',
      'ingress',
      'db',
      'allowed by NetworkPolicy default/db spec.ingress[0]; egress allowed by NetworkPolicy default/auth spec.egress[0]',
    ],
  ];
  for (const [node, direction, name, reason] of accepted) {
    it(`an accepted packet names the policy of the end that ${node} guards`, () => {
      const record = logged('A|F|', auth, db, 80, node);
      assert.deepEqual([record?.verdict, record?.direction, record?.policy?.name, record?.reason], ['FORWARDED', direction, name, reason]);
    });
  }

  it('says so when nothing isolates, and when policies have changed since', () => {
    assert.equal(logged('A|F|', web, auth, 80)?.reason, 'no policy isolates the pod');
    assert.equal(logged('A|F|', web, db, 80, 'node2')?.reason, 'allowed by policies that have been replaced since');
    assert.equal(logged('A|F|', web, db, 80, 'node2')?.policy, undefined);
    assert.match(logged('D|I|000000000000', web, db, 80)?.reason ?? '', /replaced since \(000000000000\)/);
  });

  it("leaves a packet that the receiver's node will drop to that node", () => {
    assert.equal(logged('A|F|', web, db, 80), undefined);
  });

  it('names nodes and the outside', () => {
    const record = logged('A|N|', web, '192.168.0.1', 10_250);
    assert.deepEqual(record?.destination, { ip: '192.168.0.1', port: 10_250, reserved: 'host', node: 'node1' });
    assert.equal(logged('A|F|', web, '203.0.113.7', 443)?.destination.reserved, 'world');
  });

  for (const prefix of ['', 'D|I|xyz', 'A|F', 'other', 'D|X|000000000000']) {
    it(`leaves "${prefix}" to others`, () => assert.equal(logged(prefix, web, db, 80), undefined));
  }
});
