import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { applyDefaults } from '../defaults/apply.ts';
import type { KubernetesObject } from '../object.ts';
import { decodeStrict } from '../schema/decode.ts';
import { parseApiVersion, SchemaRegistry } from '../schema/registry.ts';
import { validateCreate, validateUpdate } from './validate.ts';

const registry = SchemaRegistry.builtin();

function made(apiVersion: string, kind: string, fields: Record<string, unknown>): KubernetesObject {
  const { object, unknownFields } = decodeStrict(
    registry,
    { ...parseApiVersion(apiVersion), kind },
    { metadata: { name: 'x' }, ...fields },
  );
  assert.deepEqual(unknownFields, []);
  return applyDefaults(registry, object);
}

/** `field reason` of each cause; the words of the recorded answers are held by the conformance suite. */
function causesOf(apiVersion: string, kind: string, fields: Record<string, unknown>): string[] {
  return validateCreate(registry, made(apiVersion, kind, fields)).map((c) => `${c.field} ${c.reason?.replace('FieldValue', '')}`);
}

const pod = (spec: Record<string, unknown>): string[] =>
  causesOf('v1', 'Pod', { spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });
const container = (fields: Record<string, unknown>, spec: Record<string, unknown> = {}): string[] =>
  pod({ ...spec, containers: [{ name: 'c', image: 'i', ...fields }] });
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const selected = { selector: { matchLabels: { a: 'b' } }, template };
const service = (spec: Record<string, unknown>): string[] => causesOf('v1', 'Service', { spec: { ports: [{ port: 80 }], ...spec } });
const at = 'spec.containers[0]';

