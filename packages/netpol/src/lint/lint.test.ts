import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePolicies } from '../compile/compile.ts';
import { readManifests } from '../manifests/manifests.ts';
import { snapshotOf } from '../snapshot.ts';
import { podsOf } from '../testing/fixtures.ts';
import { lintPolicies } from './lint.ts';

const pods = podsOf({
  'default/db': { labels: { app: 'db' }, ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }] },
  'default/client': { labels: { role: 'client' } },
  'prod/client': { labels: { role: 'client' } },
  'kube-system/dns': { labels: { 'k8s-app': 'kube-dns' }, ports: [{ name: 'dns', protocol: 'UDP', port: 53 }] },
});
const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: prod, labels: { user: alice } }\n---\n';

/** `rule file:line message` of each finding. */
function lint(spec: string): string[] {
  const indented = spec.replace(/^/gm, '  ');
  const text = `${namespace}apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec:\n${indented}\n`;
  const manifests = readManifests([{ name: 'p.yaml', text }]);
  const compiled = compilePolicies({ ...snapshotOf(manifests.objects), pods });
  return lintPolicies(compiled, manifests.objects).map(
    (finding) => `${finding.rule} ${manifests.lineOf(finding.policy, finding.path)} ${finding.message}`,
  );
}

const SELECT_DB = 'podSelector: { matchLabels: { app: db } }\n';

const cases: readonly (readonly [name: string, spec: string, findings: readonly RegExp[]])[] = [
  ['nothing to say', `${SELECT_DB}ingress:\n- from:\n  - podSelector: { matchLabels: { role: client } }\n  ports:\n  - port: sql`, []],
  [
    'the dash of seed "YAML Traps"',
    `${SELECT_DB}ingress:\n- from:\n  - namespaceSelector:\n      matchLabels: { user: alice }\n  - podSelector:\n      matchLabels: { role: client }`,
    [
      /^or-instead-of-and p\.yaml:14 this means every pod in namespaces with user=alice, OR pods of default with role=client; for pods with role=client in those namespaces, remove the dash/,
    ],
  ],
  [
    'without the dash',
    `${SELECT_DB}ingress:\n- from:\n  - namespaceSelector:\n      matchLabels: { user: alice }\n    podSelector:\n      matchLabels: { role: client }`,
    [],
  ],
  [
    'a selector left null',
    'podSelector:\n  matchLabels:\ningress:\n- from:\n  - podSelector: {}',
    [/^null-selector p\.yaml:10 matchLabels is left empty and asks for nothing: the selector takes everything/],
  ],
  [
    'selects nothing',
    'podSelector: { matchLabels: { app: none } }',
    [/^selects-nothing p\.yaml:9 no pod in namespace default has app=none/],
  ],
  [
    'peer selects nothing',
    `${SELECT_DB}ingress:\n- from:\n  - podSelector: { matchLabels: { role: none } }`,
    [/^peer-selects-nothing p\.yaml:12 no pod matches role=none in default/],
  ],
  [
    'port name',
    `${SELECT_DB}ingress:\n- ports:\n  - port: http`,
    [/^port-name-unknown p\.yaml:11 no pod the rule leads to has a TCP port named "http"/],
  ],
  [
    'DNS cut off',
    `${SELECT_DB}policyTypes: [Egress]\negress:\n- to:\n  - podSelector: { matchLabels: { role: client } }`,
    [/^dns-cut-off p\.yaml:11 no rule lets default\/db ask DNS/],
  ],
  [
    'DNS by number',
    `${SELECT_DB}policyTypes: [Egress]\negress:\n- to:\n  - namespaceSelector: {}\n  ports:\n  - { port: 53, protocol: UDP }`,
    [],
  ],
  [
    'DNS by name',
    `${SELECT_DB}policyTypes: [Egress]\negress:\n- to:\n  - namespaceSelector: {}\n  ports:\n  - { port: dns, protocol: UDP }`,
    [],
  ],
  ['no egress at all is meant', `${SELECT_DB}policyTypes: [Egress]`, []],
  [
    'ipBlock over pods',
    `${SELECT_DB}ingress:\n- from:\n  - ipBlock: { cidr: 10.244.0.0/30 }`,
    [/^ip-block-covers-pods p\.yaml:12 10\.244\.0\.0\/30 also means 3 pods, such as default\/db/],
  ],
  ['ipBlock outside', `${SELECT_DB}ingress:\n- from:\n  - ipBlock: { cidr: 192.0.2.0/24 }`, []],
  [
    'refused',
    `${SELECT_DB}ingress:\n- from:\n  - {}`,
    [/^refused p\.yaml:12 must hold podSelector, namespaceSelector or ipBlock; its pods are isolated/],
  ],
];

describe('lintPolicies', () => {
  for (const [name, spec, findings] of cases) {
    it(name, () => {
      const found = lint(spec);
      assert.equal(found.length, findings.length, found.join('\n'));
      for (const [index, pattern] of findings.entries()) assert.match(found[index]!, pattern);
    });
  }
});
