import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubernetesObject } from '../object.ts';
import { SchemaRegistry } from '../schema/registry.ts';
import { applyDefaults } from './apply.ts';

const registry = SchemaRegistry.builtin();
const defaulted = (object: Record<string, unknown>): KubernetesObject =>
  applyDefaults(registry, { metadata: {}, ...object } as KubernetesObject);
const containerOf = (image: string): Record<string, unknown> =>
  defaulted({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'c', image }] } })['spec'].containers[0];

describe('applyDefaults', () => {
  for (const [image, policy] of [
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['reg:5000/nginx', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['reg:5000/a/b@sha256:00', 'IfNotPresent'],
  ] as const) {
    test(`${image} is pulled ${policy}`, () => assert.equal(containerOf(image)['imagePullPolicy'], policy));
  }

  test('does not touch its argument and is idempotent', () => {
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: { selector: {}, template: { spec: { containers: [{ name: 'c' }] } } },
    };
    const before = JSON.stringify(object);
    const once: KubernetesObject = applyDefaults(registry, object);
    assert.equal(JSON.stringify(object), before);
    assert.deepEqual(applyDefaults(registry, once), once);
    assert.deepEqual(once['spec'].strategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } });
  });

  test('limits become requests in pods, not in templates', () => {
    const spec = { containers: [{ name: 'c', resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } } }] };
    assert.deepEqual(defaulted({ apiVersion: 'v1', kind: 'Pod', spec })['spec'].containers[0].resources.requests, {
      cpu: '500m',
      memory: '1Gi',
    });
    const template = defaulted({ apiVersion: 'apps/v1', kind: 'ReplicaSet', spec: { template: { spec } } })['spec'].template.spec;
    assert.deepEqual(template.containers[0].resources.requests, { cpu: '500m' });
    assert.equal('enableServiceLinks' in template, false);
  });

  test('a Secret stores stringData as data', () => {
    const secret = defaulted({ apiVersion: 'v1', kind: 'Secret', data: { a: 'eA==', b: 'eQ==' }, stringData: { a: 'z' } });
    assert.deepEqual(secret['data'], { a: 'eg==', b: 'eQ==' });
    assert.equal('stringData' in secret, false);
  });

  test('a work-queue Job keeps completions open', () => {
    assert.equal(defaulted({ apiVersion: 'batch/v1', kind: 'Job', spec: { parallelism: 2 } })['spec'].completions, undefined);
    assert.equal(defaulted({ apiVersion: 'batch/v1', kind: 'Job', spec: {} })['spec'].completions, 1);
  });

  test('an unknown kind comes back as it is', () => {
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: {}, spec: { size: 1 } };
    assert.deepEqual(applyDefaults(registry, widget), widget);
  });
});
