import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { escapeEvent } from './escape-events.ts';
import { injectPod } from './inject/inject.ts';

const enabled = { 'istio-injection': 'enabled' };
const now = new Date('2026-01-01T00:00:00.123Z');
const pod = (metadata: object = {}, container: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'shop', uid: 'u', ...metadata },
  spec: { containers: [{ name: 'app', image: 'x', ...container }] },
});
const settings = {
  image: 'p',
  discoveryAddress: 'istiod:15012',
  trustDomain: 'cluster.local',
  dataplane: 'palisade',
  profile: 'current',
  interception: 'redirect',
} as const;

test('an Event names every way past the proxy; none for pods without, inline, outside the mesh, or for the mesh’s own containers', () => {
  const out = { annotations: { 'sidecar.istio.io/inject': 'false' } };
  const event = escapeEvent(pod(out, { securityContext: { runAsUser: 1337 } }), enabled, now)!;
  assert.equal(
    event['message'],
    'Past the mesh: sidecar.istio.io/inject=false: it has no proxy; container "app": runs as user 1337, whose traffic is exempt',
  );
  assert.deepEqual(
    [event.metadata.name, event['reason'], event['type'], event['lastTimestamp'], (event['involvedObject'] as { uid: string }).uid],
    ['web-1.mesh-escape', 'MeshEscape', 'Warning', '2026-01-01T00:00:00Z', 'u'],
  );
  assert.ok(escapeEvent(pod(out), { 'istio.io/rev': 'default' }, now));
  assert.equal(escapeEvent(pod(out), {}, now), undefined);
  assert.equal(escapeEvent(pod(), enabled, now), undefined);
  const privileged = pod({}, { securityContext: { privileged: true } });
  assert.ok(escapeEvent(privileged, enabled, now));
  const line = { ...privileged, metadata: { ...privileged.metadata, annotations: { 'palisade.dev/interception': 'inline' } } };
  assert.equal(escapeEvent(line, enabled, now), undefined);
  const injected = injectPod(pod(), { name: 'shop', labels: enabled }, settings).pod;
  assert.equal(escapeEvent(injected, enabled, now), undefined, 'the proxy itself runs as 1337, and its init container changes rules');
});
