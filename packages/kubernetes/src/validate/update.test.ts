import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CauseRow, made, registry, selected, summarize } from './testing/cases.ts';
import { validateStatusUpdate, validateUpdate } from './validate.ts';

const { template } = selected;

describe('validateUpdate', () => {
  const changed = (apiVersion: string, kind: string, before: Record<string, unknown>, after: Record<string, unknown>): string[] =>
    summarize(validateUpdate(registry, made(apiVersion, kind, after), made(apiVersion, kind, before)));
  const podOf = (spec: Record<string, unknown>): Record<string, unknown> => ({
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  });
  const deployment = { spec: selected };
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  const csrOf = (status: Record<string, unknown>): Record<string, unknown> => ({
    spec: { request: 'eA==', signerName: 'a.example/b', usages: ['client auth'] },
    status,
  });
  const decided = (before: Record<string, unknown>, after: Record<string, unknown>): string[] =>
    changed('certificates.k8s.io/v1', 'CertificateSigningRequest', csrOf(before), csrOf(after));
  const approved = { type: 'Approved', status: 'True' };
  const rows: CauseRow[] = [
    ['nothing', changed('apps/v1', 'Deployment', deployment, deployment), []],
    ['replicas', changed('apps/v1', 'Deployment', deployment, { spec: { ...selected, replicas: 5 } }), []],
    [
      'a selector',
      changed('apps/v1', 'Deployment', deployment, {
        spec: { selector: { matchLabels: { c: 'd' } }, template: { ...template, metadata: { labels: { c: 'd' } } } },
      }),
      ['spec.selector Invalid'],
    ],
    [
      'a name',
      changed('v1', 'ConfigMap', { metadata: { name: 'a' } }, { metadata: { name: 'b' } }),
      ['metadata.name Invalid', 'metadata.name Invalid'],
    ],
    ['an image of a pod', changed('v1', 'Pod', podOf({}), podOf({ containers: [{ name: 'c', image: 'i:latest' }] })), []],
    [
      'a command of a pod',
      changed('v1', 'Pod', podOf({}), podOf({ containers: [{ name: 'c', image: 'i', command: ['x'] }] })),
      ['spec Forbidden'],
    ],
    ['binding a pod', changed('v1', 'Pod', podOf({}), podOf({ nodeName: 'n1' })), []],
    ['moving a pod', changed('v1', 'Pod', podOf({ nodeName: 'n1' }), podOf({ nodeName: 'n2' })), ['spec Forbidden']],
    ['adding a toleration', changed('v1', 'Pod', podOf({}), podOf({ tolerations: [{ key: 'a', operator: 'Exists' }] })), []],
    [
      'taking a toleration away',
      changed('v1', 'Pod', podOf({ tolerations: [{ key: 'a', operator: 'Exists' }] }), podOf({})),
      ['spec.tolerations Forbidden'],
    ],
    ['an approval', decided({}, { conditions: [approved] }), []],
    [
      'an approval that is none',
      decided({}, { conditions: [{ ...approved, status: 'False' }] }),
      ['status.conditions[0].status NotSupported'],
    ],
    ['an approval twice', decided({}, { conditions: [approved, approved] }), ['status.conditions[1].type Duplicate']],
    ['an approval taken back', decided({ conditions: [approved] }, { conditions: [] }), ['status.conditions Forbidden']],
    [
      'a denial of what was approved',
      decided({ conditions: [approved] }, { conditions: [approved, { type: 'Denied', status: 'True' }] }),
      ['status.conditions Invalid'],
    ],
    ['a certificate that is none', decided({}, { certificate: encoded('x') }), ['status.certificate Invalid']],
    [
      'a key for a certificate',
      decided({}, { certificate: encoded('-----BEGIN PRIVATE KEY-----\neA==\n-----END PRIVATE KEY-----\n') }),
      ['status.certificate Invalid'],
    ],
    ['a certificate over another', decided({ certificate: encoded('a') }, { certificate: '' }), ['status.certificate Forbidden']],
    [
      'a service address',
      changed(
        'v1',
        'Service',
        { spec: { clusterIP: '10.96.0.1', ports: [{ port: 1 }] } },
        { spec: { clusterIP: '10.96.0.2', ports: [{ port: 1 }] } },
      ),
      ['spec.clusterIPs[0] Invalid'],
    ],
    [
      'a service that becomes external',
      changed(
        'v1',
        'Service',
        { spec: { clusterIP: '10.96.0.1', ports: [{ port: 1 }] } },
        { spec: { type: 'ExternalName', externalName: 'a.example' } },
      ),
      [],
    ],
    [
      'frozen data',
      changed('v1', 'ConfigMap', { immutable: true, data: { a: '1' } }, { immutable: true, data: { a: '2' } }),
      ['data Forbidden'],
    ],
    ['thawing', changed('v1', 'Secret', { immutable: true }, {}), ['immutable Forbidden']],
    ['a secret type', changed('v1', 'Secret', {}, { type: 'other' }), ['type Invalid']],
    [
      'a role reference',
      changed(
        'rbac.authorization.k8s.io/v1',
        'RoleBinding',
        { roleRef: { kind: 'Role', name: 'a' } },
        { roleRef: { kind: 'Role', name: 'b' } },
      ),
      ['roleRef Invalid'],
    ],
    [
      'a volume claim template',
      changed('apps/v1', 'StatefulSet', { spec: { ...selected, serviceName: 'a' } }, { spec: { ...selected, serviceName: 'b' } }),
      ['spec Forbidden'],
    ],
    [
      'a finalizer during deletion',
      changed(
        'v1',
        'ConfigMap',
        { metadata: { name: 'x', deletionTimestamp: '2026-01-01T00:00:00Z' } },
        { metadata: { name: 'x', deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a/b'] } },
      ),
      ['metadata.finalizers Forbidden', 'metadata.finalizers Forbidden'],
    ],
  ];
  for (const [name, found, causes] of rows) test(name, () => assert.deepEqual(found, causes));
});

describe('validateStatusUpdate', () => {
  const judged = (apiVersion: string, kind: string, status: object, old: object = {}): string[] =>
    validateStatusUpdate(registry, made(apiVersion, kind, { status }), made(apiVersion, kind, { status: old })).map(
      ({ field, message }) => `${field}: ${message}`,
    );

  test('counters are not negative, parts not more than the whole, and the spec is not asked', () => {
    assert.deepEqual(judged('apps/v1', 'Deployment', { replicas: 1, readyReplicas: 2, availableReplicas: 1 }), [
      'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
    ]);
    assert.deepEqual(judged('apps/v1', 'StatefulSet', { replicas: 2, availableReplicas: 1 }), [
      'status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas',
    ]);
    assert.deepEqual(judged('apps/v1', 'ReplicaSet', { replicas: 2, availableReplicas: 1 }), [
      'status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas',
    ]);
    assert.deepEqual(judged('apps/v1', 'DaemonSet', { numberReady: -1 }), [
      'status.numberReady: Invalid value: -1: must be greater than or equal to 0',
    ]);
    assert.deepEqual(judged('policy/v1', 'PodDisruptionBudget', { expectedPods: -1 }), [
      'status.expectedPods: Invalid value: -1: must be greater than or equal to 0',
    ]);
  });

  test('collisions are only counted up', () => {
    assert.deepEqual(judged('apps/v1', 'DaemonSet', { collisionCount: 1 }, { collisionCount: 2 }), [
      'status.collisionCount: Invalid value: 1: cannot be decremented',
    ]);
    assert.deepEqual(judged('apps/v1', 'Deployment', { collisionCount: 2 }, { collisionCount: 2 }), []);
  });
});
