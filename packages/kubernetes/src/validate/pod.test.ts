import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CauseRow, causesOf } from './testing/cases.ts';

const pod = (spec: Record<string, unknown>): string[] =>
  causesOf('v1', 'Pod', { spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });
const container = (fields: Record<string, unknown>, spec: Record<string, unknown> = {}): string[] =>
  pod({ ...spec, containers: [{ name: 'c', image: 'i', ...fields }] });
const at = 'spec.containers[0]';

describe('metadata and pods', () => {
  const rows: CauseRow[] = [
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
      ['metadata.finalizers Invalid', 'metadata.finalizers[0] Invalid'],
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
      [`${at}.ports[0].hostPort Invalid`],
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
      [`${at}.volumeMounts.subPath Invalid`],
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
      [
        'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey Required',
        'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey Invalid',
        'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey Invalid',
      ],
    ],
  ];
  for (const [name, found, causes] of rows) test(name, () => assert.deepEqual(found, causes));
});
