import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FlowRecord } from '@palisade/flow';
import fc from 'fast-check';
import { compilePolicies } from '../compile/compile.ts';
import { evaluatePacket } from '../evaluate.ts';
import type { ClusterSnapshot } from '../model.ts';
import { findPolicyFault } from '../parse/fault.ts';
import { podsOf } from '../testing/fixtures.ts';
import { suggestPolicies } from './suggest.ts';

const workloads: Record<string, string> = { 'web-1': 'web', 'web-2': 'web', 'db-1': 'db', idle: 'idle', far: 'far' };
const pods = podsOf({
  'default/web-1': { labels: { app: 'web', 'pod-template-hash': 'a' } },
  'default/web-2': { labels: { app: 'web', 'pod-template-hash': 'b' } },
  'default/db-1': { labels: { app: 'db' } },
  'default/idle': { labels: { app: 'idle' } },
  'other/far': { labels: { app: 'far' } },
  'other/bare': {},
}).map((fact) => ({ ...fact, workload: `Deployment/${workloads[fact.name] ?? fact.name}` }));
const nodes = [
  { name: 'node1', addresses: ['172.18.0.2'] },
  { name: 'node2', addresses: ['172.18.0.3'] },
];
const snapshot: ClusterSnapshot = {
  namespaces: [
    { name: 'default', labels: {} },
    { name: 'other', labels: {} },
  ],
  pods,
  nodes,
  networkPolicies: [],
  dnsServiceIPs: ['10.96.0.10'],
};

function end(text: string, port?: number): FlowRecord['source'] {
  const at = port === undefined ? {} : { port };
  const [namespace, pod] = text.split('/');
  return pod === undefined ? { ip: text, ...at } : { namespace: namespace!, pod, ...at };
}
const flow = (
  from: string,
  to: string,
  port: number | undefined,
  protocol = 'TCP',
  verdict: FlowRecord['verdict'] = 'FORWARDED',
): FlowRecord => ({
  time: '2026-01-01T00:00:00.000Z',
  reporter: 'node/node1',
  verdict,
  reason: '',
  source: end(from),
  destination: end(to, port),
  body: { type: 'l4', protocol },
});

const specs = (flows: readonly FlowRecord[], options = {}) =>
  Object.fromEntries(suggestPolicies(snapshot, flows, options).policies.map(({ policy }) => [policy.metadata.name, policy['spec']]));

