import type { Check } from '../../topic.ts';
import { container, made, merge, pod, refusedPod, selector } from './samples.ts';

/** Pods: what is refused, what may change, binding, eviction and its budget. */
export const podChecks: readonly Check[] = [
  { name: 'pod', send: 'POST $core/pods', body: pod('p') },
  refusedPod('no containers', { containers: [] }),
  refusedPod('two of one name', { containers: [container, container] }),
  refusedPod('a bad container name', { containers: [{ name: 'A_b', image: 'i' }] }),
  refusedPod('no image', { containers: [{ name: 'c' }] }),
  refusedPod('a bad pull policy', { containers: [{ ...container, imagePullPolicy: 'Perhaps' }] }),
  refusedPod('a bad port', { containers: [{ ...container, ports: [{ containerPort: 99999, protocol: 'ABC' }] }] }),
  refusedPod('two ports of one name', {
    containers: [
      {
        ...container,
        ports: [
          { containerPort: 1, name: 'a' },
          { containerPort: 2, name: 'a' },
        ],
      },
    ],
  }),
  refusedPod('a bad port name', { containers: [{ ...container, ports: [{ containerPort: 1, name: 'Too_Long_A_Port_Name' }] }] }),
  refusedPod('a bad variable', { containers: [{ ...container, env: [{ name: 'a=b', value: 'x' }, { name: '' }] }] }),
  refusedPod('a variable from two places', {
    containers: [{ ...container, env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }],
  }),
  refusedPod('a field unknown', {
    containers: [{ ...container, env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.nothing' } } }] }],
  }),
  refusedPod('limits below requests', { containers: [{ ...container, resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }] }),
  refusedPod('negative requests', { containers: [{ ...container, resources: { requests: { cpu: '-1' } } }] }),
  refusedPod('a resource unknown', { containers: [{ ...container, resources: { requests: { things: '1' } } }] }),
  refusedPod('a mount without a volume', { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/x' }] }] }),
  refusedPod('two mounts in one place', {
    volumes: [{ name: 'v', emptyDir: {} }],
    containers: [
      {
        ...container,
        volumeMounts: [
          { name: 'v', mountPath: '/x' },
          { name: 'v', mountPath: '/x' },
        ],
      },
    ],
  }),
  refusedPod('two volumes of one name', {
    volumes: [
      { name: 'v', emptyDir: {} },
      { name: 'v', emptyDir: {} },
    ],
  }),
  refusedPod('a volume of two kinds', { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] }),
  refusedPod('a volume of nothing', {
    volumes: [
      { name: 'v', secret: {} },
      { name: 'w', configMap: {} },
      { name: 'x', persistentVolumeClaim: {} },
    ],
  }),
  refusedPod('a hostPath of a kind unknown', { volumes: [{ name: 'v', hostPath: { path: '/x', type: 'Odd' } }] }),
  refusedPod('a subPath upwards', {
    volumes: [{ name: 'v', emptyDir: {} }],
    containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/x', subPath: '../y' }] }],
  }),
  refusedPod('a probe of two kinds', {
    containers: [{ ...container, livenessProbe: { httpGet: { path: '/', port: 80 }, tcpSocket: { port: 80 } } }],
  }),
  refusedPod('a probe of nothing', { containers: [{ ...container, readinessProbe: {} }] }),
  refusedPod('a probe with a bad port', { containers: [{ ...container, readinessProbe: { tcpSocket: { port: 'not a port' } } }] }),
  refusedPod('a probe with negative times', {
    containers: [{ ...container, readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: -1, timeoutSeconds: -1 } }],
  }),
  refusedPod('a liveness that must succeed twice', {
    containers: [{ ...container, livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } }],
  }),
  refusedPod('a restart policy unknown', { restartPolicy: 'Sometimes' }),
  refusedPod('a DNS policy unknown', { dnsPolicy: 'Mine' }),
  refusedPod('no DNS', { dnsPolicy: 'None' }),
  refusedPod('a negative grace period', { terminationGracePeriodSeconds: -5 }),
  refusedPod('a deadline of nothing', { activeDeadlineSeconds: 0 }),
  refusedPod('a bad host name', { hostname: 'A_b', subdomain: 'C_d' }),
  refusedPod('a bad node name', { nodeName: 'A_b' }),
  refusedPod('a bad node selector', { nodeSelector: { 'a b': 'c d' } }),
  refusedPod('a bad toleration', {
    tolerations: [
      { key: 'a', operator: 'Near' },
      { operator: 'Equal', value: 'x' },
      { key: 'k', operator: 'Exists', value: 'v' },
    ],
  }),
  refusedPod('a bad affinity', {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In' }] }] },
      },
    },
  }),
  refusedPod('a bad pod affinity', {
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: {} }] } },
  }),
  refusedPod('a bad spread', { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Maybe' }] }),
  refusedPod('a bad security context', {
    containers: [{ ...container, securityContext: { privileged: true, allowPrivilegeEscalation: false, runAsUser: -1 } }],
  }),
  refusedPod('host network with another port', {
    hostNetwork: true,
    containers: [{ ...container, ports: [{ containerPort: 80, hostPort: 81 }] }],
  }),
  refusedPod('a sysctl that is none', { securityContext: { sysctls: [{ name: 'a b', value: '1' }] } }),
  refusedPod('an alias that is none', { hostAliases: [{ ip: 'x', hostnames: ['A_b'] }] }),
  refusedPod('an init container that restarts oddly', { initContainers: [{ name: 'i', image: 'i', restartPolicy: 'Never' }] }),
  refusedPod('a probe on an init container', { initContainers: [{ name: 'i', image: 'i', readinessProbe: { tcpSocket: { port: 1 } } }] }),
  refusedPod('an ephemeral container', { ephemeralContainers: [{ name: 'e', image: 'i' }] }),
  refusedPod('a priority class unknown', { priorityClassName: 'highest' }),
  refusedPod('a priority of its own', { priority: 5 }),
  refusedPod('a runtime class unknown', { runtimeClassName: 'gvisor' }),
  refusedPod('a gate', { schedulingGates: [{ name: 'example.com/wait' }] }),
  refusedPod('a gate twice', { schedulingGates: [{ name: 'example.com/wait' }, { name: 'example.com/wait' }] }),
  {
    name: 'pod changes its image',
    send: 'PATCH $core/pods/p',
    type: merge,
    body: { spec: { containers: [{ name: 'c', image: 'i:2' }] } },
    only: ['spec.containers', 'message', 'details'],
  },
  {
    name: 'pod changes its command',
    send: 'PATCH $core/pods/p',
    type: 'application/strategic-merge-patch+json',
    body: { spec: { containers: [{ name: 'c', command: ['x'] }] } },
    only: ['code', 'reason', 'details.causes.0.field', 'details.causes.0.reason'],
  },
  {
    name: 'pod changes its restart policy',
    send: 'PATCH $core/pods/p',
    type: merge,
    body: { spec: { restartPolicy: 'Never' } },
    only: ['code', 'reason', 'details.causes.0.field', 'details.causes.0.reason'],
  },
  {
    name: 'pod gets a toleration',
    send: 'PATCH $core/pods/p',
    type: 'application/json-patch+json',
    body: [{ op: 'add', path: '/spec/tolerations/-', value: { key: 'x', operator: 'Exists' } }],
    only: ['spec.tolerations'],
  },
  {
    name: 'pod loses its tolerations',
    send: 'PATCH $core/pods/p',
    type: merge,
    body: { spec: { tolerations: null } },
    only: ['code', 'details.causes.0.field', 'details.causes.0.reason'],
  },
  {
    name: 'pod gets a shorter deadline',
    send: 'PATCH $core/pods/p',
    type: merge,
    body: { spec: { activeDeadlineSeconds: 50 } },
    only: ['spec.activeDeadlineSeconds'],
  },
  { name: 'pod gets a longer deadline', send: 'PATCH $core/pods/p', type: merge, body: { spec: { activeDeadlineSeconds: 60 } } },
  {
    name: 'pod is bound',
    send: 'POST $core/pods/p/binding',
    body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } },
  },
  {
    name: 'pod is bound again',
    send: 'POST $core/pods/p/binding',
    body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n2' } },
  },
  {
    name: 'pod is bound to a pod',
    send: 'POST $core/pods/p/binding',
    body: { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Pod', name: 'n2' } },
  },
  { name: 'pod after binding', send: 'GET $core/pods/p', only: ['spec.nodeName', 'status', 'metadata.generation'] },
  {
    name: 'pod status',
    send: 'PATCH $core/pods/p/status',
    type: 'application/strategic-merge-patch+json',
    body: {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        podIP: '192.0.2.5',
        podIPs: [{ ip: '192.0.2.5' }],
        containerStatuses: [
          { name: 'c', ready: true, restartCount: 0, image: 'i', imageID: '', state: { running: { startedAt: '2026-01-01T00:00:00Z' } } },
        ],
      },
    },
    only: ['status'],
  },
  {
    name: 'pod with an ephemeral container',
    send: 'PATCH $core/pods/p/ephemeralcontainers',
    type: 'application/strategic-merge-patch+json',
    body: { spec: { ephemeralContainers: [{ name: 'dbg', image: 'i', targetContainerName: 'c' }] } },
    only: ['spec.ephemeralContainers', 'message'],
  },
  {
    name: 'pod with a changed ephemeral container',
    send: 'PATCH $core/pods/p/ephemeralcontainers',
    type: 'application/strategic-merge-patch+json',
    body: { spec: { ephemeralContainers: [{ name: 'dbg', image: 'other' }] } },
  },
  {
    name: 'pod is resized',
    send: 'PATCH $core/pods/p/resize',
    type: 'application/strategic-merge-patch+json',
    body: { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] } },
  },
  { name: 'pod table', kubectl: 'get pods -o wide' },
  { name: 'pod described', kubectl: 'describe pod p' },
  {
    name: 'pod is evicted',
    send: 'POST $core/pods/p/eviction',
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } },
  },
  {
    name: 'pod is going',
    send: 'GET $core/pods/p',
    only: ['metadata.deletionGracePeriodSeconds', 'spec.terminationGracePeriodSeconds', 'metadata.generation'],
  },
  {
    name: 'pod is deleted at once',
    send: 'DELETE $core/pods/p?gracePeriodSeconds=0',
    only: ['metadata.name', 'metadata.deletionGracePeriodSeconds'],
  },
  {
    name: 'budget',
    send: 'POST /apis/policy/v1/namespaces/$ns/poddisruptionbudgets',
    body: { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec: { minAvailable: 1, selector } },
  },
  made('budget of both', '/apis/policy/v1/namespaces/$ns/poddisruptionbudgets', {
    metadata: { name: 'b2' },
    spec: { minAvailable: 1, maxUnavailable: 1, selector },
  }),
  made('budget with a bad share', '/apis/policy/v1/namespaces/$ns/poddisruptionbudgets', {
    metadata: { name: 'b2' },
    spec: { minAvailable: '150%', selector },
  }),
  { name: 'pod under the budget', send: 'POST $core/pods', body: pod('g', {}, { labels: { a: 'b' } }), only: ['metadata.name'] },
  {
    name: 'pod under the budget runs',
    send: 'PATCH $core/pods/g/status',
    type: merge,
    body: { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
    only: ['status.phase'],
  },
  {
    name: 'pod under the budget is evicted',
    send: 'POST $core/pods/g/eviction',
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'g' } },
  },
];
