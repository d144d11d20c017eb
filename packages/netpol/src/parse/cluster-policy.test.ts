import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePolicies } from '../compile/compile.ts';
import { evaluatePacket } from '../evaluate.ts';
import type { ClusterSnapshot } from '../model.ts';
import { podsOf, policy } from '../testing/fixtures.ts';

const pods = podsOf({ 'default/db': { labels: { app: 'db' } }, 'default/web': { labels: { app: 'web' } }, 'prod/x': {} });
const base: ClusterSnapshot = {
  namespaces: [{ name: 'prod', labels: { env: 'prod' } }],
  pods,
  nodes: [{ name: 'node9', labels: { role: 'edge' }, addresses: ['192.168.0.9'] }],
  networkPolicies: [],
  domainAddresses: new Map([
    ['api.example.com', ['203.0.113.7']],
    ['example.com', ['203.0.113.8']],
    ['evilexample.com', ['203.0.113.9']],
  ]),
};
const cnp = (spec: object, name = 'c') => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha2',
  kind: 'ClusterNetworkPolicy',
  metadata: { name },
  spec: { tier: 'Admin', priority: 1, subject: { namespaces: {} }, ...spec },
});
const anp = (spec: object, name = 'a') => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha1',
  kind: 'AdminNetworkPolicy',
  metadata: { name },
  spec: { priority: 1, subject: { namespaces: {} }, ...spec },
});
const banp = (spec: object, name = 'default') => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha1',
  kind: 'BaselineAdminNetworkPolicy',
  metadata: { name },
  spec: { subject: { namespaces: {} }, ...spec },
});

const everyone = [{ namespaces: {} }];
const ingress = (action: string, extra: object = {}) => ({ ingress: [{ action, from: everyone, ...extra }] });
const egress = (action: string, to: object, extra: object = {}) => ({ egress: [{ action, to: [to], ...extra }] });

const allows = (clusterPolicies: readonly unknown[], src: string, dst: string, port = 80, networkPolicies: readonly unknown[] = []) => {
  const compiled = compilePolicies({ ...base, clusterPolicies, networkPolicies });
  assert.deepEqual(compiled.errors, []);
  const end = (text: string) => (text.includes('/') ? { pod: text } : { ip: text });
  return evaluatePacket(compiled, { src: end(src), dst: end(dst), protocol: 'TCP', port }).allowed;
};

const isolate = policy('default', 'isolate', { podSelector: {} });
const open = policy('default', 'open', { podSelector: {}, ingress: [{}] });

/** name, cluster-wide policies, NetworkPolicies, is prod/x → default/db allowed? */
const tiers: readonly (readonly [name: string, cluster: readonly unknown[], networkPolicies: readonly unknown[], allowed: boolean])[] = [
  ['Admin Deny comes before NetworkPolicy', [cnp(ingress('Deny'))], [open], false],
  ['Admin Accept comes before NetworkPolicy', [cnp(ingress('Accept'))], [isolate], true],
  ['Admin Pass leaves it to NetworkPolicy', [cnp(ingress('Pass')), cnp({ ...ingress('Deny'), priority: 2 }, 'later')], [open], true],
  ['Admin Pass, isolated', [cnp(ingress('Pass'))], [isolate], false],
  ['Baseline counts only without NetworkPolicy: denied', [banp(ingress('Deny'))], [], false],
  ['Baseline counts only without NetworkPolicy: opened', [banp(ingress('Deny'))], [open], true],
  ['Baseline Accept before Baseline Deny', [cnp({ ...ingress('Accept'), tier: 'Baseline' }), banp(ingress('Deny'))], [], true],
  ['Baseline Pass is the default: allowed', [cnp({ ...ingress('Pass'), tier: 'Baseline' }), banp(ingress('Deny'))], [], true],
  [
    'the lower priority number decides',
    [anp({ ...ingress('Deny'), priority: 9 }, 'a'), anp({ ...ingress('Allow'), priority: 8 }, 'z')],
    [isolate],
    true,
  ],
  [
    'inside a policy the first rule decides',
    [
      cnp({
        ingress: [
          { action: 'Deny', from: everyone },
          { action: 'Accept', from: everyone },
        ],
      }),
    ],
    [],
    false,
  ],
  [
    'ports of the rule: another port is not denied',
    [cnp(ingress('Deny', { protocols: [{ tcp: { destinationPort: { number: 81 } } }] }))],
    [],
    true,
  ],
  [
    'ports of the rule: range',
    [cnp(ingress('Deny', { protocols: [{ tcp: { destinationPort: { range: { start: 79, end: 81 } } } }] }))],
    [],
    false,
  ],
  ['ports of the rule: every port of a protocol', [cnp(ingress('Deny', { protocols: [{ tcp: {} }] }))], [], false],
  ['subject of other pods', [cnp({ ...ingress('Deny'), subject: { pods: { podSelector: { matchLabels: { app: 'web' } } } } })], [], true],
];

