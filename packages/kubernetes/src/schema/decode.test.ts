import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GroupVersionKind } from '../object.ts';
import { isStatusError } from '../status.ts';
import { decodeStrict, strictDecodingError } from './decode.ts';
import { SchemaRegistry } from './registry.ts';

const registry = SchemaRegistry.builtin();
const pod: GroupVersionKind = { group: '', version: 'v1', kind: 'Pod' };
const podWith = (spec: unknown): unknown => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });

describe('decodeStrict', () => {
  test('names unknown fields by path and drops them', () => {
    const { object, unknownFields } = decodeStrict(registry, pod, podWith({ containers: [{ name: 'c', imagee: 'b' }], foo: 1 }));
    assert.deepEqual(unknownFields, ['unknown field "spec.containers[0].imagee"', 'unknown field "spec.foo"']);
    assert.deepEqual(object['spec'], { containers: [{ name: 'c' }] });
    assert.equal(
      strictDecodingError(pod, unknownFields).message,
      'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imagee", unknown field "spec.foo"',
    );
  });

  test('stores what the server would: zero values vanish unless a pointer holds them', () => {
    const spec = {
      nodeName: '',
      hostNetwork: false,
      nodeSelector: {},
      automountServiceAccountToken: false,
      containers: [{ name: 'c', resources: { limits: { cpu: 0.5, memory: '1024Mi' } } }],
      tolerations: null,
    };
    const { object } = decodeStrict(registry, pod, podWith(spec));
    assert.deepEqual(object['spec'], {
      automountServiceAccountToken: false,
      containers: [{ name: 'c', resources: { limits: { cpu: '500m', memory: '1Gi' } } }],
    });
  });

  test('fills in a missing apiVersion and kind, and metadata only where the kind has it', () => {
    assert.deepEqual(decodeStrict(registry, pod, {}).object, { apiVersion: 'v1', kind: 'Pod', metadata: {} });
    assert.deepEqual(decodeStrict(registry, { ...pod, kind: 'DeleteOptions' }, { gracePeriodSeconds: 0 }).object, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
    });
  });

  test('hostile keys stay data', () => {
    const labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const { object, unknownFields } = decodeStrict(
      registry,
      pod,
      JSON.parse('{"metadata":{"labels":{"__proto__":"x","constructor":"y"}},"__proto__":{"a":1}}'),
    );
    assert.deepEqual(Object.entries(object.metadata.labels!), Object.entries(labels));
    assert.deepEqual(unknownFields, ['unknown field "__proto__"']);
  });

  const refusals: [name: string, value: unknown, message: string][] = [
    [
      'list',
      podWith({ containers: { name: 'c' } }),
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    ['bool', podWith({ hostNetwork: 'yes' }), 'json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool'],
    [
      'alias',
      podWith({ restartPolicy: 1 }),
      'json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy',
    ],
    [
      'map',
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      'fraction',
      podWith({ containers: [{ ports: [{ containerPort: 1.5 }] }] }),
      'json: cannot unmarshal number 1.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
    ],
    ['struct', podWith([]), 'json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec'],
    [
      'quantity',
      podWith({ containers: [{ resources: { limits: { cpu: 'abc' } } }] }),
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ];
  for (const [name, value, why] of refusals) {
    test(`refuses a wrong ${name} with the server's text`, () => {
      assert.throws(
        () => decodeStrict(registry, pod, value),
        (e) => isStatusError(e, 'BadRequest') && e.code === 400 && e.message === `Pod in version "v1" cannot be handled as a Pod: ${why}`,
      );
    });
  }

  test('refuses another kind, an unknown kind and another version', () => {
    const messageOf = (value: unknown): string => {
      try {
        decodeStrict(registry, pod, value);
      } catch (e) {
        return (e as Error).message;
      }
      return 'accepted';
    };
    assert.equal(
      messageOf({ apiVersion: 'v1', kind: 'Service' }),
      'Service in version "v1" cannot be handled as a Pod: converting (v1.Service) to (core.Pod): unknown conversion',
    );
    assert.match(
      messageOf({ apiVersion: 'v1', kind: 'Pid' }),
      /^Pid in version "v1" cannot be handled as a Pod: no kind "Pid" is registered for version "v1"/,
    );
    assert.match(messageOf('x'), /cannot unmarshal string into Go value of type v1\.Pod$/);
  });

  test('secrets: malformed base64 is refused at its byte', () => {
    const secret = { group: '', version: 'v1', kind: 'Secret' };
    assert.throws(() => decodeStrict(registry, secret, { data: { a: '***' } }), /illegal base64 data at input byte 0$/);
    assert.throws(() => decodeStrict(registry, secret, { data: { a: 'YWJjZ' } }), /illegal base64 data at input byte 4$/);
    assert.deepEqual(decodeStrict(registry, secret, { data: { a: 'YWJj\nZA==' } }).object['data'], { a: 'YWJjZA==' });
  });

  test('times are stored in UTC', () => {
    const decode = (t: string): unknown =>
      decodeStrict(registry, pod, { metadata: { creationTimestamp: t } }).object.metadata.creationTimestamp;
    assert.equal(decode('2024-05-01T12:00:00.5+02:00'), '2024-05-01T10:00:00Z');
    assert.throws(() => decode('yesterday'), /parsing time "yesterday" as "2006-01-02T15:04:05Z07:00"/);
  });
});
