import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePolicies } from './compile/compile.ts';
import type { Packet } from './evaluate.ts';
import { explainPacket, formatExplanation } from './explain.ts';
import { readManifests } from './manifests/manifests.ts';
import { snapshotOf } from './snapshot.ts';
import { podsOf } from './testing/fixtures.ts';

const files = [
  {
    name: 'db.yaml',
    text: `# two policies, one file
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db
spec:
  podSelector:
    matchLabels:
      app: db
  ingress:
  - from:
    - namespaceSelector:
        matchLabels:
          user: alice
      podSelector:
        matchLabels:
          role: client
    ports:
    - port: 5432
  - from:
    - ipBlock: { cidr: 203.0.113.0/24 }
---
apiVersion: v1
kind: List
items:
- apiVersion: policy.networking.k8s.io/v1alpha2
  kind: ClusterNetworkPolicy
  metadata: { name: quarantine }
  spec:
    tier: Admin
    priority: 0
    subject: { pods: { podSelector: { matchLabels: { quarantine: "true" } } } }
    egress:
    - action: Deny
      to: [{ networks: [0.0.0.0/0] }]
- { apiVersion: v1, kind: Namespace, metadata: { name: prod, labels: { user: alice } } }
`,
  },
];
const manifests = readManifests(files);
const pods = podsOf({
  'default/db': { labels: { app: 'db' } },
  'default/client': { labels: { role: 'client' } },
  'prod/client': { labels: { role: 'client' } },
  'prod/bad': { labels: { role: 'admin', quarantine: 'true' } },
});
const compiled = compilePolicies({ ...snapshotOf(manifests.objects), pods });
const explain = (packet: Packet) => formatExplanation(explainPacket(compiled, packet), manifests.lineOf);
const toDb = (pod: string, port: number): Packet => ({ src: { pod }, dst: { pod: 'default/db' }, protocol: 'TCP', port });

describe('explainPacket', () => {
  it('allowed: the rule and its line', () => {
    assert.equal(
      explain(toDb('prod/client', 5432)),
      `ALLOWED
  egress: allowed: no policy isolates the pod
  ingress: allowed: allowed by NetworkPolicy default/db spec.ingress[0] (db.yaml:11)
`,
    );
  });

  it('denied: what nearly matched and what is missing, nearest first', () => {
    assert.equal(
      explain(toDb('default/client', 5432)),
      `DENIED
  egress: allowed: no policy isolates the pod
  ingress: denied: no NetworkPolicy allows it (isolated by NetworkPolicy default/db) (db.yaml:7)
    NetworkPolicy default/db spec.ingress[0] (db.yaml:11) does not match:
      namespace default has no label user, wanted user=alice (db.yaml:12)
    NetworkPolicy default/db spec.ingress[1] (db.yaml:20) does not match:
      10.244.0.2 is not in 203.0.113.0/24 (db.yaml:21)
`,
    );
  });

  it('a wrong port and a wrong label are both named', () => {
    const { nearMisses } = explainPacket(compiled, toDb('prod/bad', 80)).ingress;
    assert.deepEqual(
      nearMisses.find((miss) => miss.path === 'spec.ingress[0]')?.missing.map((item) => item.text),
      ['pod prod/bad has role=admin, wanted role=client', 'the packet goes to TCP 80, the rule is for TCP 5432'],
    );
  });

  it('an explicit denial names its rule', () => {
    assert.match(
      explain(toDb('prod/bad', 80)),
      /egress: denied: denied by ClusterNetworkPolicy quarantine spec\.egress\[0\] \(tier Admin\) \(db\.yaml:34\)/,
    );
  });
});

describe('readManifests', () => {
  const ref = { kind: 'NetworkPolicy', namespace: 'default', name: 'db' };
  const rows: readonly (readonly [path: string, line: string])[] = [
    ['', 'db.yaml:2'],
    ['spec', 'db.yaml:6'],
    ['spec.ingress[1]', 'db.yaml:20'],
    ['spec.ingress[0].ports[0].port', 'db.yaml:19'],
    // what is not written stands at the nearest field above it
    ['spec.policyTypes', 'db.yaml:6'],
    ['spec.ingress[7].from', 'db.yaml:10'],
  ];
  for (const [path, line] of rows) it(`"${path}" is ${line}`, () => assert.equal(manifests.lineOf(ref, path), line));

  it('knows nothing of other policies', () => assert.equal(manifests.lineOf({ ...ref, name: 'x' }, 'spec'), undefined));

  it('refuses what is no YAML, with its line', () => {
    assert.throws(() => readManifests([{ name: 'bad.yaml', text: 'kind: X\nspec: [1,\n' }]), /^PolicyError: bad\.yaml:[23]: /);
  });
});