describe('tiers', () => {
  for (const [name, cluster, networkPolicies, allowed] of tiers)
    it(name, () => assert.equal(allows(cluster, 'prod/x', 'default/db', 80, networkPolicies), allowed));

  it('egress to networks, nodes and domain names', () => {
    assert.equal(allows([cnp(egress('Deny', { networks: ['203.0.113.0/24'] }))], 'default/db', '203.0.113.7'), false);
    assert.equal(allows([cnp(egress('Deny', { nodes: { matchLabels: { role: 'edge' } } }))], 'default/db', '192.168.0.9'), false);
    const onlyExample = [
      cnp({
        egress: [
          { action: 'Accept', to: [{ domainNames: ['*.Example.com.'] }] },
          { action: 'Deny', to: [{ networks: ['0.0.0.0/0'] }] },
        ],
      }),
    ];
    assert.equal(allows(onlyExample, 'default/db', '203.0.113.7'), true);
    assert.equal(allows(onlyExample, 'default/db', '203.0.113.8'), false);
    assert.equal(allows(onlyExample, 'default/db', '203.0.113.9'), false);
  });
});

const refusals: readonly (readonly [object: unknown, path: string, message: RegExp])[] = [
  [cnp({ tier: 'admin' }), 'spec.tier', /expected "Admin" or "Baseline"/],
  [cnp({ priority: 1001 }), 'spec.priority', /from 0 to 1000/],
  [anp({ priority: undefined }), 'spec.priority', /missing/],
  [cnp({ subject: {} }), 'spec.subject', /exactly one of namespaces, pods/],
  [cnp({ subject: { pods: {} } }), 'spec.subject.pods.podSelector', /missing/],
  [cnp(ingress('Allow')), 'spec.ingress[0].action', /"Accept" or "Deny" or "Pass"/],
  [anp(ingress('Accept')), 'spec.ingress[0].action', /"Allow" or "Deny" or "Pass"/],
  [banp(ingress('Pass')), 'spec.ingress[0].action', /"Allow" or "Deny"/],
  [banp({}, 'other'), 'metadata.name', /"default"/],
  [cnp({ ingress: [{ action: 'Deny' }] }), 'spec.ingress[0].from', /missing/],
  [cnp({ ingress: [{ action: 'Deny', from: [] }] }), 'spec.ingress[0].from', /at least one peer/],
  [cnp({ ingress: [{ action: 'Deny', from: [{ networks: ['10.0.0.0/8'] }] }] }), 'spec.ingress[0].from[0].networks', /unknown field/],
  [cnp({ ingress: [{ action: 'Deny', from: [{ clusters: {} }] }] }), 'spec.ingress[0].from[0].clusters', /unknown field/],
  [cnp(egress('Deny', { networks: ['10.0.0.0/40'] })), 'spec.egress[0].to[0].networks[0]', /prefix 40/],
  [cnp(egress('Deny', { domainNames: ['a.example'] })), 'spec.egress[0].to[0]', /may only be accepted/],
  [cnp(egress('Accept', { domainNames: ['*'] })), 'spec.egress[0].to[0].domainNames[0]', /a domain name/],
  [
    cnp(egress('Deny', { networks: ['10.0.0.0/8'] }, { protocols: [{ destinationNamedPort: 'http' }] })),
    'spec.egress[0].protocols',
    /named port means nothing/,
  ],
  [
    cnp(ingress('Deny', { protocols: [{ tcp: { destinationPort: { range: { start: 5, end: 5 } } } }] })),
    'spec.ingress[0].protocols[0].tcp.destinationPort.range.end',
    /from 6/,
  ],
  [cnp(ingress('Deny', { ports: [] })), 'spec.ingress[0].ports', /unknown field/],
  [{ ...cnp({}), apiVersion: 'policy.networking.k8s.io/v9' }, 'apiVersion', /v1alpha2/],
  [{ kind: 'Other', metadata: { name: 'x' } }, 'kind', /ClusterNetworkPolicy or AdminNetworkPolicy/],
];

describe('refused cluster-wide policies', () => {
  for (const [object, path, message] of refusals) {
    it(`${path}: ${message.source}`, () => {
      const { errors } = compilePolicies({ ...base, clusterPolicies: [object] });
      assert.deepEqual(
        errors.map((error) => error.path),
        [path],
      );
      assert.match(errors[0]!.message, message);
    });
  }

  it('deny everything to and from their subject, and nobody else', () => {
    const compiled = compilePolicies({
      ...base,
      clusterPolicies: [cnp({ ...ingress('Allow'), subject: { pods: { podSelector: { matchLabels: { app: 'db' } } } } })],
      networkPolicies: [open],
    });
    const verdict = (src: string, dst: string) =>
      evaluatePacket(compiled, { src: { pod: src }, dst: { pod: dst }, protocol: 'TCP', port: 80 });
    assert.equal(
      verdict('prod/x', 'default/db').ingress.reason,
      'ClusterNetworkPolicy c was refused and denies what it selects: spec.ingress[0].action',
    );
    assert.equal(verdict('default/db', 'prod/x').allowed, false);
    assert.equal(verdict('prod/x', 'default/web').allowed, true);
  });
});
