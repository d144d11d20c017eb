import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyJsonPatch, type KubernetesObject } from '@palisade/kubernetes';
import { compilePolicies } from '../compile/compile.ts';
import { podsOf, policy } from '../testing/fixtures.ts';
import type { LintFinding } from './finding.ts';
import { lintPolicies } from './lint.ts';
import { patchFor, pointerOf } from './patch.ts';

const pods = podsOf({
  'default/db': { labels: { app: 'db' }, ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }] },
  'default/web': { labels: { app: 'web' } },
  'kube-system/dns': { labels: { 'k8s-app': 'kube-dns' }, ports: [{ name: 'dns', protocol: 'UDP', port: 53 }] },
});
const db = { matchLabels: { app: 'db' } };
const web = { podSelector: { matchLabels: { app: 'web' } } };

function lint(spec: object, others: readonly KubernetesObject[] = []): { findings: LintFinding[]; object: KubernetesObject } {
  const object = policy('default', 'p', { podSelector: db, ...spec }) as KubernetesObject;
  const clusterPolicies = others.filter(({ kind }) => kind === 'ClusterNetworkPolicy');
  const compiled = compilePolicies({ namespaces: [], pods, networkPolicies: [object], clusterPolicies });
  return { findings: lintPolicies(compiled, [object, ...others]), object };
}

const admin = (...ingress: object[]): KubernetesObject => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha2',
  kind: 'ClusterNetworkPolicy',
  metadata: { name: 'a' },
  spec: { tier: 'Admin', priority: 1, subject: { namespaces: {} }, ingress },
});
const everybody = [{ namespaces: {} }];

describe('rules that the Admin tier shadows', () => {
  const cases: readonly (readonly [name: string, rule: object, admin: object[], isShadowed: boolean])[] = [
    ['a Deny of everybody', { from: [web] }, [{ action: 'Deny', from: everybody }], true],
    [
      'a Deny of other ports',
      { from: [web], ports: [{ port: 80 }] },
      [{ action: 'Deny', from: everybody, protocols: [{ tcp: { destinationPort: { number: 81 } } }] }],
      false,
    ],
    [
      'a Deny of the same port',
      { from: [web], ports: [{ port: 80 }] },
      [{ action: 'Deny', from: everybody, protocols: [{ tcp: { destinationPort: { range: { start: 79, end: 81 } } } }] }],
      true,
    ],
    [
      'an Accept comes first',
      { from: [web] },
      [
        { action: 'Accept', from: everybody },
        { action: 'Deny', from: everybody },
      ],
      false,
    ],
    ['the rule is for addresses too', { from: [web, { ipBlock: { cidr: '192.0.2.0/24' } }] }, [{ action: 'Deny', from: everybody }], false],
    ['the rule is for everybody, outside too', {}, [{ action: 'Deny', from: everybody }], false],
  ];
  for (const [name, rule, rules, isShadowed] of cases) {
    it(name, () => {
      const { findings } = lint({ ingress: [rule] }, [admin(...rules)]);
      assert.equal(
        findings.some(({ rule: found }) => found === 'shadowed'),
        isShadowed,
      );
    });
  }
});

describe('ports of Services', () => {
  const service = (ports: object[], selector: object = { app: 'db' }): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'default', name: 's' },
    spec: { selector, ports },
  });
  const cases: readonly (readonly [name: string, service: KubernetesObject, intended: readonly number[]])[] = [
    ['by number', service([{ port: 80, targetPort: 8080 }]), [8080]],
    ['by name', service([{ port: 80, targetPort: 'sql' }]), [5432]],
    ['the same port on both sides', service([{ port: 80 }]), []],
    ['another protocol', service([{ port: 80, targetPort: 8080, protocol: 'UDP' }]), []],
    ['of other pods', service([{ port: 80, targetPort: 8080 }], { app: 'web' }), []],
    [
      'that another port leads to',
      service([
        { port: 80, targetPort: 8080 },
        { port: 81, targetPort: 80 },
      ]),
      [],
    ],
  ];
  for (const [name, object, intended] of cases) {
    it(name, () => {
      const { findings } = lint({ ingress: [{ ports: [{ port: 80 }] }] }, [object]);
      assert.deepEqual(
        findings.flatMap((finding) => finding.intended ?? []),
        intended,
      );
    });
  }
});

describe('patchFor', () => {
  const cases: readonly (readonly [name: string, spec: object])[] = [
    ['a dash too many', { ingress: [{ from: [{ namespaceSelector: { matchLabels: { a: 'b' } } }, web] }] }],
    ['a selector left null', { podSelector: { matchLabels: null }, ingress: [{}] }],
    ['DNS cut off', { policyTypes: ['Egress'], egress: [{ to: [web] }] }],
  ];
  for (const [name, spec] of cases) {
    it(`${name}: the patched policy has nothing of it`, () => {
      const { findings, object } = lint(spec);
      const found = findings.find((finding) => patchFor(finding, object));
      const mended = applyJsonPatch(structuredClone(object), patchFor(found!, object)!) as { spec: object };
      assert.equal(
        lint(mended.spec).findings.some(({ rule }) => rule === found!.rule),
        false,
      );
    });
  }
  it('pointers', () => assert.equal(pointerOf('spec.ingress[0].from[12].podSelector'), '/spec/ingress/0/from/12/podSelector'));
});