describe('validateCreate', () => {
  const rows: [name: string, found: string[], causes: string[]][] = [
    // metadata
    ['a valid pod', pod({}), []],
    ['generateName stands for a name', causesOf('v1', 'ConfigMap', { metadata: { generateName: 'x-' } }), []],
    ['no name', causesOf('v1', 'ConfigMap', { metadata: {} }), ['metadata.name Required']],
    [
      'a namespace on a cluster-scoped kind',
      causesOf('v1', 'Node', { metadata: { name: 'n', namespace: 'd' } }),
      ['metadata.namespace Forbidden'],
    ],
    [
      'an annotation key in capitals is fine',
      causesOf('v1', 'ConfigMap', { metadata: { name: 'x', annotations: { 'Example.com/A': '' } } }),
      [],
    ],
    [
      'a finalizer without syntax',
      causesOf('v1', 'ConfigMap', { metadata: { name: 'x', finalizers: ['a b'] } }),
      ['metadata.finalizers Invalid'],
    ],
    ['RBAC names may hold colons', causesOf('rbac.authorization.k8s.io/v1', 'ClusterRole', { metadata: { name: 'system:x' } }), []],
    [
      'a service name of 64 bytes',
      causesOf('v1', 'Service', { metadata: { name: 'a'.repeat(64) }, spec: { ports: [{ port: 1 }] } }),
      ['metadata.name Invalid'],
    ],
    [
      'two controllers',
      causesOf('v1', 'Pod', {
        metadata: {
          name: 'x',
          ownerReferences: [1, 2].map((n) => ({ apiVersion: 'v1', kind: 'K', name: 'n', uid: `${n}`, controller: true })),
        },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      }),
      ['metadata.ownerReferences Invalid'],
    ],
    // containers
    ['image with a space', container({ image: ' i' }), [`${at}.image Invalid`]],
    ['port without number', container({ ports: [{ name: 'http' }] }), [`${at}.ports[0].containerPort Required`]],
    [
      'two ports of one name',
      container({
        ports: [
          { name: 'a', containerPort: 1 },
          { name: 'a', containerPort: 2 },
        ],
      }),
      [`${at}.ports[1].name Duplicate`],
    ],
    [
      'a host port that differs on the host network',
      container({ ports: [{ containerPort: 80, hostPort: 81 }] }, { hostNetwork: true }),
      [`${at}.ports[0].containerPort Invalid`],
    ],
    ['an environment variable with =', container({ env: [{ name: 'A=B' }] }), [`${at}.env[0].name Invalid`]],
    ['an empty valueFrom', container({ env: [{ name: 'A', valueFrom: {} }] }), [`${at}.env[0].valueFrom Invalid`]],
    [
      'a field that has no path',
      container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.foo' } } }] }),
      [`${at}.env[0].valueFrom.fieldRef.fieldPath Invalid`],
    ],
    ['a label as a field', container({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }] }), []],
    ['a probe without action', container({ livenessProbe: {} }), [`${at}.livenessProbe Required`]],
    [
      'a liveness probe that must succeed twice',
      container({ livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 2 } }),
      [`${at}.livenessProbe.successThreshold Invalid`],
    ],
    [
      'a probe port out of range',
      container({ readinessProbe: { httpGet: { port: 70000 } } }),
      [`${at}.readinessProbe.httpGet.port Invalid`],
    ],
    [
      'two mounts at one path',
      container(
        {
          volumeMounts: [
            { name: 'v', mountPath: '/a' },
            { name: 'v', mountPath: '/a' },
          ],
        },
        { volumes: [{ name: 'v' }] },
      ),
      [`${at}.volumeMounts[1].mountPath Invalid`],
    ],
    [
      'a subPath that climbs',
      container({ volumeMounts: [{ name: 'v', mountPath: '/a', subPath: 'b/../..' }] }, { volumes: [{ name: 'v' }] }),
      [`${at}.volumeMounts[0].subPath Invalid`],
    ],
    [
      'an unknown resource',
      container({ resources: { requests: { foo: '1' } } }),
      [`${at}.resources.requests[foo] Invalid`, `${at}.resources.requests[foo] Invalid`],
    ],
    [
      'a negative limit',
      container({ resources: { limits: { cpu: '-1' } } }),
      [`${at}.resources.limits[cpu] Invalid`, `${at}.resources.requests[cpu] Invalid`],
    ],
    [
      'privileged without escalation',
      container({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
      [`${at}.securityContext Invalid`],
    ],
    ['a restart policy on a plain container', container({ restartPolicy: 'Always' }), [`${at}.restartPolicy Forbidden`]],
    [
      'one name for init and plain container',
      pod({ initContainers: [{ name: 'c', image: 'i' }] }),
      ['spec.initContainers[0].name Duplicate'],
    ],
    [
      'a probe on an init container that ends',
      pod({ initContainers: [{ name: 'j', image: 'i', startupProbe: { tcpSocket: { port: 1 } } }] }),
      ['spec.initContainers[0].startupProbe Forbidden'],
    ],
    [
      'a native sidecar with a probe',
      pod({ initContainers: [{ name: 'j', image: 'i', restartPolicy: 'Always', startupProbe: { tcpSocket: { port: 1 } } }] }),
      [],
    ],
    // pod spec
    [
      'a volume of two kinds',
      pod({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] }),
      ['spec.volumes[0].hostPath Forbidden'],
    ],
    [
      'a host path that climbs',
      pod({ volumes: [{ name: 'v', hostPath: { path: '/a/../b' } }] }),
      ['spec.volumes[0].hostPath.path Invalid'],
    ],
    ['two volumes of one name', pod({ volumes: [{ name: 'v' }, { name: 'v' }] }), ['spec.volumes[1].name Duplicate']],
    [
      'a token that lives too short',
      pod({ volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 10 } }] } }] }),
      ['spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds Invalid'],
    ],
    ['dnsPolicy None without servers', pod({ dnsPolicy: 'None' }), ['spec.dnsConfig Required']],
    [
      'a toleration that matches nothing',
      pod({ tolerations: [{ operator: 'Equal', value: 'x' }] }),
      ['spec.tolerations[0].operator Invalid'],
    ],
    [
      'toleration seconds without NoExecute',
      pod({ tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 }] }),
      ['spec.tolerations[0].effect Invalid'],
    ],
    [
      'an unknown node operator',
      pod({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Like' }] }] },
          },
        },
      }),
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator Invalid',
      ],
    ],
    [
      'pod affinity without topology',
      pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } } }),
      ['spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey Required'],
    ],
    // workloads
    ['a valid deployment', causesOf('apps/v1', 'Deployment', { spec: selected }), []],
    ['an empty selector', causesOf('apps/v1', 'Deployment', { spec: { selector: {}, template } }), ['spec.selector Invalid']],
    [
      'Recreate with parameters',
      causesOf('apps/v1', 'Deployment', { spec: { ...selected, strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } } }),
      ['spec.strategy.rollingUpdate Forbidden'],
    ],
    [
      'unavailable above all',
      causesOf('apps/v1', 'Deployment', { spec: { ...selected, strategy: { rollingUpdate: { maxUnavailable: '101%' } } } }),
      ['spec.strategy.rollingUpdate.maxUnavailable Invalid'],
    ],
    [
      'a deadline before ready',
      causesOf('apps/v1', 'Deployment', { spec: { ...selected, minReadySeconds: 700 } }),
      ['spec.progressDeadlineSeconds Invalid'],
    ],
    [
      'a daemon set that waits for nothing',
      causesOf('apps/v1', 'DaemonSet', { spec: { ...selected, updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } } }),
      ['spec.updateStrategy.rollingUpdate.maxUnavailable Invalid'],
    ],
    [
      'an indexed job without count',
      causesOf('batch/v1', 'Job', {
        spec: { parallelism: 1, completionMode: 'Indexed', template: { spec: { ...template.spec, restartPolicy: 'Never' } } },
      }),
      ['spec.completions Required'],
    ],
    [
      'a schedule of four fields',
      causesOf('batch/v1', 'CronJob', {
        spec: { schedule: '* * * *', jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } } },
      }),
      ['spec.schedule Invalid'],
    ],
    // services
    ['a headless service needs no ports', service({ clusterIP: 'None', ports: [] }), []],
    ['an external name', causesOf('v1', 'Service', { spec: { type: 'ExternalName' } }), ['spec.externalName Required']],
    ['a node port on a cluster service', service({ ports: [{ port: 80, nodePort: 30000 }] }), ['spec.ports[0].nodePort Forbidden']],
    ['a headless load balancer', service({ type: 'LoadBalancer', clusterIP: 'None' }), ['spec.clusterIPs[0] Invalid']],
    ['an address that is none', service({ clusterIP: '10.0.0.300' }), ['spec.clusterIPs[0] Invalid']],
    [
      'a target port name too long',
      service({ ports: [{ port: 80, targetPort: 'a-port-name-too-long' }] }),
      ['spec.ports[0].targetPort Invalid'],
    ],
    [
      'one port number, two protocols',
      service({
        ports: [
          { name: 'a', port: 53 },
          { name: 'b', port: 53, protocol: 'UDP' },
        ],
      }),
      [],
    ],
    [
      'endpoints of the other family',
      causesOf('discovery.k8s.io/v1', 'EndpointSlice', { addressType: 'IPv4', endpoints: [{ addresses: ['fd00::1'] }] }),
      ['endpoints[0].addresses[0] Invalid'],
    ],
    // network policy
    [
      'end port below port',
      causesOf('networking.k8s.io/v1', 'NetworkPolicy', { spec: { egress: [{ ports: [{ port: 90, endPort: 80 }] }] } }),
      ['spec.egress[0].ports[0].endPort Invalid'],
    ],
    [
      'an exception as large as its block',
      causesOf('networking.k8s.io/v1', 'NetworkPolicy', {
        spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } }] }] },
      }),
      ['spec.ingress[0].from[0].ipBlock.except[0] Invalid'],
    ],
    [
      'an exception of the other family',
      causesOf('networking.k8s.io/v1', 'NetworkPolicy', {
        spec: { ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['fd00::/64'] } }] }] },
      }),
      ['spec.ingress[0].from[0].ipBlock.except[0] Invalid'],
    ],
    [
      'an exception of IPv6',
      causesOf('networking.k8s.io/v1', 'NetworkPolicy', {
        spec: { ingress: [{ from: [{ ipBlock: { cidr: 'fd00::/16', except: ['fd00:1::/64'] } }] }] },
      }),
      [],
    ],
    [
      'a selector operator',
      causesOf('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }),
      ['spec.podSelector.matchExpressions[0].values Required'],
    ],
    // configuration and access
    ['one key twice', causesOf('v1', 'ConfigMap', { data: { a: 'x' }, binaryData: { a: 'eA==' } }), ['data[a] Invalid']],
    ['too much data', causesOf('v1', 'ConfigMap', { data: { a: 'x'.repeat(1024 * 1024 + 1) } }), [' TooLong']],
    ['exactly one MiB', causesOf('v1', 'ConfigMap', { data: { a: 'x'.repeat(1024 * 1024) } }), []],
    [
      'a TLS secret without key',
      causesOf('v1', 'Secret', { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }),
      ['data[tls.key] Required'],
    ],
    ['a taint without effect', causesOf('v1', 'Node', { spec: { taints: [{ key: 'a' }] } }), ['spec.taints[0].effect Required']],
    [
      'a role over URLs',
      causesOf('rbac.authorization.k8s.io/v1', 'Role', { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] }),
      ['rules[0].nonResourceURLs Invalid'],
    ],
    [
      'a cluster binding to a role',
      causesOf('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', {
        roleRef: { kind: 'Role', name: 'r' },
        subjects: [{ kind: 'ServiceAccount', name: 's' }],
      }),
      ['roleRef.kind NotSupported', 'subjects[0].namespace Required'],
    ],
    [
      'an ingress path without type',
      causesOf('networking.k8s.io/v1', 'Ingress', {
        spec: { rules: [{ http: { paths: [{ path: '/', backend: { service: { name: 's', port: { number: 80 } } } }] } }] },
      }),
      ['spec.rules[0].http.paths[0].pathType Required'],
    ],
    [
      'a budget of both kinds',
      causesOf('policy/v1', 'PodDisruptionBudget', { spec: { minAvailable: 1, maxUnavailable: 1 } }),
      ['spec Invalid'],
    ],
    [
      'a webhook of URL and service',
      causesOf('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', {
        webhooks: [
          {
            name: 'a.b.c',
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
            clientConfig: { url: 'https://h', service: { name: 's', namespace: 'n' } },
          },
        ],
      }),
      ['webhooks[0].clientConfig Required'],
    ],
    // a kind without rules of its own
    ['a runtime class', causesOf('node.k8s.io/v1', 'RuntimeClass', { handler: 'h' }), []],
  ];
  for (const [name, found, causes] of rows) test(name, () => assert.deepEqual(found, causes));
});

