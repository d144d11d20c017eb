import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CauseRow, causesOf, selected } from './testing/cases.ts';

const { template } = selected;
const service = (spec: Record<string, unknown>): string[] => causesOf('v1', 'Service', { spec: { ports: [{ port: 80 }], ...spec } });
const csr = (spec: Record<string, unknown>): string[] =>
  causesOf('certificates.k8s.io/v1', 'CertificateSigningRequest', {
    spec: { request: 'eA==', signerName: 'a.example/b', usages: ['client auth'], ...spec },
  });

const volume = (spec: Record<string, unknown>): string[] =>
  causesOf('v1', 'PersistentVolume', { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...spec } });

describe('workloads, services, policies, configuration', () => {
  const rows: CauseRow[] = [
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
    // persistent volumes
    ['a volume', volume({ hostPath: { path: '/data' } }), []],
    ['one that climbs', volume({ hostPath: { path: '/data/../etc' } }), ['spec.hostPath.path Invalid']],
    ['one without a path', volume({ hostPath: {} }), ['spec.hostPath.path Required']],
    ['one of an odd type', volume({ hostPath: { path: '/data', type: 'Odd' } }), ['spec.hostPath.type NotSupported']],
    ['one of two kinds', volume({ hostPath: { path: '/data' }, nfs: { server: 'a', path: '/b' } }), ['spec.nfs Forbidden']],
    ['one of no kind', volume({}), ['spec Required']],
    [
      'the root, recycled',
      volume({ hostPath: { path: '/' }, persistentVolumeReclaimPolicy: 'Recycle' }),
      ['spec.persistentVolumeReclaimPolicy Forbidden'],
    ],
    [
      'an odd policy and mode',
      volume({ hostPath: { path: '/data' }, persistentVolumeReclaimPolicy: 'Keep', volumeMode: 'Tape' }),
      ['spec.persistentVolumeReclaimPolicy NotSupported', 'spec.volumeMode NotSupported'],
    ],
    [
      'for one pod and for one node',
      volume({ hostPath: { path: '/data' }, accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'] }),
      ['spec.accessModes Forbidden'],
    ],
    // certificate requests
    ['a certificate request', csr({}), []],
    ['one without a signer', csr({ signerName: '' }), ['spec.signerName Required']],
    ['a signer of no domain', csr({ signerName: 'a/b' }), ['spec.signerName Invalid']],
    ['a signer in two parts too many', csr({ signerName: 'a.b/c/d' }), ['spec.signerName Invalid']],
    ['a signer with capitals', csr({ signerName: 'A.b/C' }), ['spec.signerName Invalid', 'spec.signerName Invalid']],
    [
      'the same usage twice, and an odd one',
      csr({ usages: ['any', 'odd', 'any'] }),
      ['spec.usages[1] NotSupported', 'spec.usages[2] Duplicate'],
    ],
    ['a certificate for a moment', csr({ expirationSeconds: 599 }), ['spec.expirationSeconds Invalid']],
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
      ['endpoints[0].addresses Invalid'],
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
    ['too much data', causesOf('v1', 'ConfigMap', { data: { a: 'x'.repeat(1024 * 1024 + 1) } }), ['[] TooLong']],
    ['exactly one MiB', causesOf('v1', 'ConfigMap', { data: { a: 'x'.repeat(1024 * 1024) } }), []],
    [
      'a TLS secret without key',
      causesOf('v1', 'Secret', { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }),
      ['data[tls.key] Required'],
    ],
    ['a taint without effect', causesOf('v1', 'Node', { spec: { taints: [{ key: 'a' }] } }), ['metadata.taints[0].effect Required']],
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
