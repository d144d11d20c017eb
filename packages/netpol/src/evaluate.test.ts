import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePolicies } from './compile/compile.ts';
import { evaluatePacket } from './evaluate.ts';
import { podsOf } from './testing/fixtures.ts';
import { cluster, namespaces, packet } from './testing/scene.ts';

/** `source destination PROTOCOL port` and the verdict. */
type Row = readonly [packet: string, allowed: boolean];
interface Case {
  readonly name: string;
  readonly specs: readonly unknown[];
  readonly rows: readonly Row[];
}

const selectDb = { matchLabels: { app: 'db' } };

const cases: readonly Case[] = [
  {
    name: 'no policy: everything passes',
    specs: [],
    rows: [
      ['prod/other default/db TCP 1', true],
      ['203.0.113.7 default/db UDP 9', true],
      ['default/db 203.0.113.7 ICMPv4', true],
    ],
  },
  {
    name: 'selected without rules: isolated for ingress only',
    specs: [{ podSelector: selectDb }],
    rows: [
      ['default/web default/db TCP 8080', false],
      ['203.0.113.7 default/db TCP 8080', false],
      ['default/web default/db ICMPv4', false],
      ['default/db default/web TCP 80', true],
      ['default/db default/db TCP 8080', true],
    ],
  },
  {
    name: 'an empty rule allows everybody',
    specs: [{ podSelector: selectDb, ingress: [{}] }],
    rows: [
      ['203.0.113.7 default/db TCP 1', true],
      ['203.0.113.7 default/db ICMPv4', true],
    ],
  },
  {
    name: 'empty from and ports mean any',
    specs: [{ podSelector: selectDb, ingress: [{ from: [], ports: [] }] }],
    rows: [['prod/other default/db UDP 1', true]],
  },
  {
    name: "podSelector alone stays in the policy's namespace",
    specs: [{ podSelector: selectDb, ingress: [{ from: [{ podSelector: { matchLabels: { role: 'client' } } }] }] }],
    rows: [
      ['default/client default/db TCP 1', true],
      ['prod/client default/db TCP 1', false],
    ],
  },
  {
    name: 'namespaceSelector {} means all namespaces, but nobody outside',
    specs: [{ podSelector: selectDb, ingress: [{ from: [{ namespaceSelector: {} }] }] }],
    rows: [
      ['prod/other default/db TCP 1', true],
      ['203.0.113.7 default/db TCP 1', false],
      ['prod/agent default/db TCP 1', false],
    ],
  },
  {
    name: 'kubernetes.io/metadata.name is on every namespace',
    specs: [
      { podSelector: selectDb, ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'prod' } } }] }] },
    ],
    rows: [
      ['prod/other default/db TCP 1', true],
      ['default/web default/db TCP 1', false],
    ],
  },
  {
    name: 'ipBlock with except; pods are addresses too',
    specs: [
      { podSelector: selectDb, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.244.0.2/32', '10.1.0.0/16'] } }] }] },
    ],
    rows: [
      ['10.9.9.9 default/db TCP 1', true],
      ['10.1.0.1 default/db TCP 1', false],
      ['default/web default/db TCP 1', false],
      ['prod/other default/db TCP 1', true],
      ['203.0.113.7 default/db TCP 1', false],
    ],
  },
  {
    name: 'ipBlock of IPv6',
    specs: [{ podSelector: selectDb, ingress: [{ from: [{ ipBlock: { cidr: '2001:db8::/32' } }] }] }],
    rows: [
      ['2001:db8::1 fd00:244::1 TCP 1', true],
      ['2001:db9::1 fd00:244::1 TCP 1', false],
      ['10.0.0.1 default/db TCP 1', false],
    ],
  },
  {
    name: 'ports: number, range, protocol alone, SCTP',
    specs: [
      {
        podSelector: selectDb,
        ingress: [{ ports: [{ port: 80 }, { port: 1000, endPort: 1002 }, { protocol: 'UDP' }, { protocol: 'SCTP', port: 7 }] }],
      },
    ],
    rows: [
      ['default/web default/db TCP 80', true],
      ['default/web default/db TCP 81', false],
      ['default/web default/db TCP 999', false],
      ['default/web default/db TCP 1000', true],
      ['default/web default/db TCP 1002', true],
      ['default/web default/db TCP 1003', false],
      ['default/web default/db UDP 65535', true],
      ['default/web default/db SCTP 7', true],
      ['default/web default/db SCTP 8', false],
      ['default/web default/db ICMPv4', false],
    ],
  },
  {
    name: 'a named port is looked up on the destination: ingress',
    specs: [{ podSelector: {}, ingress: [{ ports: [{ port: 'http' }] }] }],
    rows: [
      ['prod/other default/db TCP 8080', true],
      ['prod/other default/web TCP 8080', false],
      ['prod/other default/web TCP 80', true],
      ['prod/other default/client TCP 80', false],
    ],
  },
  {
    name: 'a named port is looked up on the destination: egress',
    specs: [{ podSelector: { matchLabels: { role: 'client' } }, policyTypes: ['Egress'], egress: [{ ports: [{ port: 'http' }] }] }],
    rows: [
      ['default/client default/db TCP 8080', true],
      ['default/client default/web TCP 8080', false],
      ['default/client 203.0.113.7 TCP 80', false],
    ],
  },
  {
    name: 'policyTypes: egress rules make it both; Egress alone leaves ingress open',
    specs: [
      { podSelector: selectDb, egress: [{ to: [{ podSelector: {} }] }] },
      { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Egress'], ingress: [] },
    ],
    rows: [
      ['default/web default/db TCP 1', false],
      ['default/db default/client TCP 1', true],
      ['default/db prod/other TCP 1', false],
      ['default/client default/web TCP 1', true],
      ['default/web default/client TCP 1', false],
    ],
  },
  {
    name: 'an empty egress list does not make it Egress',
    specs: [{ podSelector: selectDb, egress: [] }],
    rows: [
      ['default/db prod/other TCP 1', true],
      ['prod/other default/db TCP 1', false],
    ],
  },
  {
    name: 'policies add up',
    specs: [
      { podSelector: selectDb },
      { podSelector: {}, ingress: [{ ports: [{ port: 1 }] }] },
      { podSelector: selectDb, ingress: [{ ports: [{ port: 2 }] }] },
    ],
    rows: [
      ['prod/other default/db TCP 1', true],
      ['prod/other default/db TCP 2', true],
      ['prod/other default/db TCP 3', false],
    ],
  },
  {
    name: 'matchExpressions: a missing key satisfies NotIn and DoesNotExist',
    specs: [
      {
        podSelector: {
          matchExpressions: [
            { key: 'role', operator: 'NotIn', values: ['client'] },
            { key: 'missing', operator: 'DoesNotExist' },
          ],
        },
        ingress: [
          {
            from: [
              {
                podSelector: {
                  matchExpressions: [
                    { key: 'role', operator: 'Exists' },
                    { key: 'role', operator: 'In', values: ['x', 'client'] },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
    rows: [
      ['default/client default/web TCP 1', true],
      ['default/web default/db TCP 1', false],
      ['default/web default/client TCP 1', true],
    ],
  },
  {
    name: 'the own node always reaches its pods, another one does not',
    specs: [{ podSelector: {} }],
    rows: [
      ['192.168.0.1 default/db TCP 1', true],
      ['192.168.0.2 default/db TCP 1', false],
      ['192.168.0.2 default/client TCP 1', true],
    ],
  },
  {
    name: 'DNS that is no pod counts as kube-dns',
    specs: [
      {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [
          {
            to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
            ports: [{ protocol: 'UDP', port: 53 }],
          },
        ],
      },
    ],
    rows: [
      ['default/db 10.96.0.10 UDP 53', true],
      ['default/db 10.96.0.10 TCP 53', false],
      ['default/db 10.96.0.11 UDP 53', false],
    ],
  },
];

describe('evaluatePacket', () => {
  for (const { name, specs, rows } of cases) {
    it(name, () => {
      const compiled = compilePolicies(cluster(...specs));
      assert.deepEqual(compiled.errors, []);
      assert.deepEqual(
        rows.map(([text]) => [text, evaluatePacket(compiled, packet(text)).allowed]),
        rows,
      );
    });
  }

  it('names the policy and rule that allow, and those that isolate', () => {
    const compiled = compilePolicies(
      cluster({ podSelector: selectDb }, { podSelector: selectDb, ingress: [{ ports: [{ port: 1 }] }, { ports: [{ port: 2 }] }] }),
    );
    const allowed = evaluatePacket(compiled, packet('prod/other default/db TCP 2')).ingress;
    assert.deepEqual(allowed.policy, { kind: 'NetworkPolicy', namespace: 'default', name: 'p1', direction: 'ingress', rule: '1' });
    assert.equal(allowed.reason, 'allowed by NetworkPolicy default/p1 spec.ingress[1]');
    const denied = evaluatePacket(compiled, packet('prod/other default/db TCP 3')).ingress;
    assert.equal(denied.kind, 'no-rule');
    assert.equal(denied.reason, 'no NetworkPolicy allows it (isolated by NetworkPolicy default/p0, NetworkPolicy default/p1)');
  });

  it('an address that two pods claim is denied at both ends', () => {
    const twins = podsOf({
      'default/a': { ips: ['10.244.0.9'] },
      'default/b': { ips: ['10.244.0.9'] },
      'default/c': { ips: ['10.244.0.3'] },
    });
    const compiled = compilePolicies({ namespaces, pods: twins, networkPolicies: [] });
    assert.equal(evaluatePacket(compiled, packet('default/c 10.244.0.9 TCP 1')).ingress.kind, 'conflict');
    assert.equal(evaluatePacket(compiled, packet('10.244.0.9 default/c TCP 1')).egress.kind, 'conflict');
  });

  it('refuses packets it cannot resolve', () => {
    const compiled = compilePolicies(cluster());
    assert.throws(() => evaluatePacket(compiled, packet('default/nobody default/db TCP 1')), /Cannot find pod "default\/nobody"/);
    assert.throws(() => evaluatePacket(compiled, packet('10.1 default/db TCP 1')), /Cannot parse address "10.1"/);
  });
});
