import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SchemaRegistry } from '../schema/registry.ts';
import { isStatusError } from '../status.ts';
import { decodeProtobuf } from './envelope.ts';

const registry = SchemaRegistry.builtin();
const recorded = (name: string): Uint8Array => readFileSync(new URL(`../../testdata/kubectl-protobuf/${name}.bin`, import.meta.url));

/** Just enough of an encoder to write test messages: [field number, value]. */
type Field = readonly [number: number, value: string | number | bigint | Uint8Array];
function varint(value: number | bigint): number[] {
  const out: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 128n) return [...out, Number(rest)];
    out.push(Number(rest & 127n) | 128);
  }
}
function message(...fields: Field[]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number' || typeof value === 'bigint') return [...varint(number << 3), ...varint(value)];
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
    }),
  );
}
const body = (apiVersion: string, kind: string, raw: Uint8Array): Uint8Array =>
  Uint8Array.from([0x6b, 0x38, 0x73, 0, ...message([1, message([1, apiVersion], [2, kind])], [2, raw], [3, ''], [4, ''])]);

describe('bodies of kubectl 1.32 create', () => {
  const rows: [name: string, object: Record<string, unknown>][] = [
    [
      'deployment', // web --image=nginx:1.27 --replicas=3 --port=80
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', labels: { app: 'web' } },
        spec: {
          replicas: 3,
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: { labels: { app: 'web' } },
            spec: { containers: [{ name: 'nginx', image: 'nginx:1.27', ports: [{ containerPort: 80 }], resources: {} }] },
          },
          strategy: {},
        },
        status: {},
      },
    ],
    ['secret', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { a: 'Yg==' } }],
    ['configmap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { k: 'v' } }],
    [
      'service', // nodeport np --tcp=80:8080
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'np', labels: { app: 'np' } },
        spec: { ports: [{ name: '80-8080', protocol: 'TCP', port: 80, targetPort: 8080 }], selector: { app: 'np' }, type: 'NodePort' },
        status: { loadBalancer: {} },
      },
    ],
    [
      'ingress', // --rule=h.example.com/p*=svc:80,tls=t
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'i' },
        spec: {
          tls: [{ hosts: ['h.example.com'], secretName: 't' }],
          rules: [
            {
              host: 'h.example.com',
              http: { paths: [{ path: '/p', backend: { service: { name: 'svc', port: { number: 80 } } }, pathType: 'Prefix' }] },
            },
          ],
        },
        status: { loadBalancer: {} },
      },
    ],
    [
      'resourcequota',
      { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { cpu: '1500m', pods: '2' } }, status: {} },
    ],
    [
      'clusterrole',
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'cr' },
        rules: [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }],
      },
    ],
    [
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: { expirationSeconds: 3600 },
        status: { token: '' },
      },
    ],
    [
      'selfsubjectaccessreview', // auth can-i create pods
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        metadata: {},
        spec: { resourceAttributes: { namespace: 'default', verb: 'create', resource: 'pods' } },
        status: { allowed: false },
      },
    ],
    ['namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ns' }, spec: {}, status: {} }],
    [
      'priorityclass',
      {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name: 'pc' },
        value: 5,
        preemptionPolicy: 'PreemptLowerPriority',
      },
    ],
  ];
  for (const [name, object] of rows) test(name, () => assert.deepEqual(decodeProtobuf(registry, recorded(name)), object));
  for (const [name, path] of [
    ['job', ['spec', 'template']],
    ['cronjob', ['spec', 'jobTemplate', 'spec', 'template']],
  ] as const) {
    test(`${name}: containers of the template`, () => {
      // biome-ignore lint/suspicious/noExplicitAny: walks a free-form object
      const template: any = path.reduce((at: any, key) => at[key], decodeProtobuf(registry, recorded(name)));
      assert.equal(template.spec.containers[0].image, 'busybox');
    });
  }
});

