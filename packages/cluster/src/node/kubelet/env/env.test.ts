import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Container, Pod } from '../pod-types.ts';
import { expandAll, resolveEnvironment } from './environment.ts';
import { expandVariables } from './expand.ts';
import { ContainerConfigError, type PodFacts, readField, readResource } from './fields.ts';
import { renderServiceLinks } from './service-links.ts';

test('$(NAME) expansion', () => {
  const env: Record<string, string> = { A: 'a', B: '$(A)', EMPTY: '' };
  const rows: [text: string, expected: string][] = [
    ['', ''],
    ['$(A)', 'a'],
    ['x$(A)y$(A)', 'xaya'],
    ['$(B)', '$(A)'],
    ['$(EMPTY)!', '!'],
    // unknown names and half expressions stay
    ['$(MISSING)', '$(MISSING)'],
    ['$(A', '$(A'],
    ['$()', '$()'],
    ['$A', '$A'],
    ['cost: $', 'cost: $'],
    ['$5', '$5'],
    // escapes
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$a'],
    ['$$$$(A)', '$$(A)'],
    ['$$', '$'],
  ];
  for (const [text, expected] of rows)
    assert.equal(
      expandVariables(text, (name) => env[name]),
      expected,
      text,
    );
  assert.equal(expandAll(undefined, env), undefined);
});

test('text without a dollar never changes, and escaped text comes back', () => {
  fc.assert(fc.property(fc.string(), (text) => expandVariables(text.replaceAll('$', ''), () => 'x') === text.replaceAll('$', '')));
  fc.assert(fc.property(fc.string(), (text) => expandVariables(text.replaceAll('$', '$$$$'), () => 'x') === text));
});

const container: Container = {
  name: 'main',
  image: 'x',
  resources: { limits: { cpu: '1500m', memory: '100Mi' }, requests: { cpu: '250m' } },
};
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { b: '2', a: 'x"y' }, annotations: { note: 'hi' } },
  spec: { containers: [container, { name: 'other', image: 'x' }], serviceAccountName: 'robot' },
};
const facts: PodFacts = {
  pod,
  nodeName: 'node1',
  hostIPs: ['1.1.1.1', 'fd00::1'],
  podIPs: ['10.0.0.1', 'fd00::2'],
  nodeCapacity: { cpu: 2, memoryBytes: 2 ** 31 },
};

test('downward API fields', () => {
  const rows: [path: string, expected: string][] = [
    ['metadata.name', 'p'],
    ['metadata.namespace', 'n'],
    ['metadata.uid', 'u'],
    ["metadata.labels['b']", '2'],
    ["metadata.labels['none']", ''],
    ["metadata.annotations['note']", 'hi'],
    ['metadata.labels', 'a="x\\"y"\nb="2"'],
    ['spec.nodeName', 'node1'],
    ['spec.serviceAccountName', 'robot'],
    ['status.hostIP', '1.1.1.1'],
    ['status.hostIPs', '1.1.1.1,fd00::1'],
    ['status.podIP', '10.0.0.1'],
    ['status.podIPs', '10.0.0.1,fd00::2'],
  ];
  for (const [path, expected] of rows) assert.equal(readField(facts, path), expected, path);
  assert.throws(() => readField(facts, 'spec.volumes'), ContainerConfigError);
});

test('downward API resources', () => {
  const rows: [ref: Parameters<typeof readResource>[2], expected: string][] = [
    [{ resource: 'limits.cpu' }, '2'],
    [{ resource: 'limits.cpu', divisor: '1m' }, '1500'],
    [{ resource: 'requests.cpu', divisor: '1m' }, '250'],
    [{ resource: 'limits.memory' }, '104857600'],
    [{ resource: 'limits.memory', divisor: '1Mi' }, '100'],
    // without a request the limit counts, without a limit the node
    [{ resource: 'requests.memory', divisor: '1Mi' }, '100'],
    [{ containerName: 'other', resource: 'limits.cpu' }, '2'],
    [{ containerName: 'other', resource: 'limits.memory', divisor: '1Gi' }, '2'],
    [{ containerName: 'other', resource: 'requests.cpu' }, '0'],
  ];
  for (const [ref, expected] of rows) assert.equal(readResource(facts, container, ref), expected, JSON.stringify(ref));
  assert.throws(() => readResource(facts, container, { containerName: 'nobody', resource: 'limits.cpu' }), ContainerConfigError);
  assert.throws(() => readResource(facts, container, { resource: 'spec.cpu' }), ContainerConfigError);
});

