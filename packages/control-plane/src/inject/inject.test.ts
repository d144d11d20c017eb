import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyJsonPatch, type KubernetesObject } from '@palisade/kubernetes';
import { decideInjection } from './decide.ts';
import { type InjectionSettings, renderPatch } from './patch.ts';

const settings: InjectionSettings = {
  image: 'palisade/proxy',
  discoveryAddress: 'istiod.istio-system.svc:15012',
  trustDomain: 'cluster.local',
  dataplane: 'palisade',
};
const pod = (metadata: object = {}, spec: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'shop', ...metadata },
  spec: { containers: [{ name: 'app', image: 'busybox' }], ...spec },
});
const inject = 'sidecar.istio.io/inject';

test('who gets a proxy: label before annotation before namespace', () => {
  const enabled = { 'istio-injection': 'enabled' };
  const rows: [string, KubernetesObject, Record<string, string>, boolean][] = [
    ['nothing said', pod(), {}, false],
    ['namespace', pod(), enabled, true],
    ['namespace disabled', pod(), { 'istio-injection': 'disabled' }, false],
    ['label no', pod({ labels: { [inject]: 'false' } }), enabled, false],
    ['label yes', pod({ labels: { [inject]: 'true' } }), {}, true],
    ['annotation no', pod({ annotations: { [inject]: 'false' } }), enabled, false],
    ['label beats annotation', pod({ labels: { [inject]: 'true' }, annotations: { [inject]: 'false' } }), {}, true],
    ['host network', pod({}, { hostNetwork: true }), enabled, false],
    ['has one', pod({}, { containers: [{ name: 'istio-proxy', image: 'x' }] }), enabled, false],
  ];
  for (const [name, object, labels, expected] of rows) assert.equal(decideInjection(object, labels).isInjected, expected, name);
});

type Patched = KubernetesObject & {
  spec: { initContainers: { name: string; env?: { name: string; value?: string }[] }[]; volumes: { name: string }[] };
};

test('the patched pod: interception, then the proxy, then the pod’s own init containers; labels and volumes kept', () => {
  const own = pod(
    { labels: { app: 'x' }, annotations: { 'traffic.sidecar.istio.io/excludeInboundPorts': '9000', 'palisade.dev/dataplane': 'envoy' } },
    { initContainers: [{ name: 'mine', image: 'busybox' }], volumes: [{ name: 'data', emptyDir: {} }] },
  );
  const patched = applyJsonPatch(own, renderPatch(own, settings)) as Patched;
  assert.deepEqual(
    patched.spec.initContainers.map(({ name }) => name),
    ['istio-init', 'istio-proxy', 'mine'],
  );
  assert.deepEqual(
    patched.spec.volumes.map(({ name }) => name),
    ['data', 'istio-token', 'istiod-ca-cert'],
  );
  assert.deepEqual(patched.metadata.labels, { app: 'x', 'security.istio.io/tlsMode': 'istio' });
  assert.deepEqual(patched.spec.initContainers[0]!.env, [{ name: 'EXCLUDE_INBOUND_PORTS', value: '9000' }]);
  assert.equal(patched.spec.initContainers[1]!.env!.find(({ name }) => name === 'PALISADE_DATAPLANE')!.value, 'envoy');
});

test('a pod without init containers, labels or volumes gets them', () => {
  const own = pod();
  const patched = applyJsonPatch(own, renderPatch(own, settings)) as Patched;
  assert.deepEqual(
    patched.spec.initContainers.map(({ name }) => name),
    ['istio-init', 'istio-proxy'],
  );
  assert.equal(patched.metadata.labels?.['security.istio.io/tlsMode'], 'istio');
  assert.equal(patched.spec.volumes.length, 2);
});