describe('wire forms', () => {
  const podWith = (...spec: Field[]): Uint8Array => body('v1', 'Pod', message([2, message(...spec)]));
  const specOf = (bytes: Uint8Array): Record<string, unknown> => decodeProtobuf(registry, bytes)['spec'];
  test('structs that Go embeds are lifted: a volume source, a probe handler', () => {
    const volume = message([1, 'v'], [2, message([2, message([1, 'Memory'])])]);
    const probe = message([1, message([2, message([1, '/z'], [2, message([1, 0], [2, 80])])])], [3, 7]);
    const container = message([1, 'c'], [10, probe]);
    assert.deepEqual(specOf(podWith([1, volume], [2, container])), {
      volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }],
      containers: [{ name: 'c', livenessProbe: { httpGet: { path: '/z', port: 80 }, timeoutSeconds: 7 } }],
    });
  });
  test('named and numbered ports', () => {
    const ingressPort = (value: Uint8Array): unknown => {
      const policy = message([2, message([2, message([1, message([2, value])])])]);
      return decodeProtobuf(registry, body('networking.k8s.io/v1', 'NetworkPolicy', policy))['spec'].ingress[0].ports[0].port;
    };
    assert.equal(ingressPort(message([1, 1], [2, 0], [3, 'http'])), 'http');
    assert.equal(ingressPort(message([1, 0], [2, 443], [3, ''])), 443);
  });
  test('negative numbers, packed lists, times, quantities', () => {
    const groups = message([4, Uint8Array.from([...varint(1000), ...varint(2000)])]);
    assert.deepEqual(specOf(podWith([14, groups], [25, -5n])), { securityContext: { supplementalGroups: [1000, 2000] }, priority: -5 });
    const created = body('v1', 'Pod', message([1, message([1, 'p'], [8, message([1, 1700000000], [2, 0])])]));
    assert.equal(decodeProtobuf(registry, created).metadata.creationTimestamp, '2023-11-14T22:13:20Z');
  });
  test('lists wrapped in a message: extra values of a user', () => {
    const entry = message([1, 'scopes'], [2, message([1, 'a'], [1, 'b'])]);
    const review = body('authorization.k8s.io/v1', 'SubjectAccessReview', message([2, message([5, entry])]));
    assert.deepEqual(decodeProtobuf(registry, review)['spec'].extra, { scopes: ['a', 'b'] });
  });
  test('fields from a newer release are skipped', () => {
    assert.deepEqual(specOf(podWith([19000, 'x'], [19001, 5], [10, 'node-1'])), { nodeName: 'node-1' });
  });
  test('any labels survive', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })), (labels) => {
        const entries = Object.entries(labels).map(([k, v]): Field => [11, message([1, k], [2, v])]);
        const found = decodeProtobuf(registry, body('v1', 'Pod', message([1, message(...entries)]))).metadata.labels ?? {};
        assert.deepEqual(Object.entries(found), Object.entries(labels));
      }),
    );
  });
});

describe('hostile bodies', () => {
  const refused = (bytes: Uint8Array): boolean => {
    try {
      decodeProtobuf(registry, bytes);
      return false;
    } catch (error) {
      assert.ok(isStatusError(error, 'BadRequest') && error.code === 400, String(error));
      return true;
    }
  };
  test('no magic, unknown kind, unsupported encoding', () => {
    assert.ok(refused(new Uint8Array()));
    assert.ok(refused(new TextEncoder().encode('{"kind":"Pod"}')));
    assert.ok(refused(body('v1', 'Pid', new Uint8Array())));
    assert.ok(refused(Uint8Array.from([0x6b, 0x38, 0x73, 0, ...message([1, message([1, 'v1'], [2, 'Pod'])], [3, 'gzip'])])));
  });
  test('every cut of the object is refused or a shorter object, never another error', () => {
    const whole = recorded('deployment');
    for (let length = 0; length < whole.length; length++) refused(whole.subarray(0, length));
    assert.ok(refused(whole.subarray(0, whole.length - 40)));
  });
  test('flipped bytes end in an object or a 400', () => {
    const whole = recorded('ingress');
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const bytes = Uint8Array.from(whole);
        bytes[at] = value;
        refused(bytes);
      }),
      { numRuns: 1000 },
    );
  });
  test('messages nested without end are refused', () => {
    let schema: Uint8Array = message([1, 'x']);
    // JSONSchemaProps.not is field 28 and of its own type
    for (let i = 0; i < 500; i++) schema = message([28, schema]);
    const crd = message([2, message([7, message([4, message([1, schema])])])]);
    assert.ok(refused(body('apiextensions.k8s.io/v1', 'CustomResourceDefinition', crd)));
  });
});