describe('suggestPolicies', () => {
  it('one policy a workload, peers by owner, DNS kept', () => {
    const flows = [
      flow('default/web-1', 'default/db-1', 5432),
      flow('default/web-2', 'default/db-1', 5432),
      flow('default/web-1', '10.96.0.10', 53, 'UDP'),
    ];
    const found = specs(flows);
    assert.deepEqual(Object.keys(found), ['suggested-deployment-db', 'suggested-deployment-web']);
    assert.deepEqual(found['suggested-deployment-db'], {
      podSelector: { matchLabels: { app: 'db' } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ protocol: 'TCP', port: 5432 }] }],
    });
    const { policyTypes, egress } = found['suggested-deployment-web']!;
    assert.deepEqual(policyTypes, ['Egress']);
    assert.equal(egress.length, 2, 'the database, and DNS once');
    assert.deepEqual(egress[1].ports[0], { protocol: 'UDP', port: 53 });
  });
  it('other namespaces and addresses', () => {
    const found = specs([
      flow('other/far', 'default/db-1', 80),
      flow('default/db-1', '203.0.113.9', 443),
      flow('default/db-1', '2001:db8::9', 443),
    ]);
    assert.deepEqual(found['suggested-deployment-db']!.ingress[0].from, [
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } }, podSelector: { matchLabels: { app: 'far' } } },
    ]);
    assert.deepEqual(found['suggested-deployment-db']!.egress[0].to, [
      { ipBlock: { cidr: '2001:db8::9/128' } },
      { ipBlock: { cidr: '203.0.113.9/32' } },
    ]);
  });
  it('says what it leaves alone', () => {
    const { notes } = suggestPolicies(snapshot, [flow('default/web-1', 'default/db-1', 80), flow('other/bare', 'default/db-1', 80)], {});
    assert.ok(
      notes.includes('default/Deployment/idle: no traffic was seen, no policy is proposed and it stays as it is'),
      notes.join('\n'),
    );
    assert.ok(notes.includes('default/Deployment/db: no policy is proposed, because other/Deployment/bare has no labels to be named by'));
    assert.ok(notes.includes('default/Deployment/web: nothing came in; ingress is left open'));
  });
  it('strict shuts what was not seen, and says so', () => {
    const { policies, notes } = suggestPolicies(snapshot, [flow('default/web-1', 'default/db-1', 80)], { isStrict: true });
    assert.deepEqual(
      policies.map(({ policy }) => policy['spec'].policyTypes),
      [
        ['Ingress', 'Egress'],
        ['Ingress', 'Egress'],
      ],
    );
    assert.ok(notes.includes('default/Deployment/web: nothing came in; ingress is shut (--strict)'));
  });
  it('denied, ICMP and unknown pods make no rule; its own node needs none', () => {
    const flows = [
      flow('default/web-1', 'default/db-1', 80, 'TCP', 'DROPPED'),
      flow('default/web-1', 'default/db-1', undefined, 'ICMPv4'),
      flow('default/gone', 'default/db-1', 80),
      flow('172.18.0.2', 'default/db-1', 80),
    ];
    const { policies, notes } = suggestPolicies(snapshot, flows);
    assert.deepEqual(policies, []);
    assert.ok(notes.some((note) => note.startsWith('2 records were of no use')));
  });
  it('one namespace only', () =>
    assert.deepEqual(Object.keys(specs([flow('other/far', 'default/db-1', 80)], { namespaces: ['other'] })), ['suggested-deployment-far']));
  it('a policy in force that forbids what was seen earlier shows in the replay', () => {
    const deny = {
      apiVersion: 'policy.networking.k8s.io/v1alpha2',
      kind: 'ClusterNetworkPolicy',
      metadata: { name: 'd' },
      spec: { tier: 'Admin', priority: 0, subject: { namespaces: {} }, ingress: [{ action: 'Deny', from: [{ namespaces: {} }] }] },
    };
    const { replay } = suggestPolicies({ ...snapshot, clusterPolicies: [deny] }, [flow('default/web-1', 'default/db-1', 80)]);
    assert.deepEqual([replay.asked, replay.denied.length], [1, 1]);
  });

  const names = ['default/web-1', 'default/web-2', 'default/db-1', 'other/far', '203.0.113.9', '2001:db8::9', '172.18.0.3', '10.96.0.10'];
  const anyFlow = fc.tuple(
    fc.constantFrom(...names),
    fc.constantFrom(...names),
    fc.integer({ min: 1, max: 65_535 }),
    fc.constantFrom('TCP', 'UDP', 'SCTP'),
  );
  it('whatever was seen passes under the proposal, other ports do not, and the compiler takes every policy', () => {
    fc.assert(
      fc.property(fc.array(anyFlow, { minLength: 1, maxLength: 12 }), fc.boolean(), (seen, isStrict) => {
        const { policies, replay } = suggestPolicies(
          snapshot,
          seen.map(([from, to, port, protocol]) => flow(from, to, port, protocol)),
          { isStrict },
        );
        assert.equal(replay.denied.length, 0);
        for (const { policy } of policies) assert.equal(findPolicyFault(policy), undefined);
        const compiled = compilePolicies({ ...snapshot, networkPolicies: policies.map(({ policy }) => policy) });
        const ofEnd = (text: string) => (text.includes('/') ? { pod: text } : { ip: text });
        for (const [from, to, port, protocol] of seen)
          assert.ok(
            evaluatePacket(compiled, { src: ofEnd(from), dst: ofEnd(to), protocol, port }).allowed,
            `${from} ${to} ${protocol} ${port}`,
          );
        for (const { policy } of policies.filter(({ policy: one }) => one['spec'].policyTypes.includes('Ingress'))) {
          const target = pods.find((pod) => pod.labels['app'] === policy['spec'].podSelector.matchLabels.app)!;
          assert.equal(
            evaluatePacket(compiled, {
              src: { pod: 'default/idle' },
              dst: { pod: `${target.namespace}/${target.name}` },
              protocol: 'TCP',
              port: 1,
            }).allowed,
            false,
          );
        }
      }),
      { numRuns: 150 },
    );
  });
});
