import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePolicies } from '../compile/compile.ts';
import { podsOf, policy } from '../testing/fixtures.ts';
import { formatConnections } from './connections.ts';
import { analyzeExposure, describeExposedPeer } from './exposure.ts';

const pods = podsOf({ 'shop/db': { labels: { app: 'db' } }, 'shop/web': { labels: { app: 'web' } } });
const namespaces = [{ name: 'shop', labels: { team: 'a' } }];
const from = (peer: unknown, port: unknown = 80) => ({ from: [peer], ports: [{ port }] });
const label = (key: string, value: string) => ({ matchLabels: { [key]: value } });

function ingressOf(rules: readonly unknown[], clusterPolicies: readonly unknown[] = []): string[] {
  const networkPolicies = [policy('shop', 'db', { podSelector: label('app', 'db'), ingress: rules })];
  const { exposures } = analyzeExposure(compilePolicies({ namespaces, pods, networkPolicies, clusterPolicies }));
  return exposures
    .filter(({ workload, direction }) => workload === 'shop/db[Pod]' && direction === 'ingress')
    .map(({ peer, connections }) => `${describeExposedPeer(peer)}: ${formatConnections(connections)}`);
}

/** rules, what is exposed to whom */
const cases: readonly (readonly [name: string, rules: readonly unknown[], found: readonly string[]])[] = [
  ['nobody', [], []],
  ['everybody', [{}], ['any pod: All Connections']],
  ['any pod of the cluster', [from({ namespaceSelector: {} })], ['any pod: TCP 80']],
  ['pods that exist are left to the list', [from({ podSelector: label('app', 'web') })], []],
  ['pods that do not', [from({ podSelector: label('app', 'new') })], ['pods with app=new in namespace shop: TCP 80']],
  ['all pods of a namespace', [from({ podSelector: {} })], ['any pod in namespace shop: TCP 80']],
  ['namespaces by label', [from({ namespaceSelector: label('team', 'b') })], ['any pod in namespaces with team=b: TCP 80']],
  [
    'a namespace by its name',
    [from({ namespaceSelector: label('kubernetes.io/metadata.name', 'later') })],
    ['any pod in namespace later: TCP 80'],
  ],
  [
    'rules that mean more than one description add up',
    [from({ namespaceSelector: {}, podSelector: label('role', 'x') }, 81), from({ namespaceSelector: {} })],
    ['any pod: TCP 80', 'pods with role=x in any namespace: TCP 80-81'],
  ],
  [
    'a namespace that is there counts with its labels',
    [from({ namespaceSelector: label('team', 'a') }, 81), from({ podSelector: label('app', 'new') })],
    ['pods with app=new in namespace shop: TCP 80-81', 'any pod in namespaces with team=a: TCP 81'],
  ],
];

describe('analyzeExposure', () => {
  for (const [name, rules, found] of cases) it(name, () => assert.deepEqual(ingressOf(rules), found));

  it('an exception from what any pod may do is listed with nothing', () => {
    const deny = {
      apiVersion: 'policy.networking.k8s.io/v1alpha2',
      kind: 'ClusterNetworkPolicy',
      metadata: { name: 'deny' },
      spec: {
        ...{ tier: 'Admin', priority: 1, subject: { namespaces: {} } },
        ingress: [{ action: 'Deny', from: [{ namespaces: label('team', 'evil') }] }],
      },
    };
    assert.deepEqual(ingressOf([{}], [deny]), ['any pod: All Connections', 'any pod in namespaces with team=evil: No Connections']);
  });

  it('says who is protected by nothing', () => {
    const { unprotected } = analyzeExposure(
      compilePolicies({ namespaces, pods, networkPolicies: [policy('shop', 'db', { podSelector: label('app', 'db') })] }),
    );
    assert.deepEqual(
      unprotected.map(({ workload, direction }) => `${workload} ${direction}`),
      ['shop/db[Pod] egress', 'shop/web[Pod] egress', 'shop/web[Pod] ingress'],
    );
  });
});