test('service links', () => {
  const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'n' }, spec });
  const env = renderServiceLinks([
    service('my-db', {
      clusterIP: '10.96.0.5',
      ports: [
        { name: 'main-port', port: 5432 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    }),
    service('six', { clusterIP: 'fd00::5', ports: [{ port: 80 }] }),
    service('headless', { clusterIP: 'None', ports: [{ port: 80 }] }),
    service('external', { type: 'ExternalName', externalName: 'example.com' }),
  ]);
  assert.deepEqual(env, {
    MY_DB_SERVICE_HOST: '10.96.0.5',
    MY_DB_SERVICE_PORT: '5432',
    MY_DB_SERVICE_PORT_MAIN_PORT: '5432',
    MY_DB_SERVICE_PORT_DNS: '53',
    MY_DB_PORT: 'tcp://10.96.0.5:5432',
    MY_DB_PORT_5432_TCP: 'tcp://10.96.0.5:5432',
    MY_DB_PORT_5432_TCP_PROTO: 'tcp',
    MY_DB_PORT_5432_TCP_PORT: '5432',
    MY_DB_PORT_5432_TCP_ADDR: '10.96.0.5',
    MY_DB_PORT_53_UDP: 'udp://10.96.0.5:53',
    MY_DB_PORT_53_UDP_PROTO: 'udp',
    MY_DB_PORT_53_UDP_PORT: '53',
    MY_DB_PORT_53_UDP_ADDR: '10.96.0.5',
    SIX_SERVICE_HOST: 'fd00::5',
    SIX_SERVICE_PORT: '80',
    SIX_PORT: 'tcp://[fd00::5]:80',
    SIX_PORT_80_TCP: 'tcp://[fd00::5]:80',
    SIX_PORT_80_TCP_PROTO: 'tcp',
    SIX_PORT_80_TCP_PORT: '80',
    SIX_PORT_80_TCP_ADDR: 'fd00::5',
  });
});

test('environment: order, and what is missing', () => {
  const config = {
    configMap: (name: string) =>
      name === 'cm' ? { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { A: 'map', B: 'map' } } : undefined,
    secret: (name: string) =>
      name === 's' ? { apiVersion: 'v1', kind: 'Secret', metadata: {}, data: { B: Buffer.from('secret').toString('base64') } } : undefined,
  };
  const resolve = (more: Partial<Container>) =>
    resolveEnvironment({ facts, container: { ...container, ...more }, config, serviceLinks: { LINK: 'link', A: 'link' } });
  assert.deepEqual(resolve({}), { LINK: 'link', A: 'link' });
  assert.deepEqual(
    resolve({
      envFrom: [{ configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }],
      env: [
        { name: 'C', value: '$(B) $(LINK) $(D)' },
        { name: 'D', value: 'd' },
      ],
    }),
    {
      LINK: 'link',
      A: 'map',
      B: 'secret',
      C: 'secret link $(D)',
      D: 'd',
    },
  );
  const missing: [more: Partial<Container>, message: string][] = [
    [{ envFrom: [{ configMapRef: { name: 'no' } }] }, 'configmap "no" not found'],
    [{ envFrom: [{ secretRef: { name: 'no' } }] }, 'secret "no" not found'],
    [{ env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'cm', key: 'Z' } } }] }, "couldn't find key Z in ConfigMap n/cm"],
    [{ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 's', key: 'Z' } } }] }, "couldn't find key Z in Secret n/s"],
  ];
  for (const [more, message] of missing) assert.throws(() => resolve(more), { name: 'ContainerConfigError', message });
  const optional = { name: 'no', optional: true };
  assert.deepEqual(
    resolve({ envFrom: [{ configMapRef: optional }], env: [{ name: 'X', valueFrom: { secretKeyRef: { ...optional, key: 'k' } } }] }),
    { LINK: 'link', A: 'link' },
  );
});
