import type { Check } from '../../topic.ts';
import { made } from './samples.ts';

/** Kinds with a check or two each. */
export const otherChecks: readonly Check[] = [
  made('network policy', '$net/networkpolicies', {
    metadata: { name: 'n' },
    spec: { podSelector: {}, ingress: [{}], egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] },
  }),
  made('network policy with a bad block', '$net/networkpolicies', {
    metadata: { name: 'n' },
    spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1', except: ['11.0.0.0/8'] }, podSelector: {} }, {}] }] },
  }),
  made('network policy with a bad port', '$net/networkpolicies', {
    metadata: { name: 'n' },
    spec: {
      podSelector: {},
      ingress: [{ ports: [{ port: 99999 }, { port: 'Bad Name', protocol: 'ABC' }, { port: 80, endPort: 70 }] }],
      policyTypes: ['Sideways'],
    },
  }),
  made('ingress', '$net/ingresses', {
    metadata: { name: 'i' },
    spec: {
      rules: [
        {
          host: 'a.example.com',
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] },
        },
      ],
    },
  }),
  made('ingress without rules', '$net/ingresses', { metadata: { name: 'i' }, spec: {} }),
  made('ingress with a bad path', '$net/ingresses', {
    metadata: { name: 'i' },
    spec: { rules: [{ host: '1.2.3.4', http: { paths: [{ path: 'x', pathType: 'Odd', backend: {} }] } }] },
  }),
  made('ingress with a class twice', '$net/ingresses', {
    metadata: { name: 'i', annotations: { 'kubernetes.io/ingress.class': 'a' } },
    spec: { ingressClassName: 'b', defaultBackend: { service: { name: 's', port: { name: 'http' } } } },
  }),
  made('autoscaler', '/apis/autoscaling/v2/namespaces/$ns/horizontalpodautoscalers', {
    metadata: { name: 'h' },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3 },
  }),
  made('autoscaler upside down', '/apis/autoscaling/v2/namespaces/$ns/horizontalpodautoscalers', {
    metadata: { name: 'h' },
    spec: { scaleTargetRef: { kind: '', name: '' }, minReplicas: 5, maxReplicas: 3 },
  }),
  made('lease', '/apis/coordination.k8s.io/v1/namespaces/$ns/leases', {
    metadata: { name: 'l' },
    spec: { holderIdentity: 'x', leaseDurationSeconds: 0 },
  }),
  made('slice', '/apis/discovery.k8s.io/v1/namespaces/$ns/endpointslices', {
    metadata: { name: 'e' },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.0.2.1'] }],
    ports: [{ port: 80 }],
  }),
  made('slice with a bad address', '/apis/discovery.k8s.io/v1/namespaces/$ns/endpointslices', {
    metadata: { name: 'e' },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['x', 'fd00::1', '127.0.0.1'] }],
  }),
  made('endpoints with a bad address', '$core/endpoints', {
    metadata: { name: 'e' },
    subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 0 }] }],
  }),
  made('event', '$core/events', {
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod', name: 'x', namespace: 't-kinds' },
    reason: 'r',
    type: 'Normal',
  }),
  made('event about another namespace', '$core/events', {
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod', name: 'x', namespace: 'default' },
    reason: 'r',
  }),
  made('claim', '$core/persistentvolumeclaims', {
    metadata: { name: 'c' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }),
  made('claim of nothing', '$core/persistentvolumeclaims', { metadata: { name: 'c' }, spec: {} }),
  made('volume', '/api/v1/persistentvolumes', {
    metadata: { name: 'v' },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
  }),
  made('volume of nothing', '/api/v1/persistentvolumes', { metadata: { name: 'v' }, spec: { accessModes: ['Odd'] } }),
  made('namespace', '/api/v1/namespaces', { metadata: { name: 'made' } }),
  made('namespace with a bad name', '/api/v1/namespaces', { metadata: { name: 'a.b' } }),
  made('node', '/api/v1/nodes', {
    metadata: { name: 'n' },
    spec: { podCIDR: '10.0.0.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }] },
  }),
  made('node with a bad taint', '/api/v1/nodes', {
    metadata: { name: 'n' },
    spec: { podCIDRs: ['x'], taints: [{ key: 'a b', effect: 'Odd' }] },
  }),
  made('priority class', '/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'pc' }, value: 5 }),
  made('priority class too high', '/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'pc' }, value: 2000000000 }),
  made('priority class of the system', '/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'system-mine' }, value: 5 }),
  made('storage class', '/apis/storage.k8s.io/v1/storageclasses', { metadata: { name: 'sc' }, provisioner: 'example.com/x' }),
  made('storage class without a provisioner', '/apis/storage.k8s.io/v1/storageclasses', {
    metadata: { name: 'sc' },
    reclaimPolicy: 'Odd',
  }),
  made('controller revision', '$apps/controllerrevisions', { metadata: { name: 'cr' }, revision: 1, data: { a: 1 } }),
];