describe('validateUpdate', () => {
  const changed = (apiVersion: string, kind: string, before: Record<string, unknown>, after: Record<string, unknown>): string[] =>
    validateUpdate(registry, made(apiVersion, kind, after), made(apiVersion, kind, before)).map(
      (c) => `${c.field} ${c.reason?.replace('FieldValue', '')}`,
    );
  const podOf = (spec: Record<string, unknown>): Record<string, unknown> => ({
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  });
  const deployment = { spec: selected };
  const rows: [name: string, found: string[], causes: string[]][] = [
    ['nothing', changed('apps/v1', 'Deployment', deployment, deployment), []],
    ['replicas', changed('apps/v1', 'Deployment', deployment, { spec: { ...selected, replicas: 5 } }), []],
    [
      'a selector',
      changed('apps/v1', 'Deployment', deployment, {
        spec: { selector: { matchLabels: { c: 'd' } }, template: { ...template, metadata: { labels: { c: 'd' } } } },
      }),
      ['spec.selector Invalid'],
    ],
    ['a name', changed('v1', 'ConfigMap', { metadata: { name: 'a' } }, { metadata: { name: 'b' } }), ['metadata.name Invalid']],
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
      ['metadata.finalizers Forbidden'],
    ],
  ];
  for (const [name, found, causes] of rows) test(name, () => assert.deepEqual(found, causes));
});
